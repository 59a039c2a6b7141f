"""A sweep over a text is a sweep over its bytes: edited, moved, missing, many points."""

import hashlib
import re
import shlex

import pytest
from sweep_helpers import FakeEngine, request

import absorb.lanes.batch
from absorb import checksums
from absorb.cli import main
from absorb.errors import AbsorbError
from absorb.identity import flat, run_id
from absorb.store import Store
from sweeps.app import compose
from sweeps.html_report import commands
from sweeps.reports import repeat_command

TEXT = ["world=text", "model=transformer"]
LINES = "The king had many horses.\nNobody rode them, and so they slept.\n"


@pytest.fixture
def text(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "text.txt"
    path.write_text(LINES * 300)
    return path


def ids(*words: str) -> list[str]:
    return [point.run_id for point in request(*TEXT, *words).points]


def sha256(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()


def test_an_edited_text_is_another_and_a_moved_one_is_the_same(text):
    before = ids("seed=1,2")
    assert before == [run_id(compose([*TEXT, f"seed={seed}"])) for seed in (1, 2)]
    stated = f"world.sha256='{sha256(LINES * 300)}'"
    assert ids("seed=1,2", stated, "world.path=nowhere.txt") == before
    text.rename(text.with_name("moved.txt"))
    assert ids("seed=1,2", "world.path=moved.txt") == before
    text.write_text(LINES * 299)
    assert not set(ids("seed=1,2")) & set(before)
    text.write_text(LINES * 300)
    assert ids("seed=1,2") == before


def test_each_of_several_texts_has_its_own_checksum_in_the_configs(text):
    text.with_name("other.txt").write_text(LINES * 299)
    found = {
        point.config.world.path: point.config.world.sha256
        for point in request(*TEXT, "world.path=text.txt,other.txt", "world.length=16,24").points
    }
    assert found == {"text.txt": sha256(LINES * 300), "other.txt": sha256(LINES * 299)}


def test_a_text_is_read_once_however_many_points_there_are(text, monkeypatch):
    read: list = []
    whole = checksums.read_file
    monkeypatch.setattr(checksums, "read_file", lambda path: read.append(path) or whole(path))
    assert len(set(ids("seed=range(50)", "world.length=16,24,32"))) == 150
    ids("seed=3")
    assert read == [text]


def test_a_missing_text_is_refused_by_its_whole_path_before_any_work(text, capsys):
    text.unlink()
    for command in ("plan", "sweep"):
        assert main([command, *TEXT]) == 2
        assert f"world.path: {text} is not there" in capsys.readouterr().err
    with pytest.raises(AbsorbError, match="is not there; expected a"):
        compose(TEXT)
    with pytest.raises(AbsorbError, match="cannot be read"):
        compose([*TEXT, f"world.path={text.parent}"])
    assert list(text.parent.iterdir()) == []


ODD = [
    "world.path='[v2] caf\u00e9.txt'",
    "world.path='it\\'s \\ here\\\\'",
    "world.concepts=['caf\u00e9 horses']",
    "world.concepts=['a\"b']",
    "world.path='Null'",
    "world.path='nan'",
]


@pytest.mark.parametrize("odd", ODD)
def test_a_run_on_a_text_is_repeated_by_its_command_wherever_the_text_is(
    odd, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)  # where no text lies
    config = compose([*TEXT, "world.sha256=a", "seed=3", odd])
    row = {**flat(config), "run_id": run_id(config)}
    words = shlex.split(repeat_command(row))
    assert words[:2] == ["absorb", "train"] and "seed=3" in words
    assert compose(words[2:]) == config
    told = commands({name: [value] for name, value in row.items()}, None)
    assert [told["words"][i] for i in told["runs"][0]] == words[2:]


def test_show_and_card_tell_of_a_text_from_anywhere(text, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(absorb.lanes.batch, "train_batch", FakeEngine())
    assert main(["train", *TEXT, "world.length=32", f"store={tmp_path / 's'}"]) == 0
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    (run,) = Store(tmp_path / "s").run_ids()
    for command, line in (("show", r"repeat +(.*)"), ("card", r"    (absorb .*)")):
        capsys.readouterr()
        assert main([command, run, f"store={tmp_path / 's'}"]) == 0
        found = re.search(line, capsys.readouterr().out)
        assert found and f"world.sha256='{sha256(LINES * 300)}'" in shlex.split(found[1])

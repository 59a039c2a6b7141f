"""What is broken or foreign is found and set aside; what is whole or alive stays."""

import os
import time

import pytest
from shards import flip, manifest_file, row, snapshot, table_file

from absorb.cli import main
from absorb.errors import AbsorbError
from absorb.store import Store, StoreWarning, doctor
from absorb.store.quarantine import set_aside
from absorb.store.shard import shard_names

CODE = {"code": "abc"}


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "root")


@pytest.fixture
def two(store):
    """A store with a shard to be damaged (run 1) and a bystander (run 2)."""
    victim = store.write([row(1, x=1.0)], CODE)
    store.write([row(2, x=2.0)], CODE)
    return store, victim


def test_quarantine_keeps_the_bytes_and_the_reason(two):
    store, victim = two
    flip(table_file(store, victim), 10)
    files = {
        p.name: p.read_bytes() for p in (table_file(store, victim), manifest_file(store, victim))
    }
    store.quarantine(store.verify())
    kept = store.root / "quarantine" / "000001"
    assert {p.name: p.read_bytes() for p in (kept / "moved").iterdir()} == files
    assert "checksum does not match" in (kept / "reason.txt").read_text()


def test_arrays_that_the_manifest_does_not_know_are_foreign(two):
    store, victim = two
    stray = table_file(store, victim).with_suffix(".safetensors")
    stray.write_bytes(b"x")
    report = store.verify()
    assert [(p.kind, len(p.paths)) for p in report.problems] == [("foreign", 1)]
    store.quarantine(report)
    assert not stray.exists() and store.verify().shards == 2


def test_a_manifest_in_the_wrong_directory_counts_for_nothing(two):
    store, victim = two
    wrong = store.root / "shards" / f"{int(victim[:2], 16) ^ 1:02x}"
    wrong.mkdir(exist_ok=True)
    (wrong / f"{victim}.json").write_bytes(manifest_file(store, victim).read_bytes())
    assert list(shard_names(store.root)).count(victim) == 1
    assert [p.kind for p in store.verify().problems] == ["foreign"]


def test_what_the_system_does_not_let_us_read_stays_where_it_is(two, monkeypatch):
    store, victim = two
    store.save_checkpoint("batch", {}, {})
    unreadable = (table_file(store, victim), store.root / "checkpoints" / "batch.checkpoint")
    real = os.open

    def refuse(path, *rest, **more):
        if path in unreadable:
            raise PermissionError(13, "Permission denied")
        return real(path, *rest, **more)

    monkeypatch.setattr(os, "open", refuse)
    with pytest.warns(StoreWarning, match=f"{victim}.*Permission denied"):
        assert store.table().num_rows == 1
    with pytest.raises(AbsorbError, match=r"batch\.checkpoint cannot be read: Permission denied"):
        store.load_checkpoint("batch")
    report = store.verify()
    assert [p.kind for p in report.problems] == ["unreadable"] * 2 and not report.ok
    assert store.quarantine(report, older_than_s=0) == []


STRANGERS = ["shards/notes.txt", "shards/zz/x.json", "shards/00/notes.txt", "checkpoints/model.pkl"]
STRANGERS += ["shards/00/" + "f" * 32 + ".json", "shards/00/" + "n" * 250, "shards/00/a\nb"]


@pytest.mark.parametrize("stranger", STRANGERS)
def test_a_foreign_file_is_named_and_moved(two, stranger):
    store, _ = two
    path = store.root / stranger
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("hello")
    assert store.table().num_rows == 2
    report = store.verify()
    assert [problem.kind for problem in report.problems] == ["foreign"] and not report.ok
    store.quarantine(report)
    assert not path.exists() and store.verify().problems == ()
    kept = [p for p in store.root.glob("quarantine/*/moved/**/*") if p.is_file()]
    assert [p.read_text() for p in kept] == ["hello"]


def test_files_beside_the_stores_own_directories_are_left_alone(two):
    store, _ = two
    (store.root / "figures").mkdir()
    (store.root / "figures" / "a.png").write_text("mine")
    assert store.verify().problems == () and store.quarantine(store.verify()) == []
    assert (store.root / "figures" / "a.png").read_text() == "mine"


def remains(store):
    """What killed writers leave: rows without a manifest, and temporary files."""
    directory = store.root / "shards" / "aa"
    directory.mkdir(parents=True)
    (store.root / "checkpoints").mkdir()
    orphan = directory / ("aa" + "0" * 30 + ".parquet")
    leftovers = [directory / f".tmp-{'0' * 16}", store.root / "checkpoints" / f".tmp-{'1' * 16}"]
    for path in (orphan, *leftovers):
        path.write_bytes(b"half")
    return orphan, leftovers


def test_remains_of_killed_writers_are_harmless_and_cleared_when_old(two):
    store, _ = two
    orphan, leftovers = remains(store)
    assert store.table().num_rows == 2
    report = store.verify()
    assert report.ok and sorted(p.kind for p in report.problems) == [
        "leftover",
        "leftover",
        "orphan",
    ]
    assert store.quarantine(report) == []  # their writers may be alive
    old = time.time() - 3700
    for path in (orphan, *leftovers):
        os.utime(path, (old, old))
    assert len(store.quarantine(report)) == 3
    assert store.verify().problems == ()
    assert [p.name for p in store.root.glob("quarantine/*/moved/*")] == [orphan.name]


def test_remains_are_cleared_at_once_when_asked(two):
    store, _ = two
    remains(store)
    assert len(store.quarantine(store.verify(), older_than_s=0)) == 3
    assert store.verify().problems == ()


def test_what_healed_since_the_report_stays(two):
    store, victim = two
    flip(table_file(store, victim), 10)
    report = store.verify()
    store.write([row(1, x=1.0)], CODE)
    assert store.quarantine(report) == []
    assert store.table().num_rows == 2


def test_what_another_process_moved_meanwhile_is_passed_over(two):
    store, victim = two
    gone = store.root / "shards" / "gone"
    kept = set_aside(store.root, [gone, table_file(store, victim)], "moved")
    assert [path.name for path in (kept / "moved").iterdir()] == [f"{victim}.parquet"]


def test_a_made_up_report_moves_nothing(two, tmp_path):
    from absorb.store import Problem, Report

    store, victim = two
    (tmp_path / "precious").write_text("x")
    problems = [("../precious",), (f"shards/{victim[:2]}/{victim}.json",), ("/etc/passwd",)]
    report = Report(0, 0, 0, tuple(Problem("foreign", paths, "lie") for paths in problems))
    before = snapshot(tmp_path)
    assert store.quarantine(report) == []
    assert snapshot(tmp_path) == before


def test_a_report_reads_as_text(two):
    store, victim = two
    flip(table_file(store, victim), 10)
    head, line = str(store.verify()).splitlines()
    assert head == "1 whole shards, 1 rows, 0 checkpoints"
    assert line.startswith("damaged: shards/") and line.endswith("checksum does not match")


def test_a_checkpoint_is_finished_once_all_its_runs_are_there_and_did_not_fail(two):
    """Runs that failed may be tried again just now."""
    store, _ = two
    store.write([row(3) | {"status": "failed"}], CODE)
    ids = [row(n)["run_id"] for n in (1, 2, 3, 4)]
    asked = {"both": ids[:2], "retried": ids[:3], "begun": [ids[0], ids[3]], "nothing": []}
    for name, runs in asked.items():
        store.save_checkpoint(name, {}, {"run_ids": runs})
    store.save_checkpoint("older", {}, {"wave": 1})
    store.save_checkpoint("odd", {}, {"run_ids": 7})
    store.save_checkpoint("list", {}, [1])
    report = store.verify()
    assert [(p.kind, p.paths) for p in report.problems] == [
        ("finished", ("checkpoints/both.checkpoint",))
    ]
    assert report.ok and report.checkpoints == 6
    assert store.quarantine(report) == ["checkpoints/both.checkpoint"]
    assert store.verify().problems == () and not list(store.root.glob("quarantine/*"))


def test_a_checkpoint_that_goes_while_the_doctor_looks_is_no_problem(two, monkeypatch):
    store, _ = two
    for name in ("gone", "stays"):
        store.save_checkpoint(name, {}, {})
    real = doctor.read_checkpoint

    def read(path):
        if path.name.startswith("gone"):
            store.drop_checkpoint("gone")
        return real(path)

    monkeypatch.setattr(doctor, "read_checkpoint", read)
    report = store.verify()
    assert report.problems == () and report.checkpoints == 1


def test_the_command_looks_at_the_pairs_below_a_store(two, capsys):
    store, _ = two
    pairs = Store(store.root / "barriers")
    broken = table_file(pairs, pairs.write([row(3)], CODE))
    flip(broken, 10)
    name = broken.relative_to(store.root)
    assert main(["doctor", f"store={store.root}"]) == 1
    assert f" {name}: its .parquet file" in capsys.readouterr().out
    assert main(["doctor", f"store={store.root}", "--fix"]) == 0
    assert f"cleared away {name}\n" in capsys.readouterr().out and not broken.exists()
    assert store.table().num_rows == 2

"""Which code rows are by: what can change a number counts, in a checkout and outside of any."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from sweeps import provenance

ROOT = Path(provenance.__file__).parents[1]
PACKAGES = ("absorb", "sweeps")
SAY = "import json, sweeps.provenance as p; print(json.dumps(p.code_version()))"


@pytest.fixture
def tree(tmp_path) -> Path:
    """A copy of the packages with a log beside them, as an installation has them."""
    for name in PACKAGES:
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "LOG.md").write_text("seen\n", encoding="utf-8")
    return tmp_path


def git(tree: Path, *words: str) -> None:
    who = ["-c", "user.name=a", "-c", "user.email=a@b.example"]
    subprocess.run(["git", *who, *words], cwd=tree, check=True, capture_output=True)


def commit(tree: Path) -> None:
    git(tree, "init", "-q")
    git(tree, "add", "--all")
    git(tree, "commit", "-q", "-m", "x")


def code_in(tree: Path) -> dict:
    """What a process says that runs the code in `tree`."""
    command = [sys.executable, "-B", "-c", SAY]
    done = subprocess.run(command, cwd=tree, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def append(path: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write("# more\n")


@pytest.mark.parametrize("name", [
    "LOG.md", "figures/main.py", "absorb/stats/dose.py", "absorb/store/rows.py", "absorb/cli.py",
    "sweeps/html_report.py", "sweeps/report_page.html",
])  # fmt: skip
def test_a_commit_that_changes_no_number_is_the_same_code(tree, name):
    commit(tree)
    before = code_in(tree)
    append(tree / name)
    changed = code_in(tree)
    commit(tree)
    assert before == changed == code_in(tree)


@pytest.mark.parametrize("name", ["absorb/train/step.py", "absorb/config.py", "absorb/own.py"])
def test_without_git_other_sources_are_other_code(tree, name):
    before = code_in(tree)
    assert before == provenance.code_version()
    append(tree / name)
    after = code_in(tree)
    assert after != before
    commit(tree)
    assert code_in(tree) == after


def test_a_file_under_another_name_is_other_code(tree):
    before = code_in(tree)
    (tree / "absorb" / "a.py").write_text("", encoding="utf-8")
    one = code_in(tree)
    (tree / "absorb" / "a.py").rename(tree / "absorb" / "b.py")
    assert len({json.dumps(code) for code in (before, one, code_in(tree))}) == 3


def test_what_an_editor_leaves_behind_is_passed_over(tree):
    before = code_in(tree)
    (tree / "absorb" / ".#step.py").symlink_to("nobody@nowhere")
    (tree / "absorb" / "step.py~").write_text("x", encoding="utf-8")
    assert code_in(tree) == before


def test_git_says_to_people_what_it_was(tree):
    say = SAY.replace("code_version", "git_state")

    def said() -> dict:
        done = subprocess.run([sys.executable, "-B", "-c", say], cwd=tree, capture_output=True)
        return json.loads(done.stdout)

    assert said() == {"revision": None, "changed": None}
    commit(tree)
    first = said()
    append(tree / "LOG.md")
    assert said() == first and len(first["revision"]) == 40 and first["changed"] is False
    append(tree / "sweeps" / "own.py")
    assert said() == first | {"changed": True}
    commit(tree)
    assert said()["revision"] != first["revision"] and said()["changed"] is False

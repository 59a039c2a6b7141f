"""The tutorial, as a newcomer goes through it: every file is written, every command is run."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "tutorial.md"
BLOCK = re.compile(r"^```(\w+)(?: (\w+))?\n(.*?)^```$", re.M | re.S)
FILE = re.compile(r"^# file: (\S+)\n")


class Block(NamedTuple):
    """One fenced block: its language, a word about it, and its text."""

    language: str
    about: str
    text: str


def blocks() -> list[Block]:
    return [Block(*found.groups("")) for found in BLOCK.finditer(PAGE.read_text("utf-8"))]


def test_setting_up_is_as_the_makefile_has_it():
    (setup,) = (block for block in blocks() if block.about == "setup")
    assert setup.text == "make setup\n. .venv/bin/activate\n"
    assert "\nsetup: " in (ROOT / "Makefile").read_text()


def test_every_block_is_run_or_written():
    for block in blocks():
        assert block.language in ("sh", "python", "yaml"), block
        assert (block.language == "sh") != bool(FILE.match(block.text)), block
        assert block.about in ("", "setup", "fails"), block


@pytest.mark.slow
def test_a_newcomer_goes_through_without_a_step_that_fails(tmp_path):
    """An installed `absorb` is put on the path, since the environment may not be activated."""
    tools = tmp_path / "bin"
    tools.mkdir()
    for name, words in {"absorb": "-m absorb.cli", "python": ""}.items():
        (tools / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" {words} "$@"\n')
        (tools / name).chmod(0o755)
    work = tmp_path / "work"
    work.mkdir()
    environment = os.environ | {"PATH": f"{tools}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    said = ""
    for block in blocks():
        if found := FILE.match(block.text):
            (work / found[1]).parent.mkdir(parents=True, exist_ok=True)
            (work / found[1]).write_text(FILE.sub("", block.text), encoding="utf-8")
        elif block.about != "setup":
            done = subprocess.run(["sh", "-e", "-c", block.text], cwd=work, env=environment,
                                  capture_output=True, text=True, timeout=600)  # fmt: skip
            assert (done.returncode != 0) == (block.about == "fails"), done.stdout + done.stderr
            said += done.stdout + done.stderr
    assert "4 to do, 4 of them trained before: only measured" in said
    assert "hidden2" in said and "nothing to do" in said and "p = 0.5:" in said
    assert (work / "fables.png").stat().st_size > 5000
    assert "fables" in (work / "fables.html").read_text(encoding="utf-8")
    assert re.search(
        r"^19 runs, \d+ columns in runs.csv, without \d+ columns of lists$", said, re.M
    )
    assert re.search(r"^9 runs, \d+ columns in fables.parquet$", said, re.M)

"""Signals and full disks, met by processes."""

import os
import shlex
import signal
import subprocess
import sys
import time

import pytest
from sweep_process import FAKE, environment, finish

from absorb.store import Store

# Works in C as a compiled program does: no signal ends a call (a sleep would end), and Python's
# own handlers wait until it is over. A million rounds take a fifth of a second or more.
BUSY = """
import hashlib, sys
from sweeps.stopping import STOPPED, Stop, Stopper
try:
    with Stopper() as stopper:
        print("working", flush=True)
        for _ in range(40):
            hashlib.pbkdf2_hmac("sha256", b"", b"", 500_000)
            stopper.check()
except Stop:
    sys.exit(STOPPED)
"""


def busy() -> subprocess.Popen:
    process = subprocess.Popen(
        [sys.executable, "-c", BUSY], env=environment(), stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None and process.stdout.readline() == "working\n"
    return process


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGUSR1])
def test_one_signal_leaves_at_the_next_safe_place(number):
    process = busy()
    process.send_signal(number)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 75
    assert f"{number.name}: finishing this segment" in err


def test_two_signals_leave_at_once_even_from_compiled_code():
    script = BUSY.replace("500_000", "50_000_000")
    process = subprocess.Popen(
        [sys.executable, "-c", script], env=environment(), stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None and process.stdout.readline() == "working\n"
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    time.sleep(0.3)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)
    assert process.returncode == 130
    assert time.monotonic() - began < 5


def test_two_signals_are_heard_where_nobody_reads_what_is_said():
    script = BUSY.replace("500_000", "50_000_000")
    reader, writer = os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-c", script], env=environment(), stdout=subprocess.PIPE, stderr=writer,
        text=True,
    )  # fmt: skip
    os.close(writer)
    os.close(reader)
    assert process.stdout is not None and process.stdout.readline() == "working\n"
    for _ in range(2):
        process.send_signal(signal.SIGINT)
        time.sleep(0.3)
    try:
        assert process.wait(timeout=10) == 130
    finally:
        process.kill()


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk takes root")
def test_a_full_disk_keeps_what_is_finished_and_names_the_path(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=96k", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("mounting is not allowed here")
    try:
        words = ["seed=range(0,100)", f"store={disk}/results", "launch.batch=4"]
        code, said = finish(FAKE, words, tmp_path)
        assert code == 2 and f"{disk}/results" in said and "No space left" in said
        kept = len(Store(disk / "results").run_ids(status=("ok",)))
        assert 0 < kept < 100 and kept % 4 == 0
        assert "Traceback" not in said and "looking for the run" not in said
        subprocess.run(["mount", "-o", "remount,size=8m", str(disk)], check=True)
        code, said = finish(FAKE, words, tmp_path)
        assert code == 0 and f"{100 - kept} to do" in said
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=False)


HAS_FULL = pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full")


def redirected(words: str, where: str, directory) -> subprocess.CompletedProcess:
    script = f"{shlex.join(FAKE)} {words} {where}"
    return subprocess.run(
        ["bash", "-c", script], cwd=directory, env=environment(), capture_output=True, text=True,
        timeout=120,
    )  # fmt: skip


@HAS_FULL
@pytest.mark.parametrize("where", ["2>/dev/full", ">/dev/full 2>&1", "<&- >&- 2>&-"])
def test_a_sweep_that_can_say_nothing_does_its_work(tmp_path, where):
    done = redirected("sweep seed=0,1,2,3,4,5 launch.batch=2", where, tmp_path)
    assert done.returncode == 0 and "Traceback" not in done.stderr
    assert len(Store(tmp_path / "results").run_ids(status=("ok",))) == 6


@HAS_FULL
def test_an_answer_that_cannot_be_written_is_an_error_in_one_line(tmp_path):
    done = redirected("train seed=0", ">/dev/full", tmp_path)
    error = "standard output: No space left on device"
    assert done.returncode == 2 and f"{error}: 1 stored in results\n" in done.stderr
    assert len(Store(tmp_path / "results").run_ids()) == 1
    done = redirected("status", ">/dev/full", tmp_path)
    assert (done.returncode, done.stderr) == (2, f"absorb: {error}\n")


def test_a_store_that_is_a_file_is_a_mistake_and_nothing_is_trained(tmp_path):
    (tmp_path / "results").write_text("mine")
    code, said = finish(FAKE, ["seed=0"], tmp_path)
    assert code == 2 and "store=results" in said and "Traceback" not in said
    assert (tmp_path / "results").read_text() == "mine"

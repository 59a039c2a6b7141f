"""What a sweep says of itself while it runs."""

import pytest

from sweeps import progress


@pytest.fixture
def clock(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def test_rate_and_time_left_are_of_what_was_done(clock, capsys):
    bar = progress.ProgressBar(8)
    clock[0] = 40.0
    bar.step(0.5, 4, 2000)
    clock[0] = 80.0
    bar.rows(4, 4000)
    first, second = capsys.readouterr().err.splitlines()
    assert first == "2/8 runs, 50 lane-steps/s, about 2 min left"
    assert second == "4/8 runs, 50 lane-steps/s, about 80 s left"
    clock[0] = 160.0
    bar.rows(4, 4000)
    assert capsys.readouterr().err.strip() == "8/8 runs, 50 lane-steps/s"


def test_what_an_earlier_process_did_counts_as_done_and_took_no_time(clock, capsys):
    bar = progress.ProgressBar(8)
    bar.resumed(0.75, 4, 3000)
    clock[0] = 40.0
    bar.step(1.0, 4, 4000)  # the last quarter of four runs in 40 s
    assert capsys.readouterr().err.strip() == "4/8 runs, 25 lane-steps/s, about 3 min left"

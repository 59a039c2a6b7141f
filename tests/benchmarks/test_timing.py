"""Contenders take turns, and the round that warms up does not count."""

import time

import numpy as np

from benchmarks.timing import Contender, interleaved


def test_contenders_take_turns():
    said = []
    contenders = {name: Contender(lambda name=name: said.append(name), 1) for name in "ABC"}
    taken = interleaved(contenders, rounds=2)
    assert "".join(said) == "ABCABCABC"
    assert all(len(taken[name].wall_R) == len(taken[name].cpu_R) == 2 for name in "ABC")


def test_time_is_per_unit_and_without_the_warm_up():
    waits = iter([0.5, 0.02, 0.02])
    taken = interleaved({"wait": Contender(lambda: time.sleep(next(waits)), 10)}, rounds=2)
    assert np.all(taken["wait"].wall_R >= 0.002) and np.all(taken["wait"].wall_R < 0.02)
    assert np.all(taken["wait"].cpu_R < taken["wait"].wall_R)

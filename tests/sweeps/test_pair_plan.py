"""Which runs are compared: one seed apart or all, within cells that share no run."""

from collections import Counter
from itertools import combinations

import pytest
from sweep_helpers import request

from absorb.errors import AbsorbError
from sweeps.pair_plan import pairs_of, place_of

CUBES = [f"seeds.{name}=range(0,4)" for name in ("init", "order", "labels")]


def pairs(*overrides: str):
    return pairs_of(request(*overrides).points)


def seeds_apart(pair) -> set[int]:
    places = place_of(pair.first.config), place_of(pair.second.config)
    return {i for i in range(3) if places[0][i] != places[1][i]}


def test_of_a_cube_four_pairs_differ_in_each_seed_alone_and_four_in_all():
    found = pairs(*CUBES)
    assert Counter(pair.cell for pair in found) == {0: 16, 1: 16}
    assert Counter(pair.shared for pair in found) == {0b011: 8, 0b101: 8, 0b110: 8, 0: 8}
    bits = {frozenset({0}): 3, frozenset({1}): 5, frozenset({2}): 6, frozenset({0, 1, 2}): 0}
    assert all(bits[frozenset(seeds_apart(pair))] == pair.shared for pair in found)
    assert {pair.of for pair in found} == {32}


def test_cells_share_no_run():
    runs: dict[int, set[str]] = {}
    for pair in pairs(*CUBES):
        runs.setdefault(pair.cell, set()).update((pair.first.run_id, pair.second.run_id))
    assert all(not a & b for a, b in combinations(runs.values(), 2))


def test_a_cell_is_the_same_whatever_else_is_swept():
    few, many = pairs("seed=range(2,6)"), pairs("seed=range(0,8)")
    assert {(p.id, p.cell) for p in few} <= {(p.id, p.cell) for p in many}
    assert [p.cell for p in few] == [1, 2] and [p.of for p in few] == [2, 2]
    assert [p.cell for p in pairs("seed=range(1,6)")] == [1, 2]  # seed 1 has no partner


def test_seeds_that_do_not_vary_are_shared_by_all():
    found = pairs("seeds.init=range(0,6)")
    assert [(p.cell, p.shared) for p in found] == [(0, 3), (1, 3), (2, 3)]
    found = pairs("seeds.init=0,1", "seeds.order=0,1")
    assert Counter(p.shared for p in found) == {0b011: 2, 0b101: 2, 0b001: 2}


def test_a_rerun_is_compared_with_its_own_first_run_alone():
    found = pairs("seed=0,1", "seeds.rerun=null,1,2")
    reruns = [pair for pair in found if pair.shared == 7]
    assert len(found) == 1 + 4 and len(reruns) == 4
    assert {(p.first.config.seed, p.second.config.seed) for p in reruns} == {(0, 0), (1, 1)}
    assert {(p.first.config.seeds.rerun, p.second.config.seeds.rerun) for p in reruns} == {
        (None, 1), (None, 2)}  # fmt: skip


def test_runs_that_differ_in_anything_but_seeds_are_not_compared():
    found = pairs("seed=0,1", "routing.label_fraction=0.25,0.5", "model=mlp,autoencoder")
    assert len(found) == 4
    for pair in found:
        a, b = pair.first.config, pair.second.config
        assert (a.model, a.routing) == (b.model, b.routing)


def test_a_point_given_twice_is_one_run():
    assert len(pairs("seed=0,1,1", "routing.label_fraction=0.5,0.50")) == 1


def test_a_sweep_without_pairs_is_refused():
    for words in (["seed=0,2,4"], ["seed=3"]):
        with pytest.raises(AbsorbError, match=r"2k and 2k \+ 1 make a pair"):
            pairs(*words)


@pytest.mark.slow
def test_the_experiment_has_ten_cells_of_every_kind_and_random_starts():
    found = pairs("experiment=barriers")
    kinds: dict[tuple, set[int]] = {}
    for pair in found:
        config = pair.first.config
        key = (config.model.kind, config.routing.mechanism, config.train.epochs > 0, pair.shared)
        kinds.setdefault(key, set()).add(pair.cell)
    assert all(cells == set(range(10)) for cells in kinds.values())
    models = ("mlp", "autoencoder")
    trained = {(m, way, True, shared) for m in models for way in ("activation", "none")
               for shared in (0, 3, 5, 6, 7)}  # fmt: skip
    assert set(kinds) == trained | {(m, "activation", False, 3) for m in models}

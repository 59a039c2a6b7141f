"""The planted worlds' figure on planted shares: the truth is found, a false null is not."""

import numpy as np

from absorb.stats.nulls import credit_share_depth1
from figures.credit import pages

FRACTIONS = (0.0, 0.25, 0.5)


def runs(seeds: int, excess: float = 0.0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    rows = [(arm, p, s) for arm in ("route", "placebo") for p in FRACTIONS for s in range(seeds)]
    lift = np.array([np.exp(-excess) if a == "route" and p > 0 else 1.0 for a, p, _ in rows])
    share = [credit_share_depth1(p, 1.0) for _, p, _ in rows]
    noise = 1 + 0.01 * rng.standard_normal(len(rows))
    table = {
        "routing.arm": [arm for arm, _, _ in rows],
        "routing.label_fraction": [p for _, p, _ in rows],
        "seed": [s for _, _, s in rows],
        "status": ["ok"] * len(rows),
        "kept_share": np.array(share) * lift * noise,
        "model.kind": ["paths"] * len(rows),
        "model.depth": [1] * len(rows),
        "model.strength": [0.0] * len(rows),
    }
    return {name: np.array(column) for name, column in table.items()}


def test_trained_shares_stand_beside_the_closed_form():
    (page,) = pages(runs(10), False).pages
    trained = {m.at: m for m in page.marks if m.series == "trained"}
    truth = {m.at: m.value for m in page.marks if m.series == "closed form"}
    assert set(trained) == set(truth) == set(FRACTIONS)
    assert truth[0.5] == 1 / 3
    assert all(m.low < truth[p] < m.high and m.n == 10 for p, m in trained.items())


def test_the_test_for_absorption_is_silent_on_the_null_and_speaks_on_an_excess():
    silent = [m for m in pages(runs(1000), False).pages[0].marks if "false" in m.panel]
    loud = [m for m in pages(runs(1000, excess=0.1), False).pages[0].marks if "false" in m.panel]
    assert [m.series for m in silent] == ["5 seeds", "10 seeds"]
    assert all(m.value <= 0.05 for m in silent) and all(m.value > 0.9 for m in loud)


def test_a_store_without_planted_worlds_draws_nothing():
    table = runs(10)
    del table["kept_share"]
    assert not pages(table, False).pages


def test_a_world_without_routed_runs_that_ended_well_is_left_out_and_named():
    table = runs(10)
    table["status"] = np.where(table["routing.arm"] == "route", "diverged", "ok")
    assert pages(table, False) == ([], "", ["depth 1: no run of route ended well"])
    table["status"][:] = "diverged"
    assert pages(table, False).left_out == ["depth 1: no run of route ended well"]


def test_a_world_whose_arms_share_no_seed_is_left_out_and_named():
    table = runs(10)
    table["seed"] = table["seed"] + 100 * (table["routing.arm"] == "placebo")
    assert pages(table, False) == ([], "", ["depth 1: no seed has all cells"])

"""The experiment `variance_stories` as it stands in conf/, with planted homes."""

import numpy as np
from planted_runs import table

from absorb.identity import flat
from figures import homes
from figures.housed import AGREEMENT, HOUSED
from figures.path_cubes import ROUTED
from sweeps.app import run_sweeper

WORDS = ["experiment=variance_stories", "seeds.order=range(0,8)", "seeds.labels=range(0,3)"]
CONCEPTS = 6


def planted_row(config, housed_C) -> dict:
    """Concepts that are housed in the region cost what it costs to lose it."""
    loss_PC = np.stack([np.zeros(CONCEPTS), housed_C, 1.0 - housed_C, np.ones(CONCEPTS)])
    loss_PCB = loss_PC[..., None] + 1e-3 * (np.arange(6) % 2)
    return flat(config) | {"status": "ok", "homes.loss": loss_PCB.ravel().tolist()}


def rows_of(housed) -> list[dict]:
    points = run_sweeper(WORDS, lambda request: request).points
    return [planted_row(config, housed(config.seeds)) for _, config, _ in points]


def always(seeds):
    return np.array([1, 1, 0, 1, 0, 0])


def by_chance(seeds):
    rng = np.random.default_rng([seeds.init, seeds.order, seeds.labels])
    return rng.permuted(always(seeds))


def by_init(seeds):
    return np.array([1, 1, 0, 0, 0, 0]) if seeds.init % 2 else np.array([0, 1, 1, 1, 0, 0])


def drawn(rows):
    (page,) = homes.pages(table(rows), False).pages
    return page, {(m.panel, m.series.removesuffix(f", {ROUTED}")): m for m in page.marks
                  if m.panel != HOUSED}  # fmt: skip


def test_homes_that_never_change_agree_in_full():
    page, at = drawn(rows_of(always))
    assert at[AGREEMENT, "Fleiss κ"].value == at[AGREEMENT, "Rand index"].value == 1
    housed = [m.value for m in page.marks if m.panel == HOUSED]
    assert housed == [1, 1, 0, 1, 0, 0] and page.marks[-1].n == 8
    assert page.draw() is not None


def test_homes_by_chance_agree_no_more_than_permuted_ones():
    _, at = drawn(rows_of(by_chance))
    chance = float(at[AGREEMENT, "Fleiss κ"].flag.split("P = ")[1])
    assert abs(at[AGREEMENT, "Fleiss κ"].value) < 0.3 and chance > 0.05


def test_the_initialisation_that_decides_is_seen():
    page, _ = drawn(rows_of(by_init))
    share = {(m.panel, int(m.at)): m.value for m in page.marks if m.panel.startswith("init")}
    assert [share[f"initialisation {i}", 0] for i in range(4)] == [0, 1, 0, 1]
    assert {share[f"initialisation {i}", 1] for i in range(8)} == {1}
    assert all(m.n == 24 for m in page.marks if m.panel.startswith("init"))


def test_a_design_with_a_hole_is_named():
    found = homes.pages(table(rows_of(always)[:-1]), False)
    assert not found.pages and "191 of 192 runs" in found.left_out[0]


def test_runs_that_share_no_seed_differ_in_initialisation_and_order():
    (study,) = homes.studies(table(rows_of(always)))
    apart = [study.rows[i] for i in study.apart]
    for name in ("seeds.init", "seeds.order"):
        assert sorted(row[name] for row in apart) == list(range(8))

"""The experiment `variance_stories` as it stands in conf/, with planted homes."""

from types import SimpleNamespace

import numpy as np
import pytest
from planted_runs import table

from absorb.identity import flat
from figures import homes
from figures.housed import AGREEMENT
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
    return np.random.default_rng([seeds.init, 2]).permuted(always(seeds))


@pytest.fixture(autouse=True)
def few_draws(monkeypatch):
    monkeypatch.setattr(homes, "DRAWS", 199)


def drawn(rows):
    (page,) = homes.pages(table(rows), False).pages
    return page, {(m.panel, m.series): m for m in page.marks if m.panel != "housed"}


def chance(m) -> float:
    return float(m.flag.split("P = ")[1])


def test_homes_that_never_change_agree_in_full():
    page, at = drawn(rows_of(always))
    for word in ("all concepts", "not the labelled"):
        assert at[AGREEMENT, f"Fleiss κ, {word}"].value == 1
        assert at[AGREEMENT, f"Rand index, {word}"].value == pytest.approx(1)
        assert chance(at[AGREEMENT, f"Fleiss κ, {word}"]) < 0.01
    assert not at[homes.SHARE, "a topic"].drawn and at[AGREEMENT, "homes that are not told"].n == 64
    assert page.draw() is not None


def test_homes_by_chance_agree_no_more_than_permuted_ones():
    _, at = drawn(rows_of(by_chance))
    kappa = at[AGREEMENT, "Fleiss κ, all concepts"]
    assert abs(kappa.value) < 0.1 and chance(kappa) > 0.05
    shares = [m.value for (panel, _), m in at.items() if panel == homes.SHARE]
    assert np.abs(shares).max() < 0.25


def test_homes_that_an_initialisation_draws_are_its_share_and_no_agreement():
    """Runs of one initialisation are alike; taken for independent they would read P below .01."""
    _, at = drawn(rows_of(by_init))
    assert {m.value for (panel, _), m in at.items() if panel == homes.SHARE} == {1.0}
    assert chance(at[AGREEMENT, "Fleiss κ, all concepts"]) > 0.05


def test_runs_of_one_initialisation_are_permuted_alike():
    """They are not independent: permuted one by one they would make a null that is too narrow."""
    home_IC = np.random.default_rng(0).integers(0, 2, (8, CONCEPTS))
    home_ISC = np.repeat(home_IC[:, None], 8, axis=1)
    moved_ISC = homes.relabelled(np.random.default_rng(1), home_ISC)
    assert (moved_ISC == moved_ISC[:, :1]).all() and (moved_ISC != home_ISC).any()
    np.testing.assert_array_equal(np.sort(moved_ISC, axis=2), np.sort(home_ISC, axis=2))


def test_the_initialisation_that_decides_is_seen():
    page, _ = drawn(rows_of(by_init))
    share = {(m.series, int(m.at)): m.value for m in page.marks if m.panel == "housed"}
    for i in range(8):
        own = by_init(SimpleNamespace(init=i))
        assert [share[word, i] for word in page_words(page)] == own.tolist()
    assert all(m.n == 24 for m in page.marks if m.panel == "housed")


def page_words(page) -> list[str]:
    return list(dict.fromkeys(m.series for m in page.marks if m.panel == "housed"))


def test_a_concept_without_test_tokens_in_a_block_is_left_out_and_named():
    rows = rows_of(by_chance)
    for row in rows:
        loss_PCB = np.array(row["homes.loss"]).reshape(4, CONCEPTS, 6)
        loss_PCB[:, 4, 2] = np.nan
        row["homes.loss"] = loss_PCB.ravel().tolist()
    page, at = drawn(rows)
    assert at[AGREEMENT, "homes that are not told"].value == 0
    assert chance(at[AGREEMENT, "Fleiss κ, all concepts"]) > 0.05  # shared by all runs: P < .01
    word = page_words(page)[4]
    assert not at[homes.SHARE, word].drawn and "none of it" in at[homes.SHARE, word].why
    assert not any(m.drawn for m in page.marks if (m.panel, m.series) == ("housed", word))
    assert f"Left out of all: {word}" in page.caption and page.draw() is not None


def test_a_design_with_a_hole_is_named():
    rows = rows_of(always)
    found = homes.pages(table(rows[:-1]), False)
    assert not found.pages and "191 of 192 runs" in found.left_out[0]
    found = homes.pages(table([*rows[:-1], rows[-1] | {"status": "diverged"}]), False)
    assert not found.pages and "191 of 192 runs, 1 diverged" in found.left_out[0]


def test_runs_that_are_compared_share_neither_initialisation_nor_order():
    (study,) = homes.studies(table(rows_of(always)))
    for run_I in study.run_IS.T:
        apart = [study.rows[i] for i in run_I]
        for name in ("seeds.init", "seeds.order"):
            assert sorted(row[name] for row in apart) == list(range(8))
        assert {row["seeds.labels"] for row in apart} == {0, 1, 2}
    assert len({*study.run_IS.ravel()}) == 64


def test_runs_with_one_seed_each_are_no_design():
    same = [row for row in rows_of(always) if row["seeds.init"] == row["seeds.order"]
            == row["seeds.labels"]]  # fmt: skip
    assert homes.studies(table(same)) == []

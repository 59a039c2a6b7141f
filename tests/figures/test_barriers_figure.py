"""Barriers of planted pairs: which mean, over what, beside which null; and what is refused."""

import hashlib
import json

import numpy as np
import pytest
from planted_runs import settings, table

from absorb.errors import AbsorbError
from absorb.stats.intervals import t_quantile
from absorb.store import Store
from figures import barriers
from figures.barrier_pairs import SHUFFLED, by_cell, studies
from figures.barriers import APART_BY
from figures.main import main
from figures.path_cubes import ROUTED, UNROUTED, UNTRAINED

CELLS, PAIRS = 6, {0: 4, 3: 4, 5: 4, 6: 4, 7: 8}  # of each cell, by what is shared
NOISE = np.random.default_rng(0).normal(size=(CELLS, 2))
HEIGHTS = {"as_is": 2.0, "shuffled": 2.5, "matched": 0.5, "free": 0.25}  # where all differs


def planted(order: str, loss: str, shared: int, cell: int, i: int, routed: bool) -> float:
    """Labels and order make no barrier; routing doubles it; pairs of a cell scatter around it."""
    if shared not in (0, 3) and order != "shuffled":
        return 0.0
    within = 0.1 * (i - 1.5)  # 0 on average over a cell's four pairs
    size = HEIGHTS[order] * (2.0 if loss == "forget" else 1.0) * (1 + routed)
    return size + 0.2 * NOISE[cell, int(routed)] + within


def pair_row(cell: int, shared: int, i: int, of: int, **other) -> dict:
    own = settings(**other)
    routed, trained = own["routing.mechanism"] != "none", own["train.epochs"] > 0
    row = own | {"pair.cell": cell, "pair.shared": shared, "pair.of": of, "status": "ok", "seed": 0}
    losses = ("all", "forget", "retain", "wrong")
    if own["model.kind"] == "autoencoder":
        losses = losses[:3]
    for order in HEIGHTS:
        for loss in losses:
            height = planted(order, loss, shared, cell, i, routed) if trained else 0.0
            row[f"barrier.{order}.{loss}"] = height
    for order in ("as_is", "matched", "free"):
        row[f"cosine.{order}"] = 0.5
    share = 0.6 if routed and trained else 0.25
    return row | {"in_region.chain/hidden0": share, "by_chance.chain/hidden0": 0.25}


def series(cells=CELLS, kinds=PAIRS, **other) -> list[dict]:
    of = cells * sum(kinds.values())
    return [pair_row(cell, shared, i, of, **other)
            for cell in range(cells) for shared, n in kinds.items() for i in range(n)]  # fmt: skip


WAYS = {
    ROUTED: {"routing__arm": "route", "routing__label_fraction": 0.25},
    UNROUTED: {"routing__mechanism": "none", "routing__arm": "capacity",
               "routing__label_fraction": 0.0},
    UNTRAINED: {"routing__arm": "route", "routing__label_fraction": 0.25, "train__epochs": 0},
}  # fmt: skip


def experiment(**other) -> list[dict]:
    kinds = {name: {3: 1} if name == UNTRAINED else PAIRS for name in WAYS}
    return [row for name, way in WAYS.items() for row in series(kinds=kinds[name], **way, **other)]


@pytest.fixture(scope="module")
def page():
    (found,) = barriers.pages(table(experiment()), False).pages
    return found


def at(page, panel: str, name: str, shared: int):
    (found,) = [m for m in page.marks if (m.panel, m.series, m.at) == (panel, name, shared)]
    return found


@pytest.mark.parametrize("panel, order", [
    ("as they are", "as_is"), ("matched, R with R", "matched"), ("matched freely", "free"),
])  # fmt: skip
def test_every_barrier_is_the_mean_over_cells_and_its_interval_too(page, panel, order):
    for name, routed in ((ROUTED, True), (UNROUTED, False)):
        cell_C = 2 * HEIGHTS[order] * (1 + routed) + 0.2 * NOISE[:, int(routed)]
        m = at(page, f"{panel}: forget loss", name, 0)
        assert (m.value, m.n, m.flag) == (pytest.approx(cell_C.mean()), CELLS, "all")
        half = t_quantile(CELLS) * cell_C.std(ddof=1) / np.sqrt(CELLS)
        assert m.high - m.value == pytest.approx(half)


def test_the_null_and_the_floor_stand_beside_it(page):
    random = at(page, "as they are: test loss", f"{ROUTED}, {SHUFFLED}", 7)
    assert random.value > 4  # the same run, its units in a random order
    rerun = at(page, "as they are: test loss", ROUTED, 7)
    assert (rerun.value, rerun.low, rerun.high, rerun.flag) == (0, 0, 0, "none")
    assert at(page, "matched, R with R: retain loss", UNTRAINED, 3).value == 0


def test_routed_and_not_are_compared_cell_by_cell(page):
    m = at(page, APART_BY, "matched, R with R: test loss", 3)
    difference_C = HEIGHTS["matched"] + 0.2 * (NOISE[:, 1] - NOISE[:, 0])
    assert (m.value, m.n) == (pytest.approx(difference_C.mean()), CELLS)
    half = t_quantile(CELLS) * difference_C.std(ddof=1) / np.sqrt(CELLS)
    assert m.high - m.value == pytest.approx(half)


def test_where_the_region_goes_has_chance_beside_it(page):
    assert at(page, "R matched with R: hidden0", ROUTED, 0).value == pytest.approx(0.6)
    assert at(page, "R matched with R: hidden0", "by chance", 0).value == pytest.approx(0.25)


def test_it_is_drawn_and_said_with_its_numbers(page):
    figure = page.draw()
    texts = [text.get_text() for text in figure.legends[0].get_texts()]
    assert f"routed ({CELLS} cells)" in texts and f"not trained ({CELLS} cells)" in texts
    said = barriers.pages(table(experiment()), False).headline
    assert "as they are: test loss, not routed, by what differs: init 2" in said
    assert "the same run again: at most 0" in said
    assert "294 pairs: 144 routed, 144 not routed, 6 not trained" in page.caption


def test_a_missing_pair_is_counted_and_drawn_when_asked():
    rows = experiment()[1:]
    found = barriers.pages(table(rows), False)
    assert not found.pages and found.left_out == [
        "barriers: 143 of 144 pairs routed; absorb barriers does the rest"]  # fmt: skip
    (page,) = barriers.pages(table(rows), True).pages
    assert "PARTIAL: 143 of 144 pairs routed" in page.caption


def test_two_cells_say_nothing():
    rows = [row for way in (WAYS[ROUTED], WAYS[UNROUTED]) for row in series(cells=2, **way)]
    assert "2 cells routed; 3 or more are needed" in barriers.pages(table(rows), False).left_out[0]


def test_a_pair_without_a_number_leaves_its_mean_undefined():
    rows = experiment()
    rows[0]["barrier.as_is.all"] = None  # a run diverged
    (page,) = barriers.pages(table(rows), False).pages
    m = at(page, "as they are: test loss", ROUTED, rows[0]["pair.shared"])
    assert not m.drawn and "1 of 6 seeds are not finite" in m.why
    assert np.isnan(next(iter(by_cell(rows[:24], "barrier.as_is.all", 0).values())))


def test_each_way_of_routing_and_each_model_has_a_figure_of_its_own():
    half = series(routing__arm="route", routing__label_fraction=0.5)
    coder = experiment(model__kind="autoencoder")
    found = studies(table(experiment(), half, coder))
    assert [study.first["model.kind"] for study in found] == ["mlp", "mlp", "autoencoder"]
    assert [study.first["routing.label_fraction"] for study in found] == [0.25, 0.5, 0.25]
    assert all(set(study.pairs) == set(WAYS) for study in found)
    names = [page.name for page in barriers.pages(table(experiment(), half, coder), False).pages]
    assert names == ["barriers", "barriers-2", "barriers-3"]


def store_of(directory, rows, below=""):
    named = [{"run_id": hashlib.sha256(json.dumps([i, row]).encode()).hexdigest(), **row}
             for i, row in enumerate(rows)]  # fmt: skip
    Store(directory / below).write(named, {"code": "planted"})
    return directory


def test_the_command_finds_the_pairs_below_the_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("figures.save.FORMATS", ())
    run = settings() | {"routing.arm": "route", "routing.label_fraction": 0.5, "seed": 0}
    where = store_of(tmp_path / "s", [run | {"status": "ok"}])
    with pytest.raises(AbsorbError, match="has no pairs; `absorb barriers` makes them"):
        main(["barriers", f"store={where}"])
    store_of(where, experiment(), "barriers")
    assert main(["barriers", f"store={where}", f"out={tmp_path / 'out'}"]) == 0
    assert (tmp_path / "out" / "barriers.csv").is_file()
    assert "the same run again: at most 0" in capsys.readouterr().out

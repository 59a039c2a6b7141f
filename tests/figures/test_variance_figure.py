"""The experiment `variance` as it stands in conf/, with planted causes."""

import numpy as np
import pytest
from planted_runs import table

from absorb.identity import flat
from figures import variance
from figures.variance import SCORES
from sweeps.app import run_sweeper

WORDS = ["experiment=variance", "model=mlp", "seeds.init=range(0,4)", "seeds.order=range(0,4)",
         "seeds.labels=range(0,3)"]  # fmt: skip


def planted_row(config) -> dict:
    """One score for each cause; the last one differs between reruns alone."""
    seeds = config.seeds
    place = (seeds.init, seeds.order, seeds.labels)
    causes = (*place, np.random.default_rng([*place, seeds.rerun or 0]).normal())
    return flat(config) | dict(zip(SCORES, map(float, causes), strict=True)) | {"status": "ok"}


@pytest.fixture(scope="module")
def rows() -> list[dict]:
    points = run_sweeper(WORDS, lambda request: request).points
    return [planted_row(config) for _, config, _ in points]


def test_each_planted_cause_is_named(rows):
    found = variance.pages(table(rows), False)
    (page,) = found.pages
    for score, cause in zip(SCORES, ("init", "order", "labels", "rerun"), strict=True):
        own = {m.series: m.value for m in page.marks if m.panel.endswith(SCORES[score])}
        assert own[cause] == pytest.approx(1, abs=0.5 if cause == "rerun" else 1e-9)
        others = [name for name in own if name not in (cause, "mean", "standard deviation")]
        assert np.abs([own[name] for name in others if ":" not in name]).max() < 0.25
    assert "96 runs, 4 init × 4 order × 3 labels × 2 reruns" in page.caption
    assert page.draw() is not None


def test_each_world_has_a_figure_of_its_own(rows):
    elsewhere = [row | {"world.kind": "mnist"} for row in rows]
    both = variance.pages(table([*rows, *elsewhere]), False)
    assert [page.name for page in both.pages] == ["variance", "variance_mnist"]


def test_a_design_with_a_hole_names_it(rows):
    found = variance.pages(table(rows[:-1]), False)
    assert not found.pages and "init=3, order=3, labels=2: 1 runs; must be 2" in found.left_out[0]


def test_a_run_that_diverged_is_missing(rows):
    found = variance.pages(table([*rows[:-1], rows[-1] | {"status": "diverged"}]), False)
    assert not found.pages and "95 of 96 runs ended well, 1 diverged" in found.left_out[0]


def test_runs_with_one_seed_each_are_no_design(rows):
    plain = [row | {"seeds.init": s, "seeds.order": s, "seeds.labels": s, "seed": s}
             for s, row in enumerate(rows[:4])]  # fmt: skip
    assert variance.studies(table(plain)) == []


def test_two_label_fractions_have_panels_of_their_own(rows):
    other = [row | {"routing.label_fraction": 0.125, "raw.forget": 7.0 + row["raw.forget"]}
             for row in rows]  # fmt: skip
    (page,) = variance.pages(table([*rows, *other]), False).pages
    means = {m.panel.split(": ")[0]: m.value for m in page.marks
             if m.series == "mean" and m.panel.endswith(SCORES["raw.forget"])}  # fmt: skip
    (few, low), (many, high) = means.items()
    assert few == "classification; routing.label_fraction=0.125" and low == pytest.approx(high + 7)
    assert many.startswith("classification; ") and page.draw() is not None

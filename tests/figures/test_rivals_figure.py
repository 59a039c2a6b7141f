import numpy as np
import pytest
from planted_runs import stored, table
from planted_tokens import ordinary_rows, rivals_rows

from absorb.errors import AbsorbError
from figures.main import main
from figures.rivals import pages
from figures.searches import METHODS, searches
from figures.style import styled

GAIN = dict(zip(METHODS, (0.8, 0.3, 0.2, 0.5, 0.4, 0.6, 0.1), strict=True))


def line(method, i, p):
    """More forget loss costs more retain loss; the last config costs more for less."""
    if method == "std":
        return 1.0, 0.5 + 2 * p
    return 1 + 0.1 * (i + 1), 0.5 + GAIN[method] * (i if i < 5 else 0) * (0.5 + 0.5 * p)


def marks(found, panel, series) -> list:
    own = [m for m in found.pages[0].marks if (m.panel, m.series) == (panel, series)]
    return sorted(own, key=lambda m: m.at)


@pytest.fixture(scope="module")
def exact():
    return pages(table(rivals_rows(line, seeds=4, noise=0.0)), False)


def test_every_method_and_config_is_a_point(exact):
    assert [p.name for p in exact.pages] == ["rivals"] and not exact.left_out
    for method in METHODS:
        assert len(marks(exact, "p = 0.5: forget loss", method)) == 6
    retain = [m.value for m in marks(exact, "p = 0.5: retain loss", "ascent")]
    assert retain == pytest.approx([1.1, 1.2, 1.3, 1.4, 1.5, 1.6])


def test_frontiers_are_the_planted_ones_without_the_dominated_config(exact):
    for method, gain in GAIN.items():
        found = marks(exact, "p = 1: forget loss", f"{method}, frontier")
        assert len(found) == 5 and {m.n for m in found} == {2}
        values = np.array([m.value for m in found])
        assert np.diff(values) == pytest.approx([gain] * 4)


def test_adapters_that_no_label_routes_are_no_method():
    rows = rivals_rows(line, seeds=4, noise=0.0)
    for row in rows:
        if "adapter" in row["routing.sites"]:
            row["routing.arm"] = "capacity"
    found = pages(table(rows), False)
    assert not found.pages and "no runs of lora" in found.left_out[0]


def test_ordinary_and_never_taught_networks_stand_beside(exact):
    ordinary, never = (
        marks(exact, "p = 0.5: forget loss", s)[0] for s in ("ordinary", "never taught")
    )
    assert never.value - ordinary.value == pytest.approx(2.0)


def test_a_reference_is_no_mean_over_the_runs_that_survived():
    rows = rivals_rows(line, seeds=4, noise=0.0)
    std = [row for row in rows if row["routing.arm"] == "std"]
    std[0]["status"] = "diverged"
    found = pages(table(rows), False)
    lost, whole = ("ordinary", "never taught")
    if std[0]["routing.label_fraction"] == 1:
        lost, whole = whole, lost
    assert marks(found, "p = 0.5: forget loss", lost)[0].why == "1 of 4 seeds are not finite"
    assert marks(found, "p = 0.5: forget loss", whole)[0].value > 0


def test_the_frontier_is_chosen_on_other_seeds_than_it_is_reported_on():
    rows = rivals_rows(line, seeds=4, noise=0.0, fractions=(1.0,))
    for row in rows:
        if row["routing.arm"] == "hard" and row["seed"] in (0, 2):  # the seeds that report
            row["elicited.forget"] += 5.0 if row["train.learning_rate"] == 6e-3 else 0.0
    found = pages(table(rows), False)
    frontier = marks(found, "p = 1: forget loss", "hard, frontier")
    assert "train.learning_rate=0.006" not in {m.flag for m in frontier}
    for row in rows:
        if row["routing.arm"] == "hard" and row["seed"] in (1, 3):
            row["elicited.forget"] += 5.0 if row["train.learning_rate"] == 6e-3 else 0.0
    again = marks(pages(table(rows), False), "p = 1: forget loss", "hard, frontier")
    assert again[-1].flag == "train.learning_rate=0.006"


def test_an_uneven_search_is_said():
    rows = [r for r in rivals_rows(line, seeds=2) if r.get("rival.rate") != 1e-4]
    assert "UNEVEN" in pages(table(rows), True).pages[0].caption
    assert "UNEVEN" not in pages(table(rivals_rows(line, seeds=2)), False).pages[0].caption


def test_a_missing_method_or_run_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr("figures.save.FORMATS", ())
    rows = rivals_rows(line, seeds=2)
    without = [r for r in rows if r["rival.kind"] != "distil"]
    assert "no runs of distil" in pages(table(without), False).left_out[0]
    where = stored(tmp_path / "s", [r for r in rows if r is not rows[1]])
    with pytest.raises(AbsorbError, match=r"167 of 168 runs, route at p = 0.5 has 1 of 2 seeds"):
        main(["rivals", f"store={where}"])
    assert main(["rivals", f"store={where}", "partial=true"]) == 0


def test_a_store_without_rivals_has_no_such_figure():
    rows = [r for r in rivals_rows(line, seeds=2) if r["rival.kind"] == "none"]
    assert searches(table(rows)) == [] and pages(table(rows), True).pages == []


def test_each_label_fraction_has_a_panel(exact):
    with styled():
        figure = exact.pages[0].draw()
    assert [ax.get_title() for ax in figure.axes] == ["p = 0.5", "p = 1"]


def test_one_seed_cannot_select_and_report_even_in_part():
    found = pages(table(rivals_rows(line, seeds=1)), True)
    assert not found.pages and "one seed cannot select" in found.left_out[0]


def test_what_is_elicited_is_said_and_a_refit_only_where_there_is_one(exact):
    said = exact.pages[0].caption
    assert "the attack set (all; rates [0.001,0.01], forget examples [4,16], 100 steps)," in said
    refit = pages(table(rivals_rows(line, seeds=2, measure__refit_epochs=3)), False)
    assert "refitted" not in said
    assert "a head refitted on training data for 3 epochs" in refit.pages[0].caption


def test_which_methods_keep_added_units_is_said_where_units_are_added(exact):
    assert (
        "route, hard lose the added units when they are ablated; filter, ascent, misdirect, distil,"
        " std are measured whole" in exact.pages[0].caption
    )
    within = pages(table(rivals_rows(line, seeds=2, routing__placement="slice")), False)
    assert "added" not in within.pages[0].caption


def test_a_retain_loss_is_read_as_a_share_of_ordinary_training():
    own = [r | {"whole.retain": 1.0} for r in rivals_rows(line, seeds=4, noise=0.0)]
    found = pages(table(own, ordinary_rows((1.0, 2.0), levels=1, seeds=4)), False)
    kept = marks(found, "p = 1: training kept", "route, frontier")
    assert kept[2].value == pytest.approx(2 / 3) and kept[2].n == 2
    assert [m.value for m in kept] == sorted((m.value for m in kept), reverse=True)
    course = marks(found, "p = 0.5: retain loss", "ordinary")
    assert [(m.at, m.value) for m in course] == [
        (pytest.approx(e / 3), pytest.approx(1.9 - 0.3 * e)) for e in (1, 2, 3)
    ]
    words = "attacked alike, after 1, 2, 3 epochs (the shorter ones: 8 more runs);"
    assert words in found.pages[0].caption
    assert not any("kept" in m.panel for m in pages(table(own), False).pages[0].marks)

import csv
import io

import numpy as np
import pytest
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from planted_runs import dose_rows, table

from figures.dose_response import pages
from figures.heat import heat
from figures.marks import Mark, mark, number, series_of, spoken, without_zero
from figures.panels import Axis, draw, joined, limits_of
from figures.style import LOOKS, Look, styled
from figures.tables import as_csv, as_markdown

INF, NAN = float("inf"), float("nan")
AXIS = Axis("value", (-1.0, 2.0))


def made(series="route", at=0.5, value=0.5, low=0.2, high=0.8, **other) -> Mark:
    return Mark("panel", series, at, value, low, high, 4, **other)


def drawn_on(marks, axis=AXIS):
    with styled():
        ax = Figure().subplots()
        draw(ax, marks, axis)
    return ax


def places(ax, marker):
    return {
        (round(float(x), 9), round(float(y), 9)): line
        for line in ax.lines
        if line.get_marker() == marker
        for x, y in zip(line.get_xdata(), line.get_ydata(), strict=True)
    }


def lines_of(ax):
    return [c for c in ax.collections if isinstance(c, LineCollection)]


def whiskers(ax):
    return sorted(
        (round(float(a[0]), 9), round(float(a[1]), 9), round(float(b[1]), 9))
        for collection in lines_of(ax)
        for a, b in collection.get_segments()
    )


def test_each_value_stands_where_the_mark_says_with_its_interval():
    ax = drawn_on([made(at=0.25), made(at=0.75, value=1.5, low=1.0, high=1.75)])
    assert set(places(ax, "o")) == {(0.25, 0.5), (0.75, 1.5)}
    assert whiskers(ax) == [(0.25, 0.2, 0.8), (0.75, 1.0, 1.75)]


def test_arms_are_set_aside_by_their_shift_alone():
    ax = drawn_on([made(series="placebo")])
    assert set(places(ax, "D")) == {(0.5 + LOOKS["placebo"].shift, 0.5)}


def test_an_open_interval_runs_to_the_end_of_the_axis_faintly_and_without_a_cap():
    ax = drawn_on([made(low=-INF, high=INF)])
    assert whiskers(ax) == [(0.5, -1.0, 2.0)]
    assert places(ax, "_") == {}
    assert {c.get_alpha() for c in lines_of(ax) if len(c.get_segments())} == {0.4}


def test_a_value_beyond_the_axis_is_a_caret_at_its_edge():
    ax = drawn_on([made(value=9.0), made(at=0.1, value=-9.0)])
    assert set(places(ax, "^")) == {(0.5, 2.0)} and set(places(ax, "v")) == {(0.1, -1.0)}


def test_a_censored_value_has_a_caret_beside_it():
    above, below = made(at=0.1, censored="above"), made(at=0.9, censored="below")
    ax = drawn_on([above, below])
    assert {x for x, _ in places(ax, 6)} == {0.1} and {x for x, _ in places(ax, 7)} == {0.9}


def test_damaged_values_are_hollow_and_others_are_not():
    ax = drawn_on([made(at=0.1, flag="damaged"), made(at=0.5, flag="claim"), made(at=0.9)])
    face = {x: line.get_markerfacecolor() for (x, _), line in places(ax, "o").items()}
    assert face == {0.1: "white", 0.5: LOOKS["route"].colour, 0.9: LOOKS["route"].colour}


def test_a_claim_is_a_star_and_nothing_else_is():
    ax = drawn_on([made(at=0.1, flag="claim"), made(at=0.9)])
    assert {x for x, _ in places(ax, "*")} == {0.1}


def test_a_panel_without_values_says_why():
    ax = drawn_on([mark("panel", "route", 0.5, (NAN, -INF, INF, 3, False, "", "no such thing"))])
    assert [text.get_text() for text in ax.texts] == ["no such thing"]


def test_no_two_arms_look_alike_without_colour():
    looks = [(look.marker, str(look.line)) for look in LOOKS.values()]
    assert len(set(looks)) == len(looks)


def test_limits_show_every_value_and_not_every_end():
    low, high = limits_of([made(value=1.0, low=-50, high=1.2), made(value=2.0)], False)
    assert low < 0.2 + 1 and low > -2 and high > 2
    low, high = limits_of([made(value=0.01, low=-1, high=0.02)], True)
    assert 0 < low < 0.01 and high > 0.02


def test_the_csv_reads_back_to_what_is_drawn():
    found = pages(table(dose_rows(seeds=3)), False)
    for page in found.pages:
        rows = list(csv.DictReader(io.StringIO(as_csv(page.marks))))
        back = [
            (r["panel"], r["series"], float(r["value"]), float(r["low"]), float(r["high"]))
            for r in rows
        ]
        kept = [m[:2] + m[3:6] for m in page.marks]
        assert str(back) == str([tuple(k) for k in kept]) and len(back) == len(page.marks)


def test_every_mark_with_a_value_is_on_the_page():
    page = pages(table(dose_rows(seeds=3)), False).pages[0]
    with styled():
        figure = page.draw()
    panels = dict.fromkeys(m.panel for m in page.marks)
    for ax, panel in zip(figure.axes, panels, strict=True):
        own = [m for m in page.marks if m.panel == panel]
        low, high = ax.get_ylim()
        for series in ("route", "filter", "hard"):
            wanted = {
                (round(m.at + LOOKS[series].shift, 9), round(min(max(m.value, low), high), 9))
                for m in series_of(own, series)
            }
            there = {
                place for kind in (LOOKS[series].marker, "^", "v") for place in places(ax, kind)
            }
            assert wanted <= there


@pytest.mark.parametrize(
    "x, text",
    [(0.123456, "0.123"), (-2.5, "−2.50"), (INF, "∞"), (-INF, "−∞"), (NAN, "–"), (12345.6, "12346"),
     (0.0, "0.00"), (-0.0, "0.00"), (999.7, "1000"), (-999.5, "−1000"), (999.4, "999")],
)  # fmt: skip
def test_numbers_for_readers(x, text):
    assert number(x) == text


@pytest.mark.parametrize(
    "text, shown",
    [("0.25", ".25"), ("-0.25", "−.25"), ("10.25", "10.25"), ("-10.05", "−10.05"), ("0", "0"),
     ("1.00", "1.00")],
)  # fmt: skip
def test_only_a_leading_zero_is_left_out(text, shown):
    assert without_zero(text) == shown


def test_cells_of_a_heat_map_show_numbers_of_any_size():
    ax = Figure().subplots()
    heat(ax, np.array([[10.25, 0.25, -0.001, -0.5]]))
    assert [t.get_text() for t in ax.texts] == ["10.25", ".25", ".00", "−.50"]


def test_values_are_spoken_with_their_interval_and_bound():
    assert spoken(made(censored="above")) == "≥ 0.500 [0.200, 0.800]"
    assert spoken(made(value=NAN)) == "–"


def test_the_markdown_has_a_table_for_each_panel_and_keeps_reasons():
    text = as_markdown([made(why="so | so", flag="damaged")], "note\nmore")
    assert "**panel**" in text and "damaged; so / so" in text and text.endswith("note  \nmore\n")


def test_a_joined_series_has_its_line_its_markers_and_its_intervals():
    ax, look = Figure().subplots(), Look("mine", "#112233", "o", "-", 0.1)
    ax.set_ylim(0, 1)
    joined(ax, [made(at=0.0), made(at=1.0)], {"route": look, "nobody": look})
    assert set(places(ax, "o")) == {(0.1, 0.5), (1.1, 0.5)}
    assert any(line.get_linestyle() == "-" and len(line.get_xdata()) == 2 for line in ax.lines)
    whiskers = [len(c.get_segments()) for c in ax.collections if isinstance(c, LineCollection)]
    assert max(whiskers) == 2

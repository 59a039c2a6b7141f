"""Absorption against label fraction: the headline, the losses behind it, and every measure."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from absorb.stats.intervals import Interval
from absorb.stats.point import Point, Settings
from absorb.stats.runs import Cell, read_runs
from absorb.stats.table import Record, absorption_table, claims, curve_of, treatments
from figures.experiments import Comparison, Experiment, comparisons, experiments
from figures.grid import Grid, Panel, draw_grid
from figures.headline import headline
from figures.marks import mark, spoken
from figures.measures import MEASURES, TREATMENTS, axis_of, marks_of
from figures.page import Page, Pages
from figures.select import Table, described, telling

SETTINGS = Settings()
HEADLINE = ("calibrated", "elicited")
READ = (
    "95 % intervals over seeds, paired: t for losses, Fieller for ratios, inverted paired t tests"
    " for A_dose; a faint whisker goes on beyond the axis. F: the concept's data; K: what is kept;"
    " hollow: retain loss beyond the arm's own tolerance (shaded: that of routed). Absorption is"
    " claimed where X is above 0 and placebo, undamaged, at one error rate for the whole curve."
)


class Model(NamedTuple):
    """One experiment with its absorption table, the unit of its losses, and its p50s."""

    name: str
    unit: str
    experiment: Experiment
    records: Sequence[Record]
    p50: Mapping[str, Interval]


def pages(table: Table, partial: bool) -> Pages:
    """The figures of every comparison in the table that is whole, or of all if `partial`."""
    found = experiments(table)
    drawn = [e for e in found if partial or not e.missing]
    left_out = [f"{name}: {e.missing}" for name, e in named(found) if e.missing and not partial]
    done = [pages_of(comparison) for comparison in comparisons(drawn)]
    return Pages(
        [page for one in done for page in one.pages],
        "\n\n".join(one.headline for one in done),
        left_out,
    )


def named(found: Sequence[Experiment]) -> list[tuple[str, Experiment]]:
    """Experiments by names that tell them apart."""
    telling_ones = telling([e.group.settings for e in found])
    words = [described(e.group.settings, telling_ones) for e in found]
    return [
        (f"{name_of(e)} ({text})" if text else name_of(e), e)
        for text, e in zip(words, found, strict=True)
    ]


def pages_of(comparison: Comparison) -> Pages:
    """The figures of one comparison."""
    models = [model_of(e) for e in comparison.experiments]
    end, apart = comparison.suffix, comparison.apart
    grids = {
        f"dose_response{end}": headline_grid(models),
        f"dose_response_losses{end}": losses_grid(models),
        **{f"dose_response_detail-{m.experiment.kind}{end}": detail_grid(m) for m in models},
    }
    made = [page(name, grid, apart) for name, grid in grids.items()]
    text = [
        headline(m.name, m.experiment.runs_in_words, m.records, treatment)
        for m in models
        for treatment in HEADLINE
    ]
    return Pages(made, "\n\n".join([apart] * bool(apart) + text), ())


def model_of(e: Experiment) -> Model:
    """What is drawn of one experiment."""
    runs = read_runs(e.columns)
    half = {
        t: curve_of(Point(runs, Cell("route", 0.0), t, SETTINGS))[0]
        for t in treatments(runs)
        if t in TREATMENTS
    }
    return Model(name_of(e), unit_of(e), e, absorption_table(e.columns, SETTINGS), half)


def page(name: str, grid: Grid, apart: str) -> Page:
    """A grid as a page; `apart` is what sets it apart from others in the store."""
    whole = grid._replace(note=f"{apart}\n{grid.note}" if apart else grid.note)
    return Page(name, lambda: draw_grid(whole), whole.marks, whole.note)


def headline_grid(models: Sequence[Model]) -> Grid:
    """A_dose, the kept share against its null, and retain loss after the same treatment.

    Two models stand side by side after two treatments each, one model after all four.
    """
    treatments = TREATMENTS if len(models) == 1 else HEADLINE
    rows = [
        [(model, treatment, measure) for model in models for treatment in treatments]
        for measure in ("a_dose", "kept", "retain")
    ]
    return grid(rows, models, heads=[m.name for m in models])


def losses_grid(models: Sequence[Model]) -> Grid:
    """Forget and retain loss of every arm after every treatment."""
    rows = [
        [(model, treatment, measure) for treatment in TREATMENTS]
        for model in models
        for measure in ("forget", "retain")
    ]
    return grid(rows, models, name_rows=len(models) > 1)


def detail_grid(model: Model) -> Grid:
    """Every measure of one model after every treatment."""
    measures = ("a_dose", "kept", "excess", "a_abl", "over_hard")
    rows = [[(model, treatment, measure) for treatment in TREATMENTS] for measure in measures]
    return grid(rows, [model])


def grid(
    rows: Sequence[Sequence[tuple[Model, str, str]]],
    models: Sequence[Model],
    heads: Sequence[str] = (),
    name_rows: bool = False,
) -> Grid:
    """A grid of panels, each one measure of one model after one treatment."""
    panels, marks = [], []
    for row in rows:
        made = [marks_of(m.records, panel_name(m, t, what), t, what) for m, t, what in row]
        panels.append([
            Panel(panel_name(m, t, what), axis_of(what, m.unit, m.name if name_rows else ""), t)
            for m, t, what in row
        ])  # fmt: skip
        marks += [one for own in made for one in own]
    return Grid(panels, marks, note(models), heads)


def panel_name(model: Model, treatment: str, measure: str) -> str:
    """What a panel's marks carry, such as "mlp 96-96: kept share, calibrated"."""
    return f"{model.name}: {MEASURES[measure].name}, {treatment}"


def note(models: Sequence[Model]) -> str:
    """Runs, settings, claims and signs, below the figure."""
    runs = [
        f"{m.name}: {m.experiment.runs_in_words}; {setting_words(m.experiment)}." for m in models
    ]
    found = [f"{m.name}: {claim_words(m.records)}; {half_words(m.p50)}." for m in models]
    return "\n".join([*runs, *found, READ])


def half_words(p50: Mapping[str, Interval]) -> str:
    """Where K keeps half of what it keeps without labels, after each treatment."""
    each = [f"{t} {spoken(mark('', '', 0, x))}" for t, x in p50.items()]
    return f"half of the kept share is gone at p50 = {', '.join(each)}"


def claim_words(records: Sequence[Record]) -> str:
    """Where absorption is claimed: after which treatment, at which label fractions."""
    found = []
    for treatment in TREATMENTS:
        at = [f"{r.label_fraction:g}" for r in records if claims(r, treatment)]
        found += [f"{treatment} at p = {', '.join(at)}"] if at else []
    where = "; ".join(found) or "after no treatment at any p"
    return f"absorption is claimed {where}"


def setting_words(e: Experiment) -> str:
    """What was trained, in a line."""

    def get(name: str) -> str:
        return str(e.columns[name][0] if name in e.columns else "?").replace('"', "")

    cross = "feeding" if get("routing.cross") == "True" else "not feeding"
    return (
        f"{get('world.kind')}, concept {get('routing.concept')}, {get('routing.mechanism')} routing"
        f" per {get('routing.granularity')}, {get('routing.units')} units in"
        f" {get('routing.sites')} {cross} the rest"
    )


def name_of(e: Experiment) -> str:
    """The model's kind and widths, such as "mlp 96-96"."""
    widths = str(e.columns.get("model.widths", [""])[0]).strip("[]").replace(",", "-")
    return f"{e.kind} {widths}".strip()


def unit_of(e: Experiment) -> str:
    """The unit of the losses."""
    if e.kind == "autoencoder":
        return f"{e.columns.get('model.error', ['squared'])[0]} error"
    return "nats"

"""What one routing decision covers, by site and mechanism: where a concept goes, at what cost."""

import itertools
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from absorb.stats.intervals import Interval, undefined
from absorb.stats.localised import Localised, localised
from figures.granularity_draw import draw
from figures.marks import Mark, mark, spoken
from figures.page import Page, Pages
from figures.select import ARM, FRACTION, Table
from figures.token_runs import (
    CONCEPT,
    DEGREE,
    GRANULARITY,
    MECHANISM,
    PLACEMENT,
    SITES,
    UNITS,
    Row,
    Seeded,
    Study,
    common,
    concept_words,
    fraction,
    is_route,
    missing,
    paired,
    site_words,
    studies,
    treatments,
)

FREE = (ARM, FRACTION, GRANULARITY, DEGREE, MECHANISM, SITES, UNITS, PLACEMENT, CONCEPT)
ORDER = ("token", "span", "sequence", "example", "class", "batch", "component")
KINDS = ("mlp", "heads", "residual", "experts")
MECHANISMS = ("activation", "parameter", "update")
MANY = 9  # columns of a heat map beyond which each quantity gets a page of its own
SHOWN = 3  # cells that the terminal names for each concept


class Site(NamedTuple):
    """Where the region is cut."""

    sites: str
    placement: str
    units: int


class Cell(NamedTuple):
    """One kind of run; an unrouted one has no decision and no mechanism."""

    level: str
    decision: str
    site: Site
    mechanism: str
    p: float


class Map(NamedTuple):
    """A study with its axes: concepts, decisions, (site, mechanism), partial label fractions."""

    study: Study
    treatment: str
    levels: Sequence[str]
    decisions: Sequence[str]
    columns: Sequence[tuple[Site, str]]
    fractions: Sequence[float]
    missing: str

    @property
    def names(self) -> list[str]:
        """The columns in words."""
        sites = names_of(list(dict.fromkeys(site for site, _ in self.columns)))
        return [f"{sites[site]}, {mechanism}" for site, mechanism in self.columns]

    @property
    def quantities(self) -> list[str]:
        """What is mapped, in the order of the panels."""
        return ["localised", *(f"absorbed at p = {p:g}" for p in self.fractions), "retain cost"]


def pages(table: Table, partial: bool) -> Pages:
    """A figure for each study and treatment that is whole, or for all if `partial`."""
    found = [m for study in studies(table, FREE, cell_of) for m in maps_of(study)]
    drawn = [m for m in found if partial or not m.missing]
    left_out = dict.fromkeys(
        f"{m.study.apart or 'runs'}: {m.missing}" for m in found if m.missing and not partial
    )
    made = [page for m in drawn for page in pages_of(m)]
    strictest = {m.study.suffix: m for m in reversed(drawn)}
    said = [in_words(m) for m in strictest.values()]
    return Pages(made, "\n\n".join(said), list(left_out))


def cell_of(row: Row) -> Cell | None:
    """Routed runs by what they compare; unrouted ones by concept and region alone."""
    site = Site(str(row[SITES]), str(row[PLACEMENT]), int(row[UNITS]))
    if row[ARM] == "capacity":
        return Cell(concept_words(row), "", site, "", 0.0)
    if not is_route(row):
        return None
    return Cell(concept_words(row), decision(row), site, row[MECHANISM], fraction(row))


def decision(row: Row) -> str:
    """What one routing decision covers, and what knows how much."""
    degree = row.get(DEGREE) or "tags"
    return f"{row[GRANULARITY]} by {degree}" if degree != "tags" else str(row[GRANULARITY])


def maps_of(study: Study) -> list[Map]:
    """A study by each treatment; none where it compares fewer than two decisions."""
    routed = [cell for cell in study.cells if cell.decision]
    decisions = sorted({cell.decision for cell in routed}, key=place_of_decision)
    if len(decisions) < 2:
        return []
    each: dict[tuple, list[float]] = {}
    for cell in routed:
        each.setdefault(cell._replace(p=0.0), []).append(cell.p)
    fractions = [p for p in common(list(each.values())) if p > 0]
    levels = list(dict.fromkeys(cell.level for cell in sorted_by_concept(study)))
    columns = sorted({(cell.site, cell.mechanism) for cell in routed}, key=place_of_column)
    lacking = missing(study, wanted(study, levels, fractions), said, study.seeds)
    partly = [p for p in fractions if p < 1]
    return [
        Map(study, treatment, levels, decisions, columns, partly, lacking)
        for treatment in treatments(study.rows)
    ]


def sorted_by_concept(study: Study) -> list[Cell]:
    """The cells in the order of their concepts."""
    return sorted(study.cells, key=lambda cell: next(iter(study.cells[cell].values()))[CONCEPT])


def wanted(study: Study, levels: Sequence[str], fractions: Sequence[float]) -> list[Cell]:
    """Every decision, site and mechanism that any run has, at every concept and label fraction."""
    kinds = dict.fromkeys(cell._replace(level="", p=0.0) for cell in study.cells if cell.decision)
    routed = [
        kind._replace(level=level, p=p)
        for level, kind, p in itertools.product(levels, kinds, fractions)
    ]
    sites = dict.fromkeys(kind.site for kind in kinds)
    return [*routed, *(Cell(level, "", site, "", 0.0) for level in levels for site in sites)]


def said(cell: Cell) -> str:
    """A cell in words."""
    where = site_words(cell.site.sites)
    if not cell.decision:
        return f"{cell.level}, not routed, region in {where}"
    return f"{cell.level}, {cell.decision}, {where}, {cell.mechanism} at p = {cell.p:g}"


def place_of_decision(name: str) -> tuple:
    """The finest first, exact tags before degrees."""
    kind, _, degree = name.partition(" by ")
    return ORDER.index(kind) if kind in ORDER else len(ORDER), degree


def place_of_column(column: tuple[Site, str]) -> tuple:
    """Sites by kind, then mechanisms."""
    site, mechanism = column
    words = site_words(site.sites)
    kind = next((i for i, kind in enumerate(KINDS) if words.startswith(kind)), len(KINDS))
    return kind, site, MECHANISMS.index(mechanism)


def names_of(sites: Sequence[Site]) -> Mapping[Site, str]:
    """Short names, longer where two would be the same."""
    for name in (
        lambda s: site_words(s.sites),
        lambda s: site_words(s.sites, layers=True),
        lambda s: f"{site_words(s.sites, layers=True)} {s.placement} {s.units}",
    ):
        names = {site: name(site) for site in sites}
        if len(set(names.values())) == len(names):
            break
    return names


def pages_of(found: Map) -> list[Page]:
    """One page, or one for each quantity where the map has many columns."""
    marks, caption = marks_of(found), caption_of(found)
    name = f"granularity_{found.treatment}{found.study.suffix}"
    parts = {name: found.quantities}
    if len(found.columns) > MANY:
        parts = {f"{name}-{file_words(quantity)}": [quantity] for quantity in found.quantities}
    return [
        Page(
            name,
            lambda part=part: draw(
                marks, found.levels, part, found.decisions, found.names, caption
            ),
            [m for m in marks if m.panel.split(": ")[1] in part],
            caption,
        )
        for name, part in parts.items()
    ]


def file_words(quantity: str) -> str:
    """A quantity as a part of a file name, such as "absorbed_0.5"."""
    return quantity.replace(" at p = ", "_").replace(" ", "_")


def marks_of(found: Map) -> list[Mark]:
    """Every cell of every panel that has runs."""
    marks = []
    for level, decision, (column, name) in itertools.product(
        found.levels, found.decisions, zip(found.columns, found.names, strict=True)
    ):
        cells = {p: Cell(level, decision, *column, p) for p in (*found.fractions, 1.0)}
        there = {p: found.study.cells.get(cell, {}) for p, cell in cells.items()}
        if any(there.values()):
            none = found.study.cells.get(Cell(level, "", column[0], "", 0.0), {})
            of = measures(found, there, none)
            marks += [
                mark(f"{level}: {quantity}", f"{decision}; {name}", at, value)
                for quantity, (at, value) in of.items()
            ]
    return marks


def measures(
    found: Map, there: Mapping[float, Seeded], none: Seeded
) -> dict[str, tuple[float, Interval]]:
    """Each quantity of one cell, with the label fraction it is measured at."""
    forget, retain, full = f"{found.treatment}.forget", f"{found.treatment}.retain", there[1.0]
    values = {
        "localised": (1.0, of_losses(forget, full, none, full).rise),
        "retain cost": (1.0, of_losses(retain, full, none, full).rise),
    }
    for p in found.fractions:
        values[f"absorbed at p = {p:g}"] = (p, of_losses(forget, there[p], none, full).share)
    return values


def of_losses(column: str, part: Seeded, none: Seeded, full: Seeded) -> Localised:
    """`localised` of one column, or why there is nothing."""
    needed = {"unrouted networks": none, "this label fraction": part, "p = 1": full}
    if lacking := [words for words, runs in needed.items() if not runs]:
        why = undefined(0, f"no runs of {', '.join(lacking)}")
        return Localised(why, why)
    return localised(*paired([column] * 3, [part, none, full]))


def caption_of(found: Map) -> str:
    """What a reader has to know."""
    row, study = found.study.first, found.study
    apart = f"{study.apart}\n" if study.apart else ""
    return (
        f"{apart}{study.runs_in_words(found.missing)}; {row['world.kind']}, width"
        f" {row.get('model.width')}, {row.get('model.layers')} layers; after treatment"
        f" {found.treatment}, nats per token.\n"
        "Rows: what one routing decision covers. Localised: forget loss with all labels minus that"
        " of an unrouted network with the same region ablated. Absorbed: the share of that rise"
        " which fewer labels reach, 0 as unrouted, 1 as with all labels (credit sharing alone"
        " gives more than 0). Retain cost: the same difference in retain loss. Null: 0. Paired by"
        " seed; 95 % t intervals, Fieller's for shares, in the tables. Pale with a dot: the"
        " interval holds 0. Hatched: no share, since the rise with all labels is not above 0."
        " Blank: no such runs. No correction for the number of cells."
    )


def in_words(found: Map) -> str:
    """The finding for the terminal: how many cells localise each concept, and the most."""
    lines = [f"granularity after {found.treatment}: {found.study.runs_in_words(found.missing)}"]
    marks = marks_of(found)
    for level in found.levels:
        own = [m for m in marks if m.panel == f"{level}: localised" and m.drawn]
        clear = sorted((m for m in own if m.low > 0), key=lambda m: -m.value)
        best = "; ".join(f"{m.series.replace(';', ',')} {spoken(m)}" for m in clear[:SHOWN])
        lines.append(
            f"  {level}: {len(clear)} of {len(own)} cells localise (interval above 0)"
            + (f"; most: {best}" if best else "")
        )
    return "\n".join(lines)

"""What one routing decision covers, by site and mechanism: where a concept goes, at what cost."""

import itertools
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from absorb.stats.intervals import Interval, undefined
from absorb.stats.localised import Localised, localised
from figures.granularity_cells import (
    FREE,
    MECHANISMS,
    SITES_ONLY,
    Cell,
    Site,
    cell_of,
    fractions_by_site,
    lacking,
    levels_of,
    names_of,
    place_of_column,
    place_of_decision,
    routed_cells,
    unrouted,
)
from figures.granularity_draw import KEPT, UNLEARNED, draw
from figures.marks import Mark, mark, spoken
from figures.ordinary import Lengths, is_ordinary, kept, kin, ordinary
from figures.page import Page, Pages
from figures.select import Table
from figures.token_runs import Seeded, Study, paired, studies, treatments

WHOLE = "whole.forget"
MANY = 9  # columns of a heat map beyond which each quantity gets a page of its own
SHOWN = 3  # cells that the terminal names for each concept
OTHER_BATCHES = "against an unrouted network on shuffled batches, these being gathered by label"


class Map(NamedTuple):
    """A study with its axes: concepts, decisions, (site, mechanism), label fractions by site."""

    study: Study
    treatment: str
    levels: Sequence[str]
    decisions: Sequence[str]
    columns: Sequence[tuple[Site, str]]
    by_site: Mapping[Site, Sequence[float]]
    ordinary: Mapping[tuple, Lengths]
    missing: str

    @property
    def fractions(self) -> list[float]:
        """The partial label fractions of any site."""
        return sorted({p for of in self.by_site.values() for p in of if p < 1})

    @property
    def names(self) -> list[str]:
        """The columns in words."""
        sites = names_of(list(dict.fromkeys(site for site, _ in self.columns)))
        return [f"{sites[site]}, {mechanism}" for site, mechanism in self.columns]

    @property
    def quantities(self) -> list[str]:
        """What is mapped, in the order of the panels."""
        shares = [f"absorbed at p = {p:g}" for p in self.fractions]
        unlearned = [UNLEARNED] if knows_whole(self.study) else []
        end = [KEPT] if self.lengths else []
        return ["localised", *unlearned, *shares, "retain cost", *end]

    @property
    def lengths(self) -> Lengths:
        """The ordinary networks of the first concept by epochs, if there are two lengths."""
        found = self.ordinary.get(kin(self.study.first), {})
        return found if len(found) > 1 else {}


def pages(table: Table, partial: bool) -> Pages:
    """A figure for each study and treatment that is whole, or for all if `partial`."""
    own = studies(table, FREE, cell_of, lambda row: not is_ordinary(row))
    found = [m for study in own for m in maps_of(study, ordinary(table))]
    drawn = [m for m in found if partial or not m.missing]
    left_out = dict.fromkeys(
        f"{m.study.apart or 'runs'}: {m.missing}" for m in found if m.missing and not partial
    )
    made = [page for m in drawn for page in pages_of(m)]
    strictest = {m.study.suffix: m for m in reversed(drawn)}
    said = [in_words(m) for m in strictest.values()]
    return Pages(made, "\n\n".join(said), list(left_out))


def knows_whole(study: Study) -> bool:
    """Whether runs say what the whole network makes of the concept."""
    return study.first.get(WHOLE) is not None


def maps_of(study: Study, lengths: Mapping[tuple, Lengths]) -> list[Map]:
    """A study by each treatment; none where it compares fewer than two decisions."""
    routed = routed_cells(study)
    decisions = sorted({cell.decision for cell in routed}, key=place_of_decision)
    if len(decisions) < 2:
        return []
    levels, by_site = levels_of(study), fractions_by_site(study)
    columns = sorted({(cell.site, cell.mechanism) for cell in routed}, key=place_of_column)
    why = lacking(study, levels)
    return [
        Map(study, treatment, levels, decisions, columns, by_site, lengths, why)
        for treatment in treatments(study.rows)
    ]


def pages_of(found: Map) -> list[Page]:
    """One page, or one for each quantity where the map has many columns."""
    marks, caption = marks_of(found), caption_of(found)
    kind = found.study.rows[0]["world.kind"]
    world = "" if kind == "stories" else f"_{kind}"
    name = f"granularity{world}_{found.treatment}{found.study.suffix}"
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
        full = Cell(level, decision, *column, 1.0)
        if any(full._replace(p=p) in found.study.cells for p in (*found.by_site[full.site], 1.0)):
            marks += [
                mark(f"{level}: {quantity}", f"{decision}; {name}", at, value)
                for quantity, (at, value) in measures(found, full).items()
            ]
    return marks


def measures(found: Map, full: Cell) -> dict[str, tuple[float, Interval]]:
    """Each quantity of one kind of run, with the label fraction it is measured at."""
    forget, retain = f"{found.treatment}.forget", f"{found.treatment}.retain"
    values = {
        "localised": (1.0, of_losses(found.study, forget, full, 1.0).rise),
        "retain cost": (1.0, of_losses(found.study, retain, full, 1.0).rise),
    }
    if knows_whole(found.study):
        values[UNLEARNED] = (1.0, of_losses(found.study, WHOLE, full, 1.0).rise)
    if found.lengths and (runs := found.study.cells.get(full)):
        own = found.ordinary.get(kin(next(iter(runs.values()))), {})
        values[KEPT] = (1.0, kept(own, runs, retain))
    for p in found.by_site[full.site]:
        if p < 1:
            share = of_losses(found.study, forget, full, p).share
            values[f"absorbed at p = {p:g}"] = (p, share)
    return values


def of_losses(study: Study, column: str, full: Cell, p: float) -> Localised:
    """`localised` of one column, or why there is nothing."""
    none, none_full, remark = references(study, full, p)
    part, whole = study.cells.get(full._replace(p=p), {}), study.cells.get(full, {})
    needed = {"unrouted networks": none, "this label fraction": part, "p = 1": whole}
    if absent := [words for words, runs in needed.items() if not runs]:
        why = undefined(0, f"no runs of {', '.join(absent)}")
        return Localised(why, why)
    of = localised(*paired([column] * 4, [part, none, whole, none_full]))
    return Localised(*(v._replace(why="; ".join(filter(None, (v.why, remark)))) for v in of))


def references(study: Study, full: Cell, p: float) -> tuple[Seeded, Seeded, str]:
    """The unrouted networks at p and at 1, in the same kind of batches if there are; else why."""
    plain = study.cells.get(unrouted(full.level, full.site), {})
    if full.decision != "batch":
        return plain, plain, ""
    own = [study.cells.get(unrouted(full.level, full.site, q), {}) for q in (p, 1.0)]
    return (own[0], own[1], "") if all(own) else (plain, plain, OTHER_BATCHES)


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
        " gives more than 0). Not learned: the difference of whole networks, nothing ablated; what"
        " was never there needs no removal. Retain cost: that of retain losses. Null: 0. Paired by"
        " seed; 95 % t intervals, Fieller's for shares, in the tables. Pale with a dot: the"
        " interval holds the null. Hatched: no share, as the rise with all labels is not above 0."
        " Blank: no such runs. No correction for the number of cells."
        f"{about_training(found)}{about_the_rest(found)}{about_batches(found)}"
    )


def about_training(found: Map) -> str:
    """What the retain loss is worth in training, if that is mapped."""
    if not found.lengths:
        return ""
    tried = ", ".join(f"{epochs:g}" for epochs in found.lengths)
    own = {kin(row) for row in found.study.rows}
    more = sum(len(runs) for key in own for runs in found.ordinary.get(key, {}).values())
    return (
        " Training kept: the share of ordinary training (on everything, with all units) after which"
        f" retain loss is the same, read between {tried} epochs of {more} more runs; null: 1; ≤ and"
        " ≥: less or more than any of them."
    )


def about_the_rest(found: Map) -> str:
    """What learns outside the sites, for the mechanisms that are there."""
    there = {mechanism for _, mechanism in found.columns}
    whole = [m for m in ("parameter", "update") if m in there]
    open_ = [m for m in ("activation",) if m in there]
    open_ += [m for m in MECHANISMS if m in there and m.endswith(SITES_ONLY)]
    text = ""
    if whole:
        text += f" {' and '.join(whole).capitalize()}: every parameter outside the region is the"
        text += " rest's."
    if open_:
        text += f" {' and '.join(open_).capitalize()}: what touches no cut site (embeddings,"
        text += " norms, other matrices) still learns from labelled forget data"
        text += "; activation knows no other way." if "activation" in there else "."
    return text


def about_batches(found: Map) -> str:
    """What decisions by batch are compared with."""
    cells = [c for c in routed_cells(found.study) if c.decision == "batch"]
    if not cells:
        return ""
    other = [c for c in cells if references(found.study, c._replace(p=1.0), c.p)[2]]
    own = " Batch: batches are gathered by label, in the unrouted network as well"
    if len(other) == len(cells):
        return " Batch: gathered by label, where the unrouted network has shuffled batches."
    return own + (", or else as the tables say." if other else ".")


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

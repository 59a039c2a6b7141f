"""The runs of a granularity map by what one routing decision covers, site, mechanism and p."""

import itertools
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from figures.select import ARM, FRACTION
from figures.token_runs import (
    CONCEPT,
    DEGREE,
    GRANULARITY,
    MECHANISM,
    PLACEMENT,
    SITES,
    UNITS,
    WHOLE_REST,
    Row,
    Study,
    common,
    concept_words,
    fraction,
    is_route,
    missing,
    site_words,
)

FREE = (
    ARM, FRACTION, GRANULARITY, DEGREE, MECHANISM, SITES, UNITS, PLACEMENT, CONCEPT, WHOLE_REST,
)  # fmt: skip
ORDER = ("token", "span", "sequence", "example", "class", "batch", "component")
KINDS = ("mlp", "heads", "residual", "experts")
SITES_ONLY = "at sites only"
MECHANISMS = (
    "activation", f"parameter {SITES_ONLY}", "parameter", f"update {SITES_ONLY}", "update",
)  # fmt: skip


class Site(NamedTuple):
    """Where the region is cut."""

    sites: str
    placement: str
    units: int


class Cell(NamedTuple):
    """One kind of run; an unrouted one has no mechanism, and p only where batches need labels."""

    level: str
    decision: str
    site: Site
    mechanism: str
    p: float


def cell_of(row: Row) -> Cell | None:
    """Routed runs by what they compare; unrouted ones by concept, region and how they batch."""
    site = Site(str(row[SITES]), str(row[PLACEMENT]), int(row[UNITS]))
    if row[ARM] == "capacity":
        gathered = row[GRANULARITY] == "batch"
        return unrouted(concept_words(row), site, fraction(row) if gathered else None)
    if not is_route(row):
        return None
    return Cell(concept_words(row), decision(row), site, mechanism(row), fraction(row))


def unrouted(level: str, site: Site, p: float | None = None) -> Cell:
    """The cell of unrouted networks; with p of those in batches gathered by p's labels."""
    return Cell(level, "" if p is None else "batch", site, "", p or 0.0)


def decision(row: Row) -> str:
    """What one routing decision covers, and what knows how much."""
    degree = row.get(DEGREE) or "tags"
    return f"{row[GRANULARITY]} by {degree}" if degree != "tags" else str(row[GRANULARITY])


def mechanism(row: Row) -> str:
    """The mechanism, and of those that mask parameters whether they mask those at sites alone."""
    name = str(row[MECHANISM])
    return name if name == "activation" or row.get(WHOLE_REST) else f"{name} {SITES_ONLY}"


def routed_cells(study: Study) -> list[Cell]:
    """The cells of routed runs."""
    return [cell for cell in study.cells if cell.mechanism]


def levels_of(study: Study) -> list[str]:
    """The concepts' levels, in the order of the concepts."""
    first = {cell: next(iter(runs.values()))[CONCEPT] for cell, runs in study.cells.items()}
    return list(dict.fromkeys(cell.level for cell in sorted(first, key=lambda cell: first[cell])))


def fractions_by_site(study: Study) -> dict[Site, list[float]]:
    """The label fractions above 0 that the kinds of routed runs at a site have in common."""
    each: dict[Site, dict[Cell, list[float]]] = {}
    for cell in routed_cells(study):
        each.setdefault(cell.site, {}).setdefault(cell._replace(p=0.0), []).append(cell.p)
    return {site: [p for p in common(list(of.values())) if p > 0] for site, of in each.items()}


def lacking(study: Study, levels: Sequence[str]) -> str:
    """What is not there of `wanted` runs, in words, or ""."""
    return missing(study, wanted(study, levels), said, study.seeds)


def wanted(study: Study, levels: Sequence[str]) -> list[Cell]:
    """Every kind of run that any concept has, at every concept and label fraction of its site."""
    kinds = dict.fromkeys(cell._replace(level="", p=0.0) for cell in routed_cells(study))
    gathered = {cell.site for cell in study.cells if not cell.mechanism and cell.decision}
    found = []
    for site, fractions in fractions_by_site(study).items():
        own = [kind for kind in kinds if kind.site == site]
        found += [
            kind._replace(level=level, p=p)
            for level, kind, p in itertools.product(levels, own, fractions)
        ]
        found += [unrouted(level, site) for level in levels]
        if site in gathered:
            found += [unrouted(level, site, p) for level in levels for p in fractions]
    return found


def said(cell: Cell) -> str:
    """A cell in words."""
    where = site_words(cell.site.sites)
    if not cell.mechanism:
        batches = f", in batches by label at p = {cell.p:g}" if cell.decision else ""
        return f"{cell.level}, not routed{batches}, region in {where}"
    return f"{cell.level}, {cell.decision}, {where}, {cell.mechanism} at p = {cell.p:g}"


def place_of_decision(name: str) -> tuple:
    """The finest first, exact tags before degrees."""
    kind, _, degree = name.partition(" by ")
    return ORDER.index(kind) if kind in ORDER else len(ORDER), degree


def place_of_column(column: tuple[Site, str]) -> tuple:
    """Sites by kind, then mechanisms."""
    site, name = column
    words = site_words(site.sites)
    kind = next((i for i, kind in enumerate(KINDS) if words.startswith(kind)), len(KINDS))
    return kind, site, MECHANISMS.index(name)


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

"""Which runs route a pair of features to one dimension, by size, route, masks and labels."""

import itertools
import json
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from figures.select import FRACTION, Table
from figures.toy_rows import (
    FEATURES,
    HIDDEN,
    IMPORTANCE,
    LOSS,
    MECHANISM,
    STRUCTURE,
    Row,
    Study,
    finite,
    studies,
    toy_rows,
)

CONCEPT, GRANULARITY, UNTIL = "routing.concept", "routing.granularity", "routing.until"
FREE = (HIDDEN, FEATURES, UNTIL, FRACTION, MECHANISM, GRANULARITY)
SAME = ("world.", "model.", "train.")  # what an unrouted network has to share
IDLE = ("world.group", "world.correlation")  # without effect where features are independent


class Spot(NamedTuple):
    """One setting: m, the share of training that is masked, the way of routing, label fraction."""

    m: int
    until: float
    route: str
    p: float


class Induced(NamedTuple):
    """One study: its finished runs by setting, and unrouted networks of the same world by m."""

    study: Study
    spots: Mapping[Spot, Sequence[Row]]
    unrouted: Mapping[int, Sequence[Row]]
    pair: tuple[int, int]
    twins: tuple[int, ...]
    units: int

    @property
    def sizes(self) -> list[int]:
        """The numbers of hidden dimensions."""
        return sorted({spot.m for spot in self.spots})

    def fractions(self, until: float) -> list[float]:
        """The label fractions where this share of training is masked."""
        return sorted({spot.p for spot in self.spots if spot.until == until})

    @property
    def untils(self) -> list[float]:
        """The shares of training that are masked."""
        return sorted({spot.until for spot in self.spots})

    @property
    def routes(self) -> list[str]:
        """The ways of routing."""
        return sorted({spot.route for spot in self.spots})


def induced_studies(table: Table) -> list[Induced]:
    """Every study of 2m equal features in m dimensions of which two are routed."""
    plain = toy_rows(table, lambda row: row[MECHANISM] == "none")
    return [induced(one, plain) for one in studies(table, FREE, routes_a_pair)]


def routes_a_pair(row: Row) -> bool:
    """Whether two of 2m equal features are routed."""
    fits = row[FEATURES] == 2 * row[HIDDEN] and row[HIDDEN] > 1 and row[IMPORTANCE] == 1
    return bool(row[MECHANISM] != "none" and fits and len(concept(row)) == 2)


def concept(row: Row) -> tuple[int, ...]:
    """The features of the concept."""
    return tuple(json.loads(row[CONCEPT]))


def induced(one: Study, plain: Sequence[Row]) -> Induced:
    """The runs of one study in their places."""
    spots = {Spot(m, until, f"{how}, per {per}", p): one.ok(cell)
             for cell in one.cells for m, _, until, p, how, per in [cell]}  # fmt: skip
    pair = concept(one.first)
    sizes = sorted({spot.m for spot in spots})
    whole = one._replace(missing=one.missing or absent(spots))
    return Induced(
        whole, spots, {m: unrouted_like(one, m, plain) for m in sizes}, (pair[0], pair[1]),
        twins_of(one.first), int(one.first["routing.units"]),
    )  # fmt: skip


def absent(spots: Mapping[Spot, Sequence[Row]]) -> str:
    """The first setting that others of the same masks have and that is not there, or ""."""
    for until in sorted({spot.until for spot in spots}):
        own = [spot for spot in spots if spot.until == until]
        wanted = itertools.product({s.m for s in own}, {s.route for s in own}, {s.p for s in own})
        for m, route, p in sorted(wanted):
            if Spot(m, until, route, p) not in spots:
                return f"no runs of {route} at p = {p:g}, m = {m}, until {until:g}"
    return ""


def unrouted_like(one: Study, m: int, plain: Sequence[Row]) -> list[Row]:
    """Unrouted networks that differ from those with m dimensions in routing alone, by seed."""
    like = next(row for row in one.rows if row[HIDDEN] == m)
    idle = IDLE if like[STRUCTURE] == "independent" else ()
    names = [name for name in like if name.startswith(SAME) and name not in idle]
    own = [row for row in plain if all(row[name] == like[name] for name in names)]
    by_seed = {row["seed"]: row for row in own if row["status"] == "ok" and finite(row[LOSS])}
    return [by_seed[seed] for seed in sorted(by_seed)]


def twins_of(row: Row) -> tuple[int, ...]:
    """The features that share a group with one of the concept and are not of it themselves."""
    if row[STRUCTURE] == "independent":
        return ()
    own, size = concept(row), int(row["world.group"])
    kin = {i // size for i in own}
    return tuple(i for i in range(int(row[FEATURES])) if i // size in kin and i not in own)

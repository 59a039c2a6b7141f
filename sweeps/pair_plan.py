"""Which runs of a sweep are compared two by two: those of one cell, which share no run with others.

The levels 2k and 2k + 1 of every seed that varies make cell k. Pairs of one cell share runs and are
not independent; cells are.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from absorb.config import Config, Seeds
from absorb.errors import AbsorbError
from sweeps.points import Point

FACTORS = ("init", "order", "labels")
VERSION = 1  # raised where the same pair would give other numbers on purpose
ALL_SHARED = (1 << len(FACTORS)) - 1

Place = tuple[int, ...]  # the levels of FACTORS


class Pair(NamedTuple):
    """Two runs that differ in one seed, in all that vary, or, as a rerun, in none.

    shared: the seeds that both have, as bits: 4 init, 2 order, 1 labels. of: how many pairs the
    runs that differ in nothing but seeds make in this sweep.
    """

    first: Point
    second: Point
    shared: int
    cell: int
    of: int

    @property
    def id(self) -> str:
        """64 hexadecimal digits that name the pair."""
        text = json.dumps([VERSION, self.first.run_id, self.second.run_id])
        return hashlib.sha256(text.encode()).hexdigest()


def pairs_of(points: Iterable[Point]) -> list[Pair]:
    """Every pair of a sweep that is compared. Errors: AbsorbError where there is none."""
    groups: dict[Config, dict[str, Point]] = {}
    for point in points:
        alike = replace(point.config, seed=0, seeds=Seeds(None, None, None, None))
        groups.setdefault(alike, {})[point.run_id] = point
    found = []
    for runs in groups.values():
        own = list(pairs_of_group(list(runs.values())))
        found += [pair._replace(of=len(own)) for pair in own]
    if not found:
        raise AbsorbError(
            "no two runs of this sweep may be compared: seeds 2k and 2k + 1 make a pair,"
            " such as seeds.init=0,1 or seed=0,1; seeds.rerun=null,1 makes one too"
        )
    return found


def pairs_of_group(points: Sequence[Point]) -> Iterator[Pair]:
    """The pairs of runs that differ in nothing but seeds."""
    varying = varying_factors(points)
    cells: dict[int, list[Point]] = {}
    for point in sorted(points, key=order_of):
        cell = cell_of(place_of(point.config), varying)
        if cell is not None:
            cells.setdefault(cell, []).append(point)
    for cell, own in cells.items():
        for i, first in enumerate(own):
            for second in own[i + 1 :]:
                if (shared := compared(first.config, second.config, varying)) is not None:
                    yield Pair(first, second, shared, cell, 0)


def place_of(config: Config) -> Place:
    """The seeds of a canonical config, which states all of them."""
    return tuple(getattr(config.seeds, name) for name in FACTORS)


def order_of(point: Point) -> tuple[Place, int, int]:
    """Runs stand by their seeds, the first run of each before its reruns."""
    return place_of(point.config), point.config.seed, point.config.seeds.rerun or 0


def varying_factors(points: Sequence[Point]) -> list[int]:
    """The factors of which there is more than one level."""
    places = [place_of(point.config) for point in points]
    return [i for i in range(len(FACTORS)) if len({place[i] for place in places}) > 1]


def cell_of(place: Place, varying: Sequence[int]) -> int | None:
    """The cell of a run, or None where its levels lie in several."""
    cells = {place[i] // 2 for i in varying} or {place[0] // 2}
    return cells.pop() if len(cells) == 1 else None


def compared(first: Config, second: Config, varying: Sequence[int]) -> int | None:
    """What two runs of a cell share, or None where they are not compared.

    They are where one seed alone differs, or all that vary; a rerun only with its own first run.
    """
    rerun, places = second.seeds.rerun, (place_of(first), place_of(second))
    if first.seeds.rerun is not None:
        return None
    if rerun is not None:
        alike = replace(second, seeds=replace(second.seeds, rerun=None)) == first
        return ALL_SHARED if alike else None
    apart = [i for i in range(len(FACTORS)) if places[0][i] != places[1][i]]
    if len(apart) not in {1, len(varying)} or not apart:
        return None
    return ALL_SHARED - sum(1 << (len(FACTORS) - 1 - i) for i in apart)

"""`absorb figures [NAME ...] [store=DIR] [out=DIR] [venue=NAME] [partial=true] [strict=true]`."""

import sys
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from absorb.errors import AbsorbError
from absorb.store.quotes import unquoted
from figures import (
    barriers,
    cloud_table2,
    credit,
    dimensionality,
    dose_response,
    dynamics,
    finetunability,
    fixed_points,
    four_properties,
    frontier,
    gating,
    granularity,
    homes,
    induced,
    leakage,
    mechanics,
    overlap,
    path_dependence,
    phase_diagram,
    relearning,
    rivals,
    saturation,
    score_variance,
    steering,
    superposition,
    toy_absorption,
    toy_paths,
    variance,
)
from figures.codes import confessed, mixed
from figures.page import Pages
from figures.save import Gallery
from figures.select import Table
from figures.style import VENUES, WEB

FIGURES: dict[str, Callable[[Table, bool], Pages]] = {
    "dose_response": dose_response.pages,
    "cloud_table2": cloud_table2.pages,
    "credit": credit.pages,
    "superposition": superposition.pages,
    "overlap": overlap.pages,
    "dimensionality": dimensionality.pages,
    "toy_paths": toy_paths.pages,
    "phase_diagram": phase_diagram.pages,
    "induced": induced.pages,
    "toy_absorption": toy_absorption.pages,
    "granularity": granularity.pages,
    "leakage": leakage.pages,
    "rivals": rivals.pages,
    "relearning": relearning.pages,
    "saturation": saturation.pages,
    "gating": gating.pages,
    "steering": steering.pages,
    "frontier": frontier.pages,
    "finetunability": finetunability.pages,
    "four_properties": four_properties.pages,
    "mechanics": mechanics.pages,
    "path_dependence": path_dependence.pages,
    "score_variance": score_variance.pages,
    "variance": variance.pages,
    "homes": homes.pages,
    "barriers": barriers.pages,
    "dynamics": dynamics.pages,
    "fixed_points": fixed_points.pages,
}
PAIRED = ("barriers",)  # drawn from the pairs that `absorb barriers` keeps below the runs
KEYS = ("store", "out", "venue", "partial", "strict")
TRUTH = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


class Asked(NamedTuple):
    """Which figures, from which store, to which directory, in whose style.

    `partial`: of unfinished sweeps too; `strict`: of runs by today's code alone.
    """

    names: tuple[str, ...]
    store: Path
    out: Path
    venue: str
    partial: bool
    strict: bool


def main(arguments: Sequence[str], today: Callable[[], str] | None = None) -> int:
    """Draw the figures asked for, or all that the store can give; print their paths; exit code.

    `today` gives the version of the code as the store has it, for `strict`.
    """
    asked = understood(arguments)
    runs, pairs = read(asked.store), read_pairs(asked.store)
    if asked.strict:
        runs, pairs = (of_today(table, asked.store, today) for table in (runs, pairs))
    gallery, drawn = Gallery(asked.out, asked.venue), 0
    for said in filter(None, map(mixed, (runs, pairs))):
        say(f"{said} strict=true draws those by today's alone")
    for name in asked.names or tuple(FIGURES):
        table = pairs if name in PAIRED else runs
        found = FIGURES[name](table, asked.partial)
        more = set() if asked.partial else drawn_if_partial(name, table, found)
        if asked.names:
            refuse_nothing(name, found, asked.store, more)
        for page in found.pages:
            say(*gallery.hang(confessed(page, table)))
        for text in found.left_out:
            say(f"not drawn, {name} of {text}{' (partial=true draws it)' * (text in more)}")
        if found.headline:
            say("", found.headline, "")
        drawn += len(found.pages)
    if not drawn:
        raise AbsorbError(
            f"{asked.store} has no finished sweep that a figure could be drawn from;"
            f" figures: {', '.join(FIGURES)}"
        )
    return 0


def understood(arguments: Sequence[str]) -> Asked:
    """The words of the command line; raises AbsorbError for one that means nothing here."""
    given, names = {}, []
    for word in with_equals(arguments):
        key, equals, value = word.partition("=")
        if equals and key not in KEYS:
            raise AbsorbError(f"{key}: figures takes {', '.join(KEYS)} alone")
        if not equals and word not in FIGURES:
            raise AbsorbError(f"{word}: no such figure; choose from {', '.join(FIGURES)}")
        if equals:
            given[key] = unquoted(value)
        else:
            names.append(word)
    store, venue = Path(given.get("store", "results")), given.get("venue", WEB)
    if venue not in VENUES:
        raise AbsorbError(f"venue={venue}: choose from {', '.join(VENUES)}")
    out = Path(given.get("out", store / "figures"))
    partial, strict = truth(given, "partial"), truth(given, "strict")
    return Asked(tuple(names), store, out, venue, partial, strict)


def with_equals(arguments: Sequence[str]) -> Iterator[str]:
    """The words with `--out DIR` as out=DIR and `--partial` as partial=true, and so on."""
    words = iter(arguments)
    for word in words:
        name = word.removeprefix("--")
        if word in ("--partial", "--strict"):
            yield f"{name}=true"
        else:
            yield f"{name}={next(words, '')}" if word in ("--out", "--venue") else word


def truth(given: dict[str, str], key: str) -> bool:
    """The value of a key that is true or false."""
    value = given.get(key, "false").lower()
    if value not in TRUTH:
        raise AbsorbError(f"{key}={value}: true or false")
    return TRUTH[value]


def read(store: Path) -> dict[str, Any]:
    """All runs of a store, one list per column."""
    from absorb.store import Store

    return Store(store, create=False).table().to_pydict()


def read_pairs(store: Path) -> dict[str, Any]:
    """All pairs of runs that were compared, as `read` has the runs; empty where none were."""
    from absorb.store.names import PAIRS

    return read(store / PAIRS) if (store / PAIRS).is_dir() else {}


def of_today(table: Table, store: Path, today: Callable[[], str] | None) -> dict[str, Any]:
    """The runs that were made by today's code; the others are counted and left out."""
    if today is None:
        raise AbsorbError("strict=true: only `absorb figures` knows the version of the code")
    now, codes = today(), table.get("code", ())
    rows = [i for i, code in enumerate(codes) if code == now]
    if len(rows) < len(codes):
        say(f"{len(codes) - len(rows)} of {len(codes)} runs in {store} are by other code: left out")
    return {name: [column[i] for i in rows] for name, column in table.items()}


def drawn_if_partial(name: str, table: Table, found: Pages) -> set[str]:
    """Of what is left out, what partial=true would draw; many figures have no use for a part."""
    if not found.left_out:
        return set()
    partly = FIGURES[name](table, True)
    more = sum(len(p.marks) for p in partly.pages) > sum(len(p.marks) for p in found.pages)
    return set(found.left_out) - set(partly.left_out) if more else set()


def refuse_nothing(name: str, found: Pages, store: Path, more: Collection[str]) -> None:
    """Say why a figure that was asked for by name cannot be drawn at all, and what could be done.

    `more` is what partial=true would draw. A run that diverged does so again.
    """
    if found.pages:
        return
    if found.left_out:
        done = all("diverged" in text or text.endswith("ended well") for text in found.left_out)
        ways = [] if done else ["finish the sweep"]
        ways += ["add partial=true to draw what is there"] if more else []
        advice = f". {', or '.join(ways).capitalize()}" if ways else ""
        raise AbsorbError(f"{name} is not drawn: {'; '.join(found.left_out)}{advice}")
    if name in PAIRED:
        raise AbsorbError(f"{name} is not drawn: {store} has no pairs; `absorb {name}` makes them")
    raise AbsorbError(f"{name} is not drawn: {store} has no runs of such an experiment")


def say(*lines: str) -> None:
    """Print, at once."""
    for text in lines:
        print(text, flush=True)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except AbsorbError as error:
        sys.exit(f"figures: {error}")

"""`absorb reproduce [small] [EXPERIMENT...] [paper=DIR] [store=DIR]`: the paper's sweeps again.

They start from nothing; runs that are in `store` already are not repeated. Each number of the paper
is then read from the new runs and held against the committed one: the same to seven digits, within
its interval, unbounded, or moved. Runs by other code than today's reproduce nothing.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from absorb.errors import AbsorbError
from figures.main import PAIRED, read, read_pairs, say
from figures.marks import Mark
from figures.numbers import Place, mark_at, number_at
from figures.paper import Plan, committed_numbers, pages_of, plan_of

SAME = 1e-7  # relative: what another order of adding up may change
WITHIN, HALF, UNBOUNDED = "within", "within, one end open", "unbounded"
SAID = {
    WITHIN: "within its interval",
    HALF: "within the one end of its interval",
    UNBOUNDED: "its interval has no end",
    "moved": "MOVED",
}
Command = Callable[[Sequence[str]], int]


class Asked(NamedTuple):
    """Which part of the paper, where it lies, and where new runs go.

    `named`: experiments; with none of them and without `small`, all.
    """

    small: bool
    named: tuple[str, ...]
    paper: Path
    store: Path


class Compared(NamedTuple):
    """One number of the paper and what the new runs say of it."""

    key: str
    verdict: str
    committed: str
    fresh: str


def main(
    arguments: Sequence[str],
    sweep: Command,
    pair: Command,
    today: Callable[[], str],
) -> int:
    """Run what is missing and compare; 0 where nothing moved and all runs are by today's code.

    `sweep` runs the missing runs of a sweep, `pair` compares its runs two by two, `today` gives the
    version of the code as the store has it.
    """
    asked = understood(arguments)
    plan, committed = plan_of(asked.paper), committed_numbers(asked.paper)
    every = experiments(plan, asked)
    chosen = with_data(plan, every)
    if not chosen:
        raise AbsorbError(f"{', '.join(every)}: nothing to run without these data")
    left_out = [e for e in committed.values() if e.get("experiment") in set(every) - set(chosen)]
    wanted = {k: e for k, e in committed.items() if e.get("experiment") in chosen}
    if not wanted:
        raise AbsorbError(f"{asked.paper}: no number of {', '.join(chosen)}; see absorb paper")
    say(f"{len(chosen)} experiments: {', '.join(chosen)}")
    found: list[Compared] = []
    stale: list[str] = []
    for experiment in chosen:
        store = asked.store / experiment
        say("", f"{experiment}:")
        code = run(plan, experiment, store, sweep, pair)
        if code:
            return code
        old = list(by_other_code(store, today))
        say(*old)
        stale += [experiment] if old else []
        tables = {page.name: page.marks for page in pages_of(store, plan.figures_of(experiment))}
        own = [compared(key, entry, plan.places.get(key), tables)
               for key, entry in wanted.items() if entry["experiment"] == experiment]  # fmt: skip
        say(*told(own))
        found += own
    moved = any(one.verdict == "moved" for one in found)
    if moved:
        say("", "a 95 % interval holds the mean of a second sample as large in 83 to 91 % of cases")
    say("", f"in all: {counted(found)}")
    if left_out:
        say(f"{len(left_out)} numbers were not tried, for want of their data")
    if stale:
        say(f"not reproduced, for runs by other code: {', '.join(stale)}; another store=DIR is new")
    return int(bool(stale) or moved)


def understood(arguments: Sequence[str]) -> Asked:
    """The words of the command line; raises AbsorbError for one that means nothing here."""
    given = {"paper": "paper", "store": "results/reproduce"}
    named = [word for word in arguments if "=" not in word and word != "small"]
    for word in arguments:
        key, equals, value = word.partition("=")
        if equals and (key not in given or not value):
            raise AbsorbError(f"{word}: beside names reproduce takes paper=DIR and store=DIR alone")
        if equals:
            given[key] = value
    return Asked("small" in arguments, tuple(named), Path(given["paper"]), Path(given["store"]))


def experiments(plan: Plan, asked: Asked) -> list[str]:
    """The experiments of the paper that are asked for: all, those that take minutes, or by name."""
    every = list(dict.fromkeys([*plan.figures, *plan.tables]))
    for name in asked.named:
        if name not in every:
            raise AbsorbError(
                f"{name}: no experiment of the paper; there are {', '.join(every)}, or small"
            )
    chosen = {*asked.named, *(plan.small if asked.small else ())}
    return [name for name in every if name in chosen or not chosen]


def with_data(plan: Plan, chosen: Sequence[str]) -> list[str]:
    """The experiments whose data are here; the others are named with the file that they lack."""
    found = []
    for name in chosen:
        words = " ".join(plan.words.get(name, ())).split()
        paths = [Path(word.partition("=")[2]) for word in words if word.startswith("world.path=")]
        lost = [str(path) for path in paths if not path.exists()]
        if lost:
            say(f"{name}: left out, {', '.join(lost)} is not there")
        else:
            found.append(name)
    return found


def run(plan: Plan, experiment: str, store: Path, sweep: Command, pair: Command) -> int:
    """The sweeps of one experiment, and the pairs of their runs where a figure draws those."""
    paired = set(plan.figures_of(experiment)) & set(PAIRED)
    for words in plan.words.get(experiment, (f"experiment={experiment}",)):
        asked = [*words.split(), f"store={store}"]
        code = sweep(asked) or (pair(asked) if paired else 0)
        if code:
            return code
    return 0


def by_other_code(store: Path, today: Callable[[], str]) -> Iterator[str]:
    """How many of the runs and of the pairs in a store are not by today's code; a line for each."""
    for name, table in (("runs", read(store)), ("pairs", read_pairs(store))):
        codes = table.get("code", ())
        others = sum(code != today() for code in codes)
        if others:
            yield f"{others} of {len(codes)} {name} in {store} are by other code than today's"


def compared(
    key: str,
    committed: Mapping[str, Any],
    place: Place | None,
    tables: Mapping[str, Sequence[Mark]],
) -> Compared:
    """One committed number beside the new one; one that is not there any more has moved."""
    was = committed["text"]
    try:
        if place is None:
            raise AbsorbError(f"{key}: paper.toml has no place for it")
        found = number_at(mark_at(key, place, tables))
    except AbsorbError as error:
        return Compared(key, "moved", was, f"not there ({error})")
    return Compared(key, verdict(committed, found), was, found["text"])


def verdict(committed: Mapping[str, Any], entry: Mapping[str, Any]) -> str:
    """Whether a number is the same, within the committed interval, or neither.

    An end that is not there is open: the other has to hold, and without any nothing can be said.
    A number without an interval has to be the same.
    """
    was, now = committed["value"], entry["value"]
    if abs(now - was) <= SAME * max(abs(was), abs(now)):
        return "same"
    low, high = committed.get("low"), committed.get("high")
    ends = [end for end in (low, high) if end is not None]
    if "low" not in committed or (ends and low == high):
        return "moved"
    if not ends:
        return UNBOUNDED
    holds = (low is None or low <= now) and (high is None or now <= high)
    return (WITHIN if len(ends) == 2 else HALF) if holds else "moved"


def told(found: Sequence[Compared]) -> Iterator[str]:
    """A line for each number that is not the same, then how many are."""
    for one in found:
        if one.verdict != "same":
            yield f"{one.key}: {SAID[one.verdict]}, was {one.committed}, is {one.fresh}"
    yield counted(found)


def counted(found: Sequence[Compared]) -> str:
    """How many numbers are the same, how many lie within, how many moved, and any in between."""
    counts = Counter(one.verdict for one in found)
    between = "".join(f", {counts[name]} {name}" for name in (HALF, UNBOUNDED) if counts[name])
    return (
        f"{len(found)} numbers: {counts['same']} the same, {counts[WITHIN]} within the committed"
        f" interval{between}, {counts['moved']} moved"
    )

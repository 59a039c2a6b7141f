"""Every number that the paper's prose has, read from the result tables; and where it is said."""

import re
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, NamedTuple

from absorb.errors import AbsorbError
from figures.latex import latex
from figures.marks import Mark, number, spoken

CITED = re.compile(r'\b(num|val|runs)\(\s*"([^"]+)"\s*\)')
COMMENTS = re.compile(r"/\*.*?\*/|(?<!:)//[^\n]*", re.S)  # not the slashes of an address
SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-Z#*_])")
RUNS = "runs of "  # the key of how many runs an experiment has begins so

Tables = Mapping[str, Sequence[Mark]]
Numbers = Mapping[str, Mapping[str, Any]]


class Place(NamedTuple):
    """Where a number stands: a table, a panel and a series in it, and a place on the other axis."""

    table: str
    panel: str
    series: str
    at: float


def numbers_of(
    places: Mapping[str, Place],
    tables: Tables,
    runs: Mapping[str, int],
    owners: Mapping[str, str],
) -> Numbers:
    """Value, interval and seeds of every number, with its place and the experiment behind that.

    `runs` counts those of each experiment, `owners` says which experiment each table is of.
    Raises AbsorbError for a place where nothing stands.
    """
    found: dict[str, dict[str, Any]] = {
        RUNS + name: {"value": count, "text": f"{count:,}"} for name, count in runs.items()
    }
    for key, place in places.items():
        origin = {"experiment": owners[place.table], "from": place._asdict()}
        found[key] = number_at(mark_at(key, place, tables)) | origin
    return dict(sorted(found.items()))


def number_at(m: Mark) -> dict[str, Any]:
    """What the paper may say of one mark; JSON has no infinity, so an open end is null."""
    ends = {
        name: x if abs(x) < float("inf") else None for name, x in (("low", m.low), ("high", m.high))
    }
    return {"value": m.value, **ends, "n": m.n, "text": spoken(m), "short": number(m.value)}


def mark_at(key: str, place: Place, tables: Tables) -> Mark:
    """The one mark at a place."""
    marks = tables.get(place.table)
    if marks is None:
        raise missing(key, "table", place.table, tables)
    in_panel = [m for m in marks if m.panel == place.panel]
    if not in_panel:
        raise missing(key, f"panel of {place.table}", place.panel, {m.panel for m in marks})
    own = [m for m in in_panel if m.series == place.series]
    if not own:
        raise missing(key, f"series of {place.panel}", place.series, {m.series for m in in_panel})
    here = [m for m in own if abs(m.at - place.at) < 1e-9]
    if not here or not here[0].drawn:
        places = ", ".join(f"{m.at:g}" for m in own if m.drawn)
        raise AbsorbError(
            f"{key}: at={place.at:g} of {place.series} has no value; there are {places}"
        )
    return here[0]


def missing(key: str, what: str, name: str, known: Any) -> AbsorbError:
    """What to say of a name that is not there."""
    close = get_close_matches(name, sorted(known), n=1, cutoff=0.0)
    nearest = f"; the nearest is {close[0]!r}" if close else ""
    return AbsorbError(f"{key}: no {what} is called {name!r}{nearest}")


def cited(text: str) -> dict[str, list[str]]:
    """The keys that a Typst text cites, each with the sentences that say it."""
    found: dict[str, list[str]] = {}
    for sentence in sentences(text):
        for call in CITED.finditer(sentence):
            key = RUNS + call[2] if call[1] == "runs" else call[2]
            found.setdefault(key, []).append(sentence)
    return found


def sentences(text: str) -> Iterator[str]:
    """The sentences of a Typst text, each on one line, without comments."""
    for paragraph in re.split(r"\n\s*\n", COMMENTS.sub("", text)):
        yield from SENTENCE.split(" ".join(paragraph.split()))


def wrong_citations(text: str, committed: Numbers, fresh: Numbers) -> list[str]:
    """What does not hold between a text, the numbers it was written with, and the tables.

    Keys that are cited and not there, there and not cited, or stale; each with its sentence.
    """
    said = cited(text)
    lost = [f"{key} is cited and has no number: {said[key][0]}" for key in said if key not in fresh]
    unused = [
        f"{key} is not cited" for key in fresh if key not in said and not key.startswith(RUNS)
    ]
    stale = [
        f"{key} was {old(committed, key)} and is {fresh[key]['text']}: {sentence}"
        for key in said
        if key in fresh and committed.get(key, {}).get("text") != fresh[key]["text"]
        for sentence in said[key]
    ]
    return lost + unused + stale


def old(committed: Numbers, key: str) -> str:
    """What a number was."""
    return str(committed[key]["text"]) if key in committed else "not there"


def as_latex(numbers: Numbers) -> str:
    r"""Definitions for LaTeX: \absorbnum{key}, a value with its interval, and \absorbval{key}."""
    lines = [
        r"\newcommand{\absorbnum}[1]{\csname absorbnum@#1\endcsname}",
        r"\newcommand{\absorbval}[1]{\csname absorbval@#1\endcsname}",
    ]
    for key, entry in numbers.items():
        for name, text in (("num", entry["text"]), ("val", entry.get("short", entry["text"]))):
            lines.append(rf"\expandafter\def\csname absorb{name}@{key}\endcsname{{{latex(text)}}}")
    return "\n".join(lines) + "\n"

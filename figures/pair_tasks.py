"""What a task is in each world of pairs, and between which networks its capability is read."""

import json
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from figures.frontier_pairs import Tried, digit_words, references
from figures.searches import losses
from figures.token_runs import Row, Seeded

WORLDS = ("pair", "story_pair")
PLAIN = "plain"  # the language of stories alone, which is no task
UPRIGHT, STORY = "upright", "story"
LEVELS = ("family", "family_two", "topic", "topic_two", "trait", "trait_two")
KEPT = "kept"  # what is read of task B

Pair = tuple[int, int | None]  # the task a network is good at, None for plain; the one it is asked


class Task(NamedTuple):
    """A task in order: where it stands among those of a view, its view, and its words."""

    place: tuple[int, ...]
    view: str
    words: str


class Scale(NamedTuple):
    """Of one pair (i, j): the runs that can do neither, both, and i alone; losses (seeds,).

    `zero_S` is the loss on i of who cannot do it. On pictures who cannot is a random start, and who
    cannot do i says a constant. In stories it is a network that learned the language alone: on i
    after an attack, since before it words that it never saw cost more than a guess among all.
    """

    neither: Seeded
    both: Seeded
    alone: Seeded
    zero_S: np.ndarray


def task(row: Row, role: str) -> Task | None:
    """Task A or B of a run; None where B is the language alone."""
    found = row[f"world.{role}"]
    if row["world.kind"] == "story_pair":
        return None if found == PLAIN else Task((LEVELS.index(found),), STORY, words_of(found))
    digits, view = json.loads(found), str(row[f"world.{role}_view"])
    return Task(tuple(digits), view, digit_task(digits, view))


def words_of(concept: str) -> str:
    """A concept of stories, such as "family two"."""
    return concept.replace("_", " ")


def digit_task(digits: Sequence[int], view: str) -> str:
    """Digits as a view shows them, such as "0 to 4 (turned)"."""
    if list(digits) == [0, 2, 4, 6, 8]:
        return "even" + f" ({view})" * (view != UPRIGHT)
    return digit_words(digits, view)


def tasks_of(rows: Sequence[Row]) -> list[Task]:
    """All tasks, upright ones first."""
    found = {one for row in rows for role in "ab" if (one := task(row, role)) is not None}
    return sorted(found, key=lambda own: (own.view != UPRIGHT, own.view, own.place))


def read(row: Row) -> Row:
    """A run with what it keeps of task B: in stories the loss on B's own words."""
    if row["world.kind"] != "story_pair":
        return {**row, KEPT: row.get("raw.retain")}
    each = row.get("raw.concepts")  # none of a run that failed
    return {**row, KEPT: each[1] if each else None}


def scale_of(pair: tuple[int, int], tried: Mapping[Pair, Tried], seeds: Sequence[int]) -> Scale:
    """What the capabilities of one ordered pair are read between."""
    i, j = pair
    start, both, alone = references(tried[pair]).values()
    if (None, j) not in tried:
        return Scale(start, both, alone, losses({"": alone}, "trivial.retain", seeds)[0])
    of_i, of_j = (references(tried[None, k])["B alone"] for k in (i, j))  # type: ignore[index]
    return Scale(of_j, both, alone, losses({"": of_i}, "elicited.forget", seeds)[0])


def absent(tried: Mapping[Pair, Tried], tasks: int) -> str:
    """Networks without which nothing can be read, in words; "" where all are there."""
    in_stories = any(i is None for i, _ in tried)
    if in_stories and (n := sum(i is None for i, _ in tried)) < tasks:
        return f"{n} of {tasks} networks of the language alone"
    needed = {"both tasks", "B alone"} | (set() if in_stories else {"the random start"})
    for (i, _), own in tried.items():
        wanted = {"B alone"} if i is None else needed
        gone = [name for name, runs in references(own).items() if name in wanted and not runs]
        if gone:
            return f"no run of {', '.join(gone)}"
    return ""

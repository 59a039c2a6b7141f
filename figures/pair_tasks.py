"""What a task is in each world of pairs, and between which networks its capability is read."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from figures.frontier_pairs import Tried, digit_words, references
from figures.searches import losses
from figures.token_runs import Row, Seeded

DIGITS, FEATURES, STORIES = WORLDS = ("pair", "feature_pair", "story_pair")
PLAIN = "plain"  # the language of stories alone, which is no task
UPRIGHT, STORY = "upright", "story"
KEPT = "kept"  # what is read of task B
COLUMN, ROW, SUBSPACE = "column's features", "row's features", "column's subspace"  # planted

Pair = tuple[int, int | None]  # the task a network is good at, None for plain; the one it is asked


class Task(NamedTuple):
    """A task in order: where it stands among those of a view, its view, and its words."""

    place: tuple[Any, ...]
    view: str
    words: str


class Scale(NamedTuple):
    """Of one pair (i, j): the runs that can do neither, both, and i alone; losses (seeds,).

    `zero_S` is the loss on i of who cannot do it. On pictures and features who cannot is a random
    start, and who cannot do i says a constant. In stories it is a network that learned the language
    alone: on i after an attack, since before it words that it never saw cost more than a guess.
    """

    neither: Seeded
    both: Seeded
    alone: Seeded
    zero_S: np.ndarray


def task(row: Row, role: str) -> Task | None:
    """Task A or B of a run; None where B is the language alone."""
    found = row[f"world.{role}"]
    if row["world.kind"] == STORIES:
        return None if found == PLAIN else Task((found,), STORY, words_of(found))
    numbers, view = json.loads(found), str(row[f"world.{role}_view"])
    if row["world.kind"] == FEATURES:
        return Task(tuple(sorted(numbers)), view, feature_task(numbers, view))
    return Task(tuple(numbers), view, digit_task(numbers, view))


def words_of(concept: str) -> str:
    """A concept of stories, such as "family two"."""
    return concept.replace("_", " ")


def digit_task(digits: Sequence[int], view: str) -> str:
    """Digits as a view shows them, such as "0 to 4 (turned)"."""
    if list(digits) == [0, 2, 4, 6, 8]:
        return "even" + f" ({view})" * (view != UPRIGHT)
    return digit_words(digits, view)


def feature_task(features: Sequence[int], view: str) -> str:
    """Features as a view shows them, such as "0 to 3, 12 to 15 (rotated)"."""
    first = [k for k in sorted(features) if k - 1 not in features]
    last = [k for k in sorted(features) if k + 1 not in features]
    runs = [f"{i} to {j}" if j > i else str(i) for i, j in zip(first, last, strict=True)]
    return ", ".join(runs) + f" ({view})" * (view != UPRIGHT)


def planted(tasks: Sequence[Task], pairs: Sequence[tuple[int, int]], row: Row
            ) -> dict[str, np.ndarray]:  # fmt: skip
    """Shares in [0, 1] that each pair (i, j) has in common by construction, shape (pairs,).

    Of j's features those that i has too; of i's features those that j has; of j's features those
    whose subspace i spans, which rotation leaves. What says the same of all pairs stands once, and
    nothing where nothing is planted.
    """
    if row["world.kind"] != FEATURES:
        return {}
    own = [set(task.place) for task in tasks]
    common_P = np.array([len(own[i] & own[j]) for i, j in pairs])
    seen_P = np.array([is_seen_alike(tasks[i], tasks[j]) for i, j in pairs])
    size_P2 = np.array([[len(own[i]), len(own[j])] for i, j in pairs])
    found = {COLUMN: common_P * seen_P / size_P2[:, 1], ROW: common_P * seen_P / size_P2[:, 0]}
    if row["world.directions"] != "random":  # else what i spans is no set of features
        found[SUBSPACE] = common_P / size_P2[:, 1]
    names = list(found)
    return {name: share_P for n, (name, share_P) in enumerate(found.items())
            if not any(np.array_equal(share_P, found[other]) for other in names[:n])}  # fmt: skip


def is_seen_alike(first: Task, second: Task) -> bool:
    """Whether features of both have the same directions: rotated, only where all are the same."""
    same = first.view == second.view
    return same and (first.view == UPRIGHT or first.place == second.place)


def tasks_of(rows: Sequence[Row]) -> list[Task]:
    """All tasks, upright ones first."""
    found = {one for row in rows for role in "ab" if (one := task(row, role)) is not None}
    return sorted(found, key=lambda own: (own.view != UPRIGHT, own.view, own.place))


def read(row: Row) -> Row:
    """A run with what it keeps of task B: in stories the loss on B's own words."""
    if row["world.kind"] != STORIES:
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

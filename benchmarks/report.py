"""What a benchmark found: figures with their spread, each beside the goal it was to meet."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

COLUMNS = ("what", "figure", "quartiles", "goal", "met")


@dataclass(frozen=True)
class Goal:
    """A bound that a figure has to keep; `at_least` says from which side."""

    bound: float
    at_least: bool

    def met(self, value: float) -> bool:
        return value >= self.bound if self.at_least else value <= self.bound


def at_least(bound: float) -> Goal:
    return Goal(bound, at_least=True)


def at_most(bound: float) -> Goal:
    return Goal(bound, at_least=False)


@dataclass(frozen=True)
class Figure:
    """One quantity measured once or several times; the median is what counts against the goal."""

    what: str
    unit: str
    samples: Sequence[float]
    goal: Goal | None = None

    @property
    def median(self) -> float:
        return float(np.median(self.samples))

    @property
    def quartiles(self) -> tuple[float, float]:
        low, high = np.quantile(self.samples, (0.25, 0.75))
        return float(low), float(high)

    @property
    def met(self) -> bool | None:
        return None if self.goal is None else self.goal.met(self.median)

    def cells(self) -> tuple[str, ...]:
        """The figure as one row of a table."""
        spread = " to ".join(number(q) for q in self.quartiles) if len(self.samples) > 1 else ""
        goal = met = ""
        if self.goal is not None:
            goal = f"{'≥' if self.goal.at_least else '≤'} {number(self.goal.bound)}"
            met = "yes" if self.met else "NO"
        return self.what, f"{number(self.median)} {self.unit}".strip(), spread, goal, met

    def as_json(self) -> dict[str, Any]:
        """The figure with all its samples, as plain data."""
        goal = None if self.goal is None else vars(self.goal)
        return {
            "what": self.what, "unit": self.unit, "median": self.median,
            "quartiles": self.quartiles, "samples": [float(s) for s in self.samples],
            "goal": goal, "met": self.met,
        }  # fmt: skip


@dataclass(frozen=True)
class Report:
    """The figures of one benchmark, and what a reader has to know beside them."""

    figures: Sequence[Figure]
    notes: Sequence[str] = ()

    def text(self) -> str:
        """A table, in Markdown, and the notes."""
        lines = [table([COLUMNS, *(figure.cells() for figure in self.figures)])]
        return "\n".join([*lines, "", *(f"- {note}" for note in self.notes)])

    def as_json(self) -> dict[str, Any]:
        """Figures and notes as plain data."""
        return {"figures": [f.as_json() for f in self.figures], "notes": list(self.notes)}


def number(value: float) -> str:
    """Three significant digits, without an exponent."""
    return f"{float(f'{value:.3g}'):,.10g}"


def table(rows: Sequence[Sequence[str]]) -> str:
    """Rows as an aligned Markdown table; the first holds the headings."""
    wide = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = [
        "| " + " | ".join(cell.ljust(w) for cell, w in zip(row, wide, strict=True)) + " |"
        for row in rows
    ]
    return "\n".join([lines[0], "| " + " | ".join("-" * w for w in wide) + " |", *lines[1:]])


def save(path: str, content: dict[str, Any]) -> None:
    """Write a file of JSON."""
    with open(path, "w", encoding="utf-8") as file:
        json.dump(content, file, indent=1)
        file.write("\n")

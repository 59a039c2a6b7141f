"""The marks of a figure as CSV, Markdown and LaTeX: exactly what is drawn."""

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

from figures.latex import latex
from figures.marks import Mark, spoken

NUMBERS = ("at", "value", "low", "high")


def as_csv(marks: Sequence[Mark]) -> str:
    """One line per mark, numbers in full: they read back to the same floats."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(Mark._fields)
    writer.writerows(marks)
    return out.getvalue()


def from_csv(text: str) -> list[Mark]:
    """The marks that `as_csv` wrote."""
    return [_mark(row) for row in csv.DictReader(io.StringIO(text))]


def _mark(row: Mapping[str, Any]) -> Mark:
    fields: dict[str, Any] = {**row, "n": int(row["n"])}
    fields |= {name: float(row[name]) for name in NUMBERS}
    return Mark(**fields)


def as_latex(marks: Sequence[Mark]) -> str:
    """The marks as a LaTeX tabular in the manner of booktabs."""
    lines = [r"\begin{tabular}{llrlr}", r"\toprule", r"panel & series & at & value & $n$ \\"]
    for panel in dict.fromkeys(m.panel for m in marks):
        lines.append(r"\midrule")
        lines += [_latex_row(m) for m in marks if m.panel == panel]
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}"]) + "\n"


def _latex_row(m: Mark) -> str:
    cells = (m.panel, m.series, f"{m.at:g}", spoken(m), str(m.n))
    return " & ".join(latex(cell) for cell in cells) + r" \\"


def as_markdown(marks: Sequence[Mark], caption: str) -> str:
    """One table per panel, values with intervals, then the caption."""
    parts = []
    for panel in dict.fromkeys(m.panel for m in marks):
        parts.append(f"**{panel}**\n\n" + _table([m for m in marks if m.panel == panel]))
    return "\n\n".join([*parts, caption.replace("\n", "  \n")]) + "\n"


def _table(marks: Sequence[Mark]) -> str:
    head = "| series | at | value | n | remarks |\n| --- | ---: | --- | ---: | --- |"
    rows = [
        f"| {m.series} | {m.at:g} | {spoken(m)} | {m.n} | {_remarks(m)} |".replace("  ", " ")
        for m in marks
    ]
    return "\n".join([head, *rows])


def _remarks(m: Mark) -> str:
    return "; ".join(text for text in (m.flag, m.why) if text).replace("|", "/")

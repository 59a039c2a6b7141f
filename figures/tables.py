"""The marks of a figure as CSV and as Markdown: exactly what is drawn."""

import csv
import io
from collections.abc import Sequence

from figures.marks import Mark, spoken


def as_csv(marks: Sequence[Mark]) -> str:
    """One line per mark, numbers in full: they read back to the same floats."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(Mark._fields)
    writer.writerows(marks)
    return out.getvalue()


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

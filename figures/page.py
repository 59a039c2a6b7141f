"""What a figure module hands to `figures.main`: a drawing, its marks, and what to tell the user."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from figures.marks import Mark


class Page(NamedTuple):
    """One figure: its file name without ending, how to draw it, and every mark that is drawn."""

    name: str
    draw: Callable[[], Any]
    marks: Sequence[Mark]
    caption: str


class Pages(NamedTuple):
    """The figures of one module, a table of the finding for the terminal, and what is left out."""

    pages: Sequence[Page]
    headline: str
    left_out: Sequence[str]

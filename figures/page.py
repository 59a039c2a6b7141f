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


def pages_of(
    name: str,
    studies: Sequence[Any],
    page: Callable[[str, Any], Page],
    in_words: Callable[[Any, Sequence[Mark]], str],
    drawn: Callable[[Any], bool] = lambda study: not study.missing,
) -> Pages:
    """A figure for each study that is to be drawn; the others say what is `missing`."""
    made, said, left_out = [], [], []
    for study in studies:
        if drawn(study):
            made.append(page(f"{name}-{len(made) + 1}" if made else name, study))
            said.append(in_words(study, made[-1].marks))
        else:
            left_out.append(f"{name}: {study.missing}")
    return Pages(made, "\n\n".join(said), left_out)

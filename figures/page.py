"""What a figure module hands to `figures.main`: a drawing, its marks, and what to tell the user."""

from collections import Counter
from collections.abc import Callable, Collection, Hashable, Sequence
from typing import Any, NamedTuple

from figures.apart import headed, told_apart
from figures.marks import Mark


class Page(NamedTuple):
    """One figure: its file name without ending, how to draw it, and every mark that is drawn.

    In panels of `dots` a series has several marks at one place, elsewhere one. `lines` are drawn
    beside the marks and stand in no table.
    """

    name: str
    draw: Callable[[], Any]
    marks: Sequence[Mark]
    caption: str
    dots: Collection[str] = ()
    lines: Sequence[Mark] = ()


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
    ending: Callable[[Any], str] = lambda study: "",
    told: Callable[[Any], Hashable] = lambda study: "",
) -> Pages:
    """A figure for each study that is to be drawn; the others say what is `missing`.

    Its file has the name with the study's own `ending`, and a number where there are several such.
    These stand in the order of the settings in which they differ, and `apart` says those, but where
    `told` differs, which is what a caption says of every study.
    """
    made, said, counts = [], [], Counter[str]()
    fit = [study for study in studies if drawn(study)]
    names = [(name + ending(study), told(study)) for study in fit]
    for i, words in told_apart(names, [study.rows for study in fit]):
        study = fit[i]._replace(apart=words) if words else fit[i]
        own = names[i][0]
        counts[own] += 1
        made.append(page(own + (f"-{counts[own]}" if counts[own] > 1 else ""), study))
        said.append(headed(words, in_words(study, made[-1].marks)))
    left_out = [f"{name}: {study.missing}" for study in studies if not drawn(study)]
    return Pages(made, "\n\n".join(said), left_out)


def by_model(study: Any) -> str:
    """The ending of files of studies that differ in their model."""
    return f"-{study.rows[0]['model.kind']}"

"""What an attack brings back by its budget, arm by arm. Draws marks, reads nothing."""

from collections.abc import Sequence
from typing import Any

from figures.marks import Mark
from figures.relearning_draw import curves
from figures.style import LOOKS, settle


def draw(marks: Sequence[Mark], panels: Sequence[str], caption: str) -> Any:
    """The curves, with a legend of the arms that are there."""
    from matplotlib.lines import Line2D

    there = {m.series for m in marks if m.drawn}
    looks = {name: look._replace(marker=look.marker or ".") for name, look in LOOKS.items()
             if name in there}  # fmt: skip
    figure = curves(marks, panels, caption, looks, "loss on the concept", log=True)
    handles = [
        Line2D([], [], color=k.colour, marker=k.marker, ls=k.line, label=k.label)
        for k in looks.values()
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=5, handlelength=2.4)
    return settle(figure)

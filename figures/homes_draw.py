"""Where concepts live. Draws marks, reads nothing."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from figures.heat import heat
from figures.housed import AGREEMENT
from figures.marks import Mark
from figures.style import BLACK, new_figure, settle

ROOM = (-0.5, 1.05)  # of coefficients; what lies beyond is cut, with an arrow


def draw(marks: Sequence[Mark], words: Sequence[str], caption: str) -> Any:
    """Concepts against initialisations, and how far runs agree."""
    figure = new_figure(3.4, caption)
    left, right = figure.subplots(1, 2, width_ratios=(1, 1.1))
    housed = [m for m in marks if m.panel == "housed"]
    inits = sorted({int(m.at) for m in housed})
    value = {(m.series, int(m.at)): m.value for m in housed}
    image = heat(left, np.array([[value[word, init] for init in inits] for word in words]))
    left.set_xticks(range(len(inits)), inits)
    left.set(xlabel="initialisation", title="share of runs that house it in R")
    left.set_yticks(range(len(words)), words)
    for m in marks:
        if m.panel.startswith("variance"):
            said = f"{m.value:.2f}".replace("-", "−") if m.drawn else "–"
            left.text(len(inits) - 0.3, m.at, said, fontsize=5.5, va="center")
    figure.colorbar(image, ax=left, shrink=0.6, aspect=16, location="left").outline.set_linewidth(
        0.4
    )
    coefficients(right, [m for m in marks if m.panel == AGREEMENT and m.flag])
    return settle(figure)


def coefficients(ax: Any, marks: Sequence[Mark]) -> None:
    """Coefficients of agreement with their intervals, and what permuted homes read."""
    for place, m in enumerate(marks):
        low, high = max(m.low, ROOM[0]), min(m.high, ROOM[1])
        ax.plot([low, high], [place, place], color=BLACK, lw=1)
        for end, cut, sign in ((m.low, m.low < ROOM[0], "<"), (m.high, m.high > ROOM[1], ">")):
            if cut and np.isfinite(end):
                ax.plot(ROOM[sign == ">"], place, sign, color=BLACK, ms=3, clip_on=False)
        if m.drawn:
            ax.plot(m.value, place, "o", color=BLACK, ms=3.2)
        said = (m.flag if m.drawn else m.why).replace("-", "−")
        ax.text(ROOM[0], place + 0.4, said, fontsize=4.8, va="center")
    ax.axvline(0, color=BLACK, lw=0.6, ls=(0, (1, 2)))
    ax.set(xlim=ROOM, ylim=(len(marks) - 0.3, -0.6), title="agreement of homes")
    ax.set_yticks(range(len(marks)), [m.series.replace(", ", ",\n") for m in marks])

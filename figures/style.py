"""One style for every figure: sizes for two columns of print, colours safe for colour-blind readers.

Colours are those of M. Okabe and K. Ito (2008). No two arms share a colour, a marker or a line, so
each can do without the others.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

WIDTH_IN = 7.0  # two columns of print
FORMATS = ("pdf", "svg", "png")

BLACK, GREY = "#000000", "#8C8C8C"
ORANGE, SKY, GREEN, YELLOW = "#E69F00", "#56B4E9", "#009E73", "#F0E442"
BLUE, VERMILLION, PURPLE = "#0072B2", "#D55E00", "#CC79A7"

RC = {
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same on every machine
    "font.size": 7,
    "axes.titlesize": 7.5,
    "axes.labelsize": 7,
    "xtick.labelsize": 6.5,
    "ytick.labelsize": 6.5,
    "legend.fontsize": 6.5,
    "legend.frameon": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.minor.width": 0.4,
    "ytick.minor.width": 0.4,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "xtick.minor.size": 1.5,
    "ytick.minor.size": 1.5,
    "axes.axisbelow": True,
    "lines.linewidth": 1.0,
    "lines.markersize": 3.6,
    "pdf.fonttype": 42,
    "svg.hashsalt": "absorb",  # names inside an SVG are else random
    "savefig.dpi": 300,
    "figure.dpi": 100,
}
# Dates and versions would make two runs differ.
METADATA: dict[str, dict[str, Any]] = {
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
    "svg": {"Date": None, "Creator": None},
    "png": {"Software": None},
}


class Look(NamedTuple):
    """How one arm is drawn; `shift` moves it aside so that intervals do not cover each other."""

    label: str
    colour: str
    marker: str
    line: Any
    shift: float = 0.0


LOOKS = {
    "route": Look("routed", VERMILLION, "o", "-", 0.0),
    "hard": Look("hard region (cannot absorb)", BLUE, "s", (0, (4, 1.5)), 0.02),
    "filter": Look("filtered", GREEN, "^", (0, (5, 1, 1, 1)), -0.02),
    "placebo": Look("placebo labels", PURPLE, "D", (0, (1, 1)), 0.04),
    "capacity": Look("never routed, ablated", BLACK, "X", "none", -0.04),
    "std": Look("ordinary, (1 − p) of the data", ORANGE, "", "-"),
    "over_placebo": Look("routed − placebo", SKY, "P", (0, (3, 1)), 0.06),
    "equal_retain": Look("routed, at equal retain loss", SKY, "P", (0, (3, 1)), 0.06),
    "null": Look("credit-sharing null", BLACK, "", (0, (3, 2))),
    "whole": Look("routed, nothing ablated", GREY, "", "-"),
}


@contextmanager
def styled() -> Iterator[None]:
    """The style, for as long as a figure is drawn and saved."""
    import matplotlib

    with matplotlib.rc_context(RC):
        yield


def new_figure(height_in: float) -> Any:
    """An empty figure of the style's width that belongs to no window system."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH_IN, height_in), layout="constrained")
    FigureCanvasAgg(figure)
    return figure

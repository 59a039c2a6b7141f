"""One style for every figure: two columns of print, colours safe for colour-blind readers.

Colours are those of M. Okabe and K. Ito (2008). No two arms share a marker and a line, so
they can be told apart in grey. Widths of the venues are those of tueplots.
"""

import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple

from absorb.errors import AbsorbError

WIDTH_IN = 7.0  # two columns of print
WEB = "web"  # the house's own style, with the caption in the picture
VENUES = (WEB, "icml", "neurips", "iclr", "talk")
_CAPTIONED = ContextVar("captioned", default=True)
NOTE_LETTERS, LINE_IN = 158, 0.114  # letters in a line of a note, and its height
FORMATS = ("pdf", "svg", "png")

BLACK, GREY = "#000000", "#8C8C8C"
ORANGE, SKY, GREEN, YELLOW = "#E69F00", "#56B4E9", "#009E73", "#F0E442"
BLUE, VERMILLION, PURPLE = "#0072B2", "#D55E00", "#CC79A7"
TOLERANCE = "#F3E3DC"  # the ground beyond what counts as undamaged

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
    "figure.figsize": (WIDTH_IN, 4.0),  # of which figures take the width
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
    "hard": Look("hard (cannot absorb)", BLUE, "s", (0, (4, 1.5)), 0.02),
    "filter": Look("filtered", GREEN, "^", (0, (5, 1, 1, 1)), -0.02),
    "placebo": Look("placebo labels", PURPLE, "D", (0, (1, 1)), 0.04),
    "capacity": Look("not routed, ablated", BLACK, "X", "none", -0.04),
    "std": Look("ordinary, 1 − p of F", ORANGE, "", "-"),
    "over_placebo": Look("routed − placebo", BLACK, "p", (0, (3, 1)), 0.05),
    "equal_retain": Look("routed, equal retain loss", SKY, "P", (0, (3, 1)), 0.05),
    "null": Look("credit-sharing null", BLACK, "", (0, (3, 2))),
    "whole": Look("routed, not ablated", GREY, "", (0, (6, 1.5, 1, 1.5, 1, 1.5))),
}


@contextmanager
def styled(venue: str = WEB) -> Iterator[None]:
    """The style, for as long as a figure is drawn and saved; see `VENUES`.

    A venue prints captions itself, so its figures have none in the picture.
    """
    import matplotlib

    rc: Any = RC | rc_of(venue)
    captioned = _CAPTIONED.set(venue == WEB)
    try:
        with matplotlib.rc_context(rc):
            yield
    finally:
        _CAPTIONED.reset(captioned)


def rc_of(venue: str) -> dict[str, Any]:
    """Width and sizes of letters at a venue; raises AbsorbError without tueplots.

    Layouts are made for the house's width: on a narrower page letters shrink with it, below the
    venue's own, rather than overlap.
    """
    if venue == WEB:
        return {}
    try:
        from tueplots import figsizes, fontsizes
    except ModuleNotFoundError:
        raise AbsorbError(f"venue={venue}: needs tueplots; pip install 'absorb[paper]'") from None
    sizes = {
        "icml": (figsizes.icml2024_full, fontsizes.icml2024),
        "neurips": (figsizes.neurips2024, fontsizes.neurips2024),
        "iclr": (figsizes.iclr2024, fontsizes.iclr2024),
        "talk": (figsizes.beamer_169, fontsizes.beamer),
    }
    size, letters = sizes[venue]
    page = size()["figure.figsize"]
    fits = {name: RC[name] * page[0] / WIDTH_IN for name in letters()}
    return {"figure.figsize": page} | {n: min(pt, fits[n]) for n, pt in letters().items()}


def new_figure(height_in: float, note: str) -> Any:
    """An empty figure of the style's width, with a note of whole lines below its panels.

    It belongs to no window system. `height_in` does not count the note.
    """
    import matplotlib
    from matplotlib.figure import Figure

    width_in = matplotlib.rcParams["figure.figsize"][0]
    if not _CAPTIONED.get():
        return Figure(figsize=(width_in, height_in * width_in / WIDTH_IN), layout="constrained")
    text = "\n".join(textwrap.fill(line, NOTE_LETTERS) for line in note.splitlines())
    below_in = LINE_IN * (text.count("\n") + 1) + 0.06
    full_in = height_in + below_in
    figure = Figure(figsize=(WIDTH_IN, full_in), layout="constrained")
    rect = (0, below_in / full_in, 1, height_in / full_in)
    figure.get_layout_engine().set(rect=rect)  # type: ignore[union-attr]
    figure.text(
        0.008, 0.04 / full_in, text, va="bottom", fontsize=6, color="#404040", linespacing=1.35
    )
    return figure


def settle(figure: Any) -> Any:
    """Lay the figure out, once for all its formats; returns it.

    The solver's last digits differ from run to run, and the names inside an SVG hang on them.
    """
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    for ax in figure.axes:
        ax.set_position([round(value, 6) for value in ax.get_position(original=True).bounds])
    return figure

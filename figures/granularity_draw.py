"""Heat maps of decisions against sites and mechanisms. Draws marks, reads nothing."""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from figures.marks import Mark, without_zero
from figures.style import new_figure, settle

EMPTY, UNKNOWN = "#FFFFFF", "#D9D9D9"
KEPT, UNLEARNED = "training kept", "not learned"
NARROW = 7  # columns from which on letters are smaller
WIDE_PT, SHORT_PT, LONG_PT = 5.5, 5.2, 4.4  # letters of a cell; in narrow ones by their number
ROW_IN, LABELS_IN = 0.2, 0.95
TITLES = {
    "localised": "localised, nats",
    UNLEARNED: "not learned, nats",
    "retain cost": "retain cost, nats",
}
SHORT = {
    "activation": "act", "parameter": "par", "parameter at sites only": "par,\nsites\nonly",
    "update": "upd", "update at sites only": "upd,\nsites\nonly",
}  # fmt: skip


def draw(
    marks: Sequence[Mark],
    levels: Sequence[str],
    quantities: Sequence[str],
    decisions: Sequence[str],
    columns: Sequence[str],
    caption: str,
) -> Any:
    """The figure: a row of panels for each concept, a column for each quantity."""
    height = (ROW_IN * len(decisions) + 0.16) * len(levels) + LABELS_IN
    figure = new_figure(height, caption)
    axes = figure.subplots(len(levels), len(quantities), sharex=True, sharey=True, squeeze=False)
    for c, quantity in enumerate(quantities):
        own = [m for m in marks if m.panel.split(": ")[1] == quantity]
        shades = shades_of(quantity, own)
        for r, level in enumerate(levels):
            panel = {m.series: m for m in own if m.panel.startswith(f"{level}: ")}
            draw_panel(axes[r][c], panel, decisions, columns, shades)
            if c == 0:
                axes[r][c].set_ylabel(level, fontsize=7.5)
        axes[0][c].set_title(TITLES.get(quantity, quantity))
        name_columns(axes[-1][c], columns)
        bar = figure.colorbar(
            shades, ax=axes[:, c].tolist(), location="top", aspect=90 / len(quantities), pad=0.02,
            shrink=0.9, extend="both",
        )  # fmt: skip
        bar.outline.set_linewidth(0.4)
        bar.ax.tick_params(labelsize=5.5, length=1.5, pad=1)
    return settle(figure)


def shades_of(quantity: str, own: Sequence[Mark]) -> Any:
    """Colours: a share from 0 to 1, else a diverging scale that is white at 0.

    It ends at nine tenths of the greatest values, so that one of them does not hide the others.
    """
    from matplotlib import colormaps
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    if quantity.startswith(("absorbed", KEPT)):
        return ScalarMappable(Normalize(0, 1), colormaps["cividis"])
    size = np.abs([m.value for m in own if m.drawn])
    most = float(np.quantile(size, 0.9)) if size.size else 0.0
    return ScalarMappable(Normalize(-(most or 1.0), most or 1.0), colormaps["PuOr_r"])


def draw_panel(
    ax: Any, panel: Mapping[str, Mark], decisions: Sequence[str], columns: Sequence[str],
    shades: Any,
) -> None:  # fmt: skip
    """One heat map; every cell with its number."""
    for (r, decision), (c, column) in itertools.product(enumerate(decisions), enumerate(columns)):
        m = panel.get(f"{decision}; {column}")
        if m is not None:
            draw_cell(ax, r, c, m, shades, len(columns) >= NARROW)
    for _, _, end in blocks(columns)[:-1]:
        ax.axvline(end, color="#606060", lw=0.6)
    ax.set(xlim=(0, len(columns)), ylim=(len(decisions), 0))
    ax.set_yticks(np.arange(len(decisions)) + 0.5, decisions)
    ax.tick_params(length=0, pad=2)
    for side in ax.spines.values():
        side.set_visible(True)
        side.set_color("#B0B0B0")


def draw_cell(ax: Any, r: int, c: int, m: Mark, shades: Any, narrow: bool) -> None:
    """One value: pale with a dot if its interval holds the null, hatched if there is none.

    Beyond what was tried it is the sign alone.
    """
    from matplotlib.patches import Rectangle

    if not m.drawn:
        hatched = Rectangle((c, r), 1, 1, fc=UNKNOWN, ec="white", hatch="/////", lw=0.3)
        ax.add_patch(hatched)
        return
    colour = shades.to_rgba(m.value)
    ax.add_patch(Rectangle((c, r), 1, 1, fc=colour, ec="white", lw=0.5))
    dark = np.dot(colour[:3], (0.299, 0.587, 0.114)) < 0.5
    null = 1.0 if m.panel.endswith(KEPT) else 0.0
    ink, holds = "white" if dark else "black", m.low <= null <= m.high
    text = {"above": "≥", "below": "≤"}.get(m.censored) or short(m.value)
    small_pt = SHORT_PT if len(text) < 4 else LONG_PT
    ax.text(
        c + 0.5, r + 0.53, text, ha="center", va="center", fontsize=small_pt if narrow else WIDE_PT,
        color=ink, alpha=0.6 if holds else 1.0, fontweight="normal" if holds else "bold",
    )  # fmt: skip
    if holds:
        ax.plot(c + 0.88, r + 0.2, ".", color=ink, ms=2.2, mew=0)


def short(x: float) -> str:
    """Two digits after the point below 1, fewer above, without a leading 0."""
    text = f"{x:.2f}" if abs(x) < 9.95 else f"{x:.0f}"
    if 0.995 <= abs(x) < 9.95:
        text = f"{x:.1f}"
    text = without_zero(text)
    return "0" if text in (".00", "−.00") else text


def name_columns(ax: Any, columns: Sequence[str]) -> None:
    """Mechanisms below the columns, sites below their mechanisms."""
    mechanisms = [SHORT[name.rsplit(", ", 1)[1]] for name in columns]
    narrow = len(columns) >= NARROW
    ax.set_xticks(np.arange(len(columns)) + 0.5, mechanisms, fontsize=4.4 if narrow else 5.5)
    below = 4 + 6 * max(name.count("\n") + 1 for name in mechanisms)
    for site, start, end in blocks(columns):
        ax.annotate(
            site.replace("+", "+\n").replace(" ", "\n", 1), ((start + end) / 2, 0),
            xytext=(0, -below), xycoords=ax.get_xaxis_transform(), textcoords="offset points",
            ha="center", va="top", fontsize=5 if narrow else 6, annotation_clip=False,
        )  # fmt: skip


def blocks(columns: Sequence[str]) -> list[tuple[str, int, int]]:
    """Each site with its first column and the one after its last."""
    found, start = [], 0
    for site, group in itertools.groupby(columns, key=lambda name: name.rsplit(", ", 1)[0]):
        found.append((site, start, start + len(list(group))))
        start = found[-1][2]
    return found

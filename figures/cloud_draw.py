"""The certificates' losses of ten settings as a dot plot. Draws marks, reads nothing."""

from collections.abc import Mapping, Sequence
from typing import Any

from figures.cloud_settings import TABLE
from figures.marks import Mark, series_of
from figures.style import BLUE, GREY, VERMILLION, new_figure, settle

DIGITS = {"0-4": (BLUE, "s", -0.13), "5-9": (VERMILLION, "o", 0.13)}
SIGNS = {"yes": ("✓", "#1A1A1A"), "no": ("✗", VERMILLION), "undecided": ("?", GREY)}


def draw_certificates(
    marks: Sequence[Mark], panels: Sequence[str], answers: Mapping[int, str], note: str
) -> Any:
    """The figure: one panel per half of the latent, a row per setting."""
    figure = new_figure(3.4, note)
    axes = figure.subplots(1, len(panels), sharey=True, sharex=True, width_ratios=(1.25, 1))
    for ax, name in zip(axes, panels, strict=True):
        draw(ax, [m for m in marks if m.panel == name])
        half, error = name.split(", ")
        ax.set_title(half, loc="left")
        ax.set_xlabel(error)
    axes[0].set_yticks([s.number for s in TABLE], [f"{s.words}  {s.number}" for s in TABLE])
    axes[0].set_xlim(0, reach(marks))
    axes[0].set_ylim(len(TABLE) + 0.6, 0.4)
    for number, answer in answers.items():
        sign, colour = SIGNS[answer]
        axes[0].annotate(
            sign, (1.06, number), xycoords=axes[0].get_yaxis_transform(), ha="center", va="center",
            color=colour, fontsize=8, annotation_clip=False,
        )  # fmt: skip
    if answers:
        axes[0].annotate(
            "as\npublished", (1.06, 0.4), xycoords=axes[0].get_yaxis_transform(), ha="center",
            va="bottom", fontsize=5.5, color="#404040", annotation_clip=False,
        )  # fmt: skip
    add_legend(figure, marks)
    return settle(figure)


def draw(ax: Any, marks: Sequence[Mark]) -> None:
    """One certificate's losses on the axes `ax`: published values hollow, ours with intervals."""
    from matplotlib.ticker import MultipleLocator

    ax.grid(axis="x", color="#E6E6E6", linewidth=0.5)
    ax.tick_params(axis="y", length=0)
    ax.xaxis.set_major_locator(MultipleLocator(0.1))
    for number in range(1, len(TABLE), 2):
        ax.axhspan(number + 0.5, number + 1.5, color="#F6F6F6", lw=0, zorder=0)
    for digits, (colour, marker, shift) in DIGITS.items():
        for m in series_of(list(marks), f"{digits} published"):
            ax.plot(m.value, m.at + shift, marker, color=colour, mfc="white", ms=5, alpha=0.75)
        for m in series_of(list(marks), digits):
            if m.high < float("inf"):
                ax.plot([m.low, m.high], [m.at + shift] * 2, color=colour, lw=1.0)
            ax.plot(m.value, m.at + shift, marker, color=colour, ms=3.2)


def reach(marks: Sequence[Mark]) -> float:
    """How far the axis goes: to every value, and to the ends of intervals that are near them."""
    values = [m.value for m in marks if m.drawn and not m.panel.startswith("orders")]
    most = max(values, default=1.0)
    ends = [m.high for m in marks if m.high < 1.3 * most and not m.panel.startswith("orders")]
    return 1.08 * max([most, *ends])


def add_legend(figure: Any, marks: Sequence[Mark]) -> None:
    """Which marker is which."""
    from matplotlib.lines import Line2D

    there = {m.series for m in marks}
    handles = [
        Line2D(
            [],
            [],
            color=colour,
            marker=marker,
            ls="none",
            label=f"on {digits.replace('-', '–')}, here",
        )
        for digits, (colour, marker, _) in DIGITS.items()
    ]
    handles += [
        Line2D(
            [],
            [],
            color=c,
            marker=m,
            mfc="white",
            ms=5,
            ls="none",
            label=f"on {d.replace('-', '–')}, published",
        )
        for d, (c, m, _) in DIGITS.items()
        if f"{d} published" in there
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=4)

"""Fine-tunability as a proxy. Draws marks, reads nothing."""

from collections.abc import Sequence
from typing import Any

from figures.finetuned_runs import BUDGETS
from figures.marks import Mark, series_of
from figures.panels import points, whiskers
from figures.style import BLACK, BLUE, GREEN, ORANGE, VERMILLION, Look, new_figure, settle

LOOKS = {
    "ascent": Look("taught, then ascent", VERMILLION, "o", "-"),
    "misdirect": Look("taught, then misdirected", ORANGE, "s", (0, (4, 1.5))),
    "never shown": Look("never shown", BLUE, "^", (0, (5, 1, 1, 1))),
    "random start": Look("random start", BLACK, "D", (0, (1, 1))),
}
TESTS = {
    "precision": Look("precision", GREEN, "o", "-"),
    "recall": Look("recall", BLACK, "s", "--"),
}
LABELS = {
    "steps": "steps",
    "examples": "forget examples",
    "movement": "movement ‖Δθ‖",
}


def draw(marks: Sequence[Mark], caption: str) -> Any:
    """A column for each budget: who came back, the test, and its AUC."""
    figure = new_figure(5.4, caption)
    axes = figure.subplots(3, len(BUDGETS), height_ratios=(1.3, 1.1, 0.9))
    for column, budget in enumerate(BUDGETS):
        of = {part: [m for m in marks if m.panel == f"{budget}: {part}"]
              for part in ("came back", "test", "chosen", "AUC")}  # fmt: skip
        shares(axes[0][column], of["came back"])
        test(axes[1][column], of["test"], of["chosen"])
        areas(axes[2][column], of["AUC"], column == 0)
        axes[0][column].set_title(LABELS[budget])
        for ax in (axes[0][column], axes[1][column]):
            ax.set_ylim(-0.04, 1.06)
            scaled(ax, budget, sorted({m.at for m in of["came back"]}))
        axes[1][column].set_xlabel(LABELS[budget])
    axes[0][0].set_ylabel("share that came back")
    axes[1][0].set_ylabel("test by threshold")
    legend(figure, axes[1][0])
    return settle(figure)


def scaled(ax: Any, budget: str, places: Sequence[float]) -> None:
    """Steps evenly, all else by its logarithm, with ticks at the budgets there are."""
    if budget != "steps":
        ax.set_xscale("symlog", linthresh=1)
        ax.set_xlim(left=-0.2)
    if budget != "movement":
        ax.set_xticks(places, [f"{at:g}" for at in places], minor=False)
        ax.set_xticks([], minor=True)


def shares(ax: Any, marks: Sequence[Mark]) -> None:
    """The share of each kind that came back within a budget."""
    for name, look in LOOKS.items():
        own = series_of(list(marks), name)
        at = [m.at for m in own]
        whiskers(ax, at, own, look.colour)
        ax.step(at, [m.value for m in own], where="post", color=look.colour, ls=look.line, lw=1)
        points(ax, at, own, look._replace(line="none"))


def test(ax: Any, curves: Sequence[Mark], chosen: Sequence[Mark]) -> None:
    """Precision and recall by threshold, and where the other seeds put it."""
    for name, look in TESTS.items():
        own = series_of(list(curves), name)
        ax.step([m.at for m in own], [m.value for m in own], where="post", color=look.colour,
                ls=look.line, lw=1)  # fmt: skip
        at = [m for m in chosen if m.series == name]
        whiskers(ax, [m.at for m in at], at, look.colour)
        points(ax, [m.at for m in at], at, look._replace(line="none"))


def areas(ax: Any, marks: Sequence[Mark], named: bool) -> None:
    """AUC, one below the other."""
    for m in marks:
        ax.plot([max(m.low, 0), min(m.high, 1)], [m.at, m.at], color=BLACK, lw=1)
        ax.plot(m.value, m.at, "o", color=BLACK, ms=3.6, clip_on=False)
    ax.axvline(0.5, color=BLACK, lw=0.6, ls=(0, (1, 2)))
    ax.set(xlim=(0, 1.02), ylim=(len(marks) - 0.5, -0.5), xlabel="AUC")
    ax.set_yticks([m.at for m in marks], [m.series for m in marks] if named else [""] * len(marks))


def legend(figure: Any, ax: Any) -> None:
    """The kinds of networks above, the test in its panel."""
    from matplotlib.lines import Line2D

    def handle(look: Look) -> Line2D:
        return Line2D([], [], color=look.colour, marker=look.marker, ls=look.line, label=look.label)

    figure.legend(handles=[handle(look) for look in LOOKS.values()], loc="outside upper center",
                  ncols=4)  # fmt: skip
    ax.legend(handles=[handle(look) for look in TESTS.values()], loc="lower right")

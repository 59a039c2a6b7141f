"""How much runs that share no seed differ in a score: on this test set, and without its noise."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from absorb.stats.intervals import Interval, unclosed
from absorb.stats.score_variance import normal_interval, score_variance
from figures.apart import headed
from figures.marks import Mark, mark, number, series_of, spoken
from figures.page import Page, Pages, pages_of
from figures.panels import points, say_why, whiskers
from figures.path_cubes import Study, apart, correct, has_cubes, studies
from figures.path_draw import LOOKS
from figures.select import Table
from figures.style import GREY, new_figure, settle

SCORES = {  # in hundredths, so that their variances are numbers to read
    "accuracy, points": lambda runs: 100 * correct(runs),
    "loss, (.01 nats)": lambda runs: 100 * np.array([run["kept.loss"] for run in runs], float),
}
PARTS = ("this test set", "its noise", "the distribution")


def pages(table: Table, partial: bool) -> Pages:
    """One figure for each study whose cubes are whole."""

    def drawn(study: Study) -> bool:
        return not study.missing or (partial and has_cubes(study))

    return pages_of("score_variance", studies(table), page, in_words, drawn)


def page(name: str, study: Study) -> Page:
    """The figure of one study."""
    marks, caption = list(varied(study)), headed(study.apart, caption_of(study))
    return Page(name, lambda: draw(marks, caption), marks, caption)


def varied(study: Study) -> Iterator[Mark]:
    """Variances over runs of every score, by kind of run, each in its three parts."""
    for panel, of in SCORES.items():
        for name, cubes in study.cubes.items():
            for at, found in enumerate(parts(of(apart(cubes)))):
                yield mark(panel, name, at, found)


def parts(score_RN: np.ndarray) -> tuple[Interval, Interval, Interval]:
    """The variance of the mean score on this test set, the noise in it, and what is left."""
    found, runs = score_variance(score_RN), len(score_RN)
    noise = unclosed(found.noise, runs, found.distribution.why)
    if not np.isfinite(found.naive):
        return found.distribution, noise, found.distribution
    return normal_interval(found.naive, 0.0, runs, 0.95), noise, found.distribution


def draw(marks: Sequence[Mark], caption: str) -> Any:
    """A panel for each score: its variance in three parts."""
    figure = new_figure(2.6, caption)
    axes = figure.subplots(1, len(SCORES))
    for ax, name in zip(axes, SCORES, strict=True):
        panel(ax, [m for m in marks if m.panel == name])
        ax.set_title(f"variance of {name}²")
    legend(figure, marks)
    return settle(figure)


def panel(ax: Any, marks: Sequence[Mark]) -> None:
    """The parts of one score's variance; what has no interval has no whisker."""
    ends = [x for m in marks for x in (m.value, m.low, m.high) if np.isfinite(x)]
    margin = 0.06 * (max([0, *ends]) - min([0, *ends]) or 1)
    ax.set_ylim(min([0, *ends]) - margin, max([0, *ends]) + margin)
    for name in LOOKS:
        own, look = series_of(list(marks), name), LOOKS[name]
        at = [m.at + look.shift for m in own]
        closed = [(x, m) for x, m in zip(at, own, strict=True) if np.isfinite(m.low)]
        whiskers(ax, [x for x, _ in closed], [m for _, m in closed], look.colour)
        points(ax, at, own, look)
    if not any(m.drawn for m in marks):
        say_why(ax, marks)
    ax.axhline(0, color=GREY, lw=0.6)
    ax.set_xticks(range(len(PARTS)), PARTS)
    ax.set_xlim(-0.5, len(PARTS) - 0.5)


def legend(figure: Any, marks: Sequence[Mark]) -> None:
    """The kinds of runs that are there, with their number."""
    from matplotlib.lines import Line2D

    runs = {m.series: m.n for m in marks}
    handles = [
        Line2D([], [], color=LOOKS[name].colour, marker=LOOKS[name].marker, ls="none",
               label=f"{LOOKS[name].label} (n = {n})") for name, n in runs.items()
    ]  # fmt: skip
    figure.legend(handles=handles, loc="outside upper center", ncols=len(handles))


def caption_of(study: Study) -> str:
    """What a reader has to know."""
    first = next(iter(study.cubes.values()))[0][0]
    part = f" (PARTIAL: {study.missing})" if study.missing else ""
    return (
        f"Variance over runs{part} that share no seed (two of every cube) of the mean score on"
        f" {len(first['kept.loss'])} test pictures of {first['world.kind']}. Its noise: what"
        " finitely many pictures add, since runs differ picture by picture; the distribution: what"
        " is left, the covariance of the scores on two halves of the pictures, over all halves."
        " Below 0: less than noise alone would give. Whiskers: 95 %, runs' scores taken as normal."
        f" Routed: concept {first['routing.concept']}, labelled"
        f" {first['routing.label_fraction']:g}."
    )


def in_words(study: Study, marks: Sequence[Mark]) -> str:
    """The finding for the terminal."""
    at = {(m.panel, m.series, int(m.at)): m for m in marks}
    lines = [f"score_variance, {len(study.rows)} runs:"]
    for panel in SCORES:
        for name in study.cubes:
            naive, noise, rest = (at[panel, name, i] for i in range(len(PARTS)))
            lines.append(
                f"  variance of {panel}², {name}: on {PARTS[0]} {spoken(naive)}, of which"
                f" {PARTS[1]} {number(noise.value)}; of {PARTS[2]} {spoken(rest)}"
            )
    return "\n".join(lines)

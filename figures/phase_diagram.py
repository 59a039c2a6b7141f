"""Two features in one dimension: what trained networks do with the second, beside what is best.

After the phase diagrams of Elhage et al., Toy Models of Superposition, 2022.
"""

import itertools
from collections import Counter
from typing import NamedTuple

import numpy as np

from absorb.stats.intervals import binomial, mean_t
from absorb.stats.two_features import family, two_feature_loss
from absorb.stats.two_features_best import TwoFeatureBest, best_two_features
from figures.marks import Mark, mark, number, spoken
from figures.page import Page, Pages
from figures.phase_draw import boundary_marks, draw
from figures.select import Table
from figures.toy_rows import (
    ACTIVE,
    FEATURES,
    HIDDEN,
    IMPORTANCE,
    Cell,
    Study,
    missing,
    studies,
    unrouted,
    weights,
    whole,
)

ALWAYS_ANTIPODAL = 0.3  # with equal importance, the p up to which one network must be antipodal


class Diagram(NamedTuple):
    """Trained and exact networks at every importance r and probability p, arrays (R, P, ...).

    `best_w` are the weights of the seed with the least exact loss, NaN where no run ended well;
    `excess` its loss above the exact minimum, as a part of that; `phase_RPS` the family of every
    seed, "" where it did not end well; `exact` the minimum.
    """

    importance_R: np.ndarray
    active_P: np.ndarray
    best_w: np.ndarray
    phase: np.ndarray
    excess: np.ndarray
    phase_RPS: np.ndarray
    exact: TwoFeatureBest

    @property
    def there(self) -> np.ndarray:
        """Where any run ended well."""
        return np.isfinite(self.excess)

    @property
    def agrees(self) -> np.ndarray:
        """Where the best seed has the phase of the exact minimum."""
        return self.there & (self.phase == self.exact.family)

    @property
    def alike_RPS(self) -> np.ndarray:
        """Which seeds have the phase of the exact minimum; NaN where one did not end well."""
        alike_RPS = (self.phase_RPS == self.exact.family[..., None]).astype(float)
        return np.where(self.phase_RPS == "", np.nan, alike_RPS)


def pages(table: Table, partial: bool) -> Pages:
    """A figure for each study of two features in one dimension over sparsity and importance."""
    drawn, left_out = whole(grids(table), partial)
    made, said = [], []
    for one in drawn:
        diagram = diagram_of(one)
        text = in_words(diagram)
        caption = caption_of(one, diagram, text)
        made.append(page(f"phase_diagram{one.suffix}", diagram, caption))
        said.append(text)
    return Pages(made, "\n\n".join(said), left_out)


def page(name: str, diagram: Diagram, caption: str) -> Page:
    """The figure of one study."""
    marks, lines = marks_of(diagram), boundary_marks(diagram)
    return Page(name, lambda: draw(diagram, caption), marks, caption, lines=lines)


def grids(table: Table) -> list[Study]:
    """The studies with several probabilities and importances, whole if they have each with each."""
    found = studies(
        table,
        (ACTIVE, IMPORTANCE),
        lambda row: unrouted(row) and (row[FEATURES], row[HIDDEN]) == (2, 1),
    )
    found = [one._replace(missing=missing(one.free, one.cells, every(one))) for one in found]
    return [one for one in found if all(len(values) > 1 for values in axes_of(one))]


def axes_of(one: Study) -> list[list[float]]:
    """The probabilities and the importances, increasing."""
    return [sorted(set(values)) for values in zip(*one.cells, strict=True)]


def every(one: Study) -> list[Cell]:
    """Each probability with each importance."""
    return list(itertools.product(*axes_of(one)))


def diagram_of(one: Study) -> Diagram:
    """Every run of a study in its place, with its exact loss, beside the exact minimum."""
    active_P, importance_R = (np.array(values, float) for values in axes_of(one))
    theta = np.full((len(importance_R), len(active_P), len(one.seeds), 2, 2), np.nan)
    for (p, r), _ in one.cells.items():
        place = np.searchsorted(importance_R, r), np.searchsorted(active_P, p)
        for row in one.ok((p, r)):
            theta[*place, one.seeds.index(row["seed"])] = weights(row).w_MF[0], weights(row).b_F
    ended = np.all(np.isfinite(theta), axis=(-1, -2))
    safe = np.where(ended[..., None, None], theta, 0.0)
    p, r = active_P[:, None], importance_R[:, None, None]
    loss_RPS = np.where(
        ended, two_feature_loss(safe[..., 0, :], safe[..., 1, :], p, r).mean, np.inf
    )
    seed_RP = loss_RPS.argmin(axis=-1)[..., None]
    best_w = np.take_along_axis(theta[..., 0, :], seed_RP[..., None], axis=2)[:, :, 0]
    exact = best_two_features(active_P, importance_R[:, None])
    least = loss_RPS.min(axis=-1)
    excess = np.where(np.isfinite(least), least / exact.mean - 1, np.nan)
    phase_RPS = np.where(ended, family(safe[..., 0, :]), "")
    phase = np.take_along_axis(phase_RPS, seed_RP, axis=2)[..., 0]
    return Diagram(importance_R, active_P, best_w, phase, excess, phase_RPS, exact)


def superposition(w: np.ndarray) -> np.ndarray:
    """(Ŵ₂·W₁)², how much of the first feature lies along the second; shape of `w` less its last."""
    return np.where(w[..., 1] == 0, 0.0, w[..., 0] ** 2)


def marks_of(diagram: Diagram) -> list[Mark]:
    """The agreement, then every cell of every panel with its phase as a remark."""
    seeds = diagram.phase_RPS.shape[2]
    panels = {
        "trained, length of the extra feature": (np.abs(diagram.best_w[..., 1]), diagram.phase),
        "trained, superposition": (superposition(diagram.best_w), diagram.phase),
        "trained, loss above the least possible": (diagram.excess, diagram.phase),
        "exact, length of the extra feature": (
            np.abs(diagram.exact.w[..., 1]),
            diagram.exact.family,
        ),
        "exact, superposition": (superposition(diagram.exact.w), diagram.exact.family),
    }
    marks = summary(diagram)
    for name, (value, phase) in panels.items():
        n = 0 if name.startswith("exact") else seeds
        marks += [
            Mark(name, f"importance {r:.4g}", p, x, x, x, n, why=str(phase[i, j]))
            for i, j, r, p in cells(diagram)
            for x in [float(value[i, j])]
        ]
    for i, j, r, p in cells(diagram):
        alike_S = diagram.alike_RPS[i, j][np.isfinite(diagram.alike_RPS[i, j])]
        rate = binomial(int(alike_S.sum()), len(alike_S))
        marks.append(mark("seeds in the exact phase", f"importance {r:.4g}", p, rate))
    return marks


def cells(diagram: Diagram) -> list[tuple[int, int, float, float]]:
    """Places and settings of all points."""
    return [
        (i, j, float(r), float(p))
        for i, r in enumerate(diagram.importance_R)
        for j, p in enumerate(diagram.active_P)
    ]


def summary(diagram: Diagram) -> list[Mark]:
    """The agreement of the whole diagram: of the best seed, and of one seed."""
    share = float(diagram.agrees.sum() / max(1, diagram.there.sum()))
    points = int(diagram.there.sum())
    single_S = np.nanmean(diagram.alike_RPS, axis=(0, 1))
    excess = diagram.excess[diagram.there]
    middle, high = np.quantile(excess, (0.5, 0.95)) if points else (np.nan, np.nan)
    return [
        Mark("agreement", "best seed, share of points", 0, share, share, share, points),
        mark("agreement", "one seed, share of points", 0, mean_t(single_S)),
        Mark("agreement", "loss above the least, median and 95 % of points", 0, float(middle),
             float(excess.min(initial=np.inf)), float(high), points),
    ]  # fmt: skip


def in_words(diagram: Diagram) -> str:
    """The finding: how often trained and exact agree, where not, and how near the losses are."""
    best, single, excess = summary(diagram)
    wrong = diagram.there & ~diagram.agrees
    kinds = Counter(
        zip(diagram.phase[wrong].tolist(), diagram.exact.family[wrong].tolist(), strict=True)
    )
    apart = "; ".join(f"{n} {own} for {known}" for (own, known), n in kinds.most_common(3))
    hits = int(diagram.agrees.sum())
    return (
        f"The best of {diagram.phase_RPS.shape[2]} seeds has the phase of the exact minimum at"
        f" {hits} of {best.n} points ({100 * best.value:.1f} %{f'; {apart}' if apart else ''}), one"
        f" seed at {spoken(single)} of them; its loss is above the least possible by"
        f" {number(excess.value)} in the median, below {number(excess.high)} at 95 % of points."
        f" {equal_words(diagram)}"
    )


def equal_words(diagram: Diagram) -> str:
    """What the networks nearest to equal importance do up to p = .3."""
    r = int(np.abs(np.log(diagram.importance_R)).argmin())
    sparse_P = (diagram.active_P <= ALWAYS_ANTIPODAL) & diagram.there[r]
    antipodal = int((diagram.phase[r] == "antipodal")[sparse_P].sum())
    return (
        f"At importance {diagram.importance_R[r]:.3g} and p ≤ {ALWAYS_ANTIPODAL:g}, {antipodal} of"
        f" {int(sparse_P.sum())} are antipodal."
    )


def caption_of(one: Study, diagram: Diagram, text: str) -> str:
    """What a reader has to know."""
    apart = f"{one.apart}\n" if one.apart else ""
    r, p = len(diagram.importance_R), len(diagram.active_P)
    return (
        f"{apart}{one.runs_in_words}; {p} probabilities × {r} importances. Two features in one"
        f" hidden dimension; each is active with probability p; the extra feature weighs r times"
        f" the first in the loss. a: of all seeds the one with the least exact expected loss."
        f" b: the minimum of the exact expected loss over all weights and biases.\n"
        f"Colour: length of the extra feature, and its superposition (Ŵ₂·W₁)², both cut at 1."
        f" Solid: where the exact minimum becomes antipodal; dashed: the same for weights of"
        f" length 1 without bias (textbook). {text}"
    )

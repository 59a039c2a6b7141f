"""Which seeds make runs differ: a crossed design with random effects, split into its components.

y[init i, order j, labels k, rerun r] = μ + init + order + labels + all interactions + ε, balanced.
Method of moments: mean squares are set equal to their expectations (S. R. Searle, G. Casella and
C. E. McCulloch, Variance Components, 1992, ch. 4). Estimates below 0 are kept.
"""

from collections.abc import Sequence
from itertools import combinations
from math import prod
from typing import NamedTuple

import numpy as np

from absorb.errors import AbsorbError
from absorb.stats.intervals import Interval, trouble, undefined
from absorb.stats.mean_squares import combination, ratio

POINT_LEVELS = 8  # of two factors; below them only intervals are reported
MOST_FACTORS = 3
RERUN = "rerun"


class Component(NamedTuple):
    """One source of variance, in y's unit squared and as a share of the total.

    `headline` is False where the design, or a factor of this component, has fewer than 8 levels:
    then its interval may be reported and its point value may not stand alone.
    """

    name: str
    variance: Interval
    share: Interval
    headline: bool


class Variance(NamedTuple):
    """All components of a design; `total` is the variance of one run with all seeds fresh.

    Interactions are named "init:order"; ε, the spread of runs with all seeds the same, is "rerun".
    With one rerun ε and the highest interaction cannot be told apart: the last component is their
    sum, named "init:order:labels+rerun", and `why` says so. `intervals_only`: the design is below
    8 × 8 levels (8 of a single factor). `n` of an interval counts the combinations of levels that
    it rests on, for ε and the total the runs.
    """

    mean: float
    total: Interval
    components: tuple[Component, ...]
    levels: dict[str, int]
    reruns: int
    intervals_only: bool
    why: str = ""

    def of(self, name: str) -> Component:
        """A component by its name; AbsorbError lists what there is."""
        known = {c.name: c for c in self.components}
        if name not in known:
            raise AbsorbError(f"component {name!r}: this design has {', '.join(known)}")
        return known[name]


class Design(NamedTuple):
    """The effects of a balanced design, each a tuple of axes; ε, where there is one, is ().

    The moments solve as σ²_S = Σ_T weight_ST·MS_T. `runs_T` is how many runs share one level.
    """

    effects: tuple[tuple[int, ...], ...]
    runs_T: tuple[int, ...]
    df_T: tuple[int, ...]
    weight_ST: np.ndarray


def variance(y: np.ndarray, factors: Sequence[str], level: float = 0.95) -> Variance:
    """The variance components of `y`, whose axes are one to three factors and then the reruns.

    Intervals by modified large samples (see `mean_squares`), which covered where a generalised
    pivot and a jackknife over levels did not. They presume normal effects; heavy tails make them
    too short. Runs that are not finite leave every number undefined: the design must be whole.
    Raises AbsorbError for factors that do not fit the axes or have fewer than two levels.
    """
    y, factors = np.asarray(y, float), tuple(factors)
    check_axes(y.shape, factors)
    design, why = balanced(y.shape), trouble(y.ravel()).replace("seeds", "runs")
    ms_T = mean_squares(y, design)
    few = sorted(y.shape[:-1])[-2:][0] < POINT_LEVELS

    def one(effect: tuple[int, ...], weight_T: np.ndarray) -> Component:
        levels = [y.shape[axis] for axis in effect]
        n = prod(levels) if effect else y.size
        size, share = estimates(weight_T, ms_T, design, n, why, level)
        big = min(levels, default=POINT_LEVELS) >= POINT_LEVELS
        return Component(name_of(effect, factors, y.shape[-1]), size, share, big and not few)

    found = tuple(one(*pair) for pair in zip(design.effects, design.weight_ST, strict=True))
    total, _ = estimates(design.weight_ST.sum(0), ms_T, design, y.size, why, level)
    if not why and y.shape[-1] == 1:
        why = f"one rerun does not tell {found[-1].name.replace('+', ' from ')}"
    levels = dict(zip(factors, y.shape[:-1], strict=True))
    return Variance(float(y.mean()), total, found, levels, y.shape[-1], few, why)


def check_axes(shape: tuple[int, ...], factors: tuple[str, ...]) -> None:
    """Refuse factors that `y` cannot have."""
    if not 1 <= len(factors) <= MOST_FACTORS or len({*factors, RERUN}) <= len(factors):
        raise AbsorbError(f"factors={factors}: must be 1 to {MOST_FACTORS} names, none {RERUN!r}")
    if len(shape) != len(factors) + 1 or shape[-1] < 1:
        raise AbsorbError(f"y: shape {shape}; needs an axis for each of {factors} and for reruns")
    for name, levels in zip(factors, shape, strict=False):
        if levels < 2:
            raise AbsorbError(f"y: {levels} levels of {name}; must be at least 2")


def name_of(effect: tuple[int, ...], factors: tuple[str, ...], reruns: int) -> str:
    """What a component is called."""
    name = ":".join(factors[axis] for axis in effect) or RERUN
    return f"{name}+{RERUN}" if reruns == 1 and len(effect) == len(factors) else name


def balanced(shape: tuple[int, ...]) -> Design:
    """The design of an array with these levels and, last, reruns.

    E[MS_S] = σ²_ε + Σ_{T ⊇ S} runs_T·σ²_T, which Möbius inversion over the supersets solves.
    """
    *levels, reruns = shape
    axes, runs = range(len(levels)), prod(shape)
    crossed = [e for size in axes for e in combinations(axes, size + 1)]
    effects = [*crossed, ()] if reruns > 1 else crossed
    sign_ST = np.eye(len(effects))
    sign_ST[: len(crossed), : len(crossed)] = [[moebius(s, t) for t in crossed] for s in crossed]
    if reruns > 1:
        sign_ST[-2, -1] = -1  # the highest interaction is seen against ε
    runs_T = tuple(runs // prod(levels[axis] for axis in e) if e else 1 for e in effects)
    df_T = tuple(prod(levels[axis] - 1 for axis in e) if e else runs - runs // reruns
                 for e in effects)  # fmt: skip
    return Design(tuple(effects), runs_T, df_T, sign_ST / np.array(runs_T)[:, None])


def moebius(inner: tuple[int, ...], outer: tuple[int, ...]) -> int:
    """(−1)^|outer ∖ inner| if `outer` contains `inner`, else 0."""
    return (-1) ** (len(outer) - len(inner)) if set(inner) <= set(outer) else 0


def mean_squares(y: np.ndarray, design: Design) -> np.ndarray:
    """The mean square of every effect of the design."""
    cell = y.mean(axis=-1)
    squares = []
    for effect, runs in zip(design.effects, design.runs_T, strict=True):
        part = cell if effect else y - cell[..., None]
        for axis in range(cell.ndim) if effect else ():
            mean = part.mean(axis=axis, keepdims=True)
            part = part - mean if axis in effect else mean
        squares.append(runs * (part**2).sum())
    return np.array(squares) / design.df_T


def estimates(
    weight_T: np.ndarray, ms_T: np.ndarray, design: Design, n: int, why: str, level: float
) -> tuple[Interval, Interval]:
    """A combination of the mean squares and its share of the total variance."""
    if why:
        return undefined(n, why), undefined(n, why)
    whole_T = design.weight_ST.sum(axis=0)
    value, whole = float(weight_T @ ms_T), float(whole_T @ ms_T)
    size = Interval(value, *combination(weight_T, ms_T, design.df_T, level), n)
    if not whole > 0:
        return size, undefined(n, "the total variance is estimated as 0")
    return size, Interval(value / whole, *ratio(weight_T, whole_T, ms_T, design.df_T, level), n)

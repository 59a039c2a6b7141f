"""Intervals for linear combinations of mean squares, of any sign, and for ratios of them.

Modified large samples (MLS): the large-sample interval with its variance changed so that it is
exact for one mean square and for the sign of a difference of two. N. Ting, R. K. Burdick, F. A.
Graybill, S. Jeyaratnam and T.-F. C. Lu, J. Stat. Comput. Simul. 35 (1990) 135–143; here without
their terms between mean squares of one sign. Normal effects: E[MS_T]·χ²/df, independent over T.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import numpy as np


class Quantiles(NamedTuple):
    """What the MLS formula needs to know of the degrees of freedom.

    `down_T` and `up_T` are the relative distances of a mean square's lower and upper end;
    `down_TT` and `up_TT` pair one that is added (row) with one that is subtracted (column).
    """

    down_T: np.ndarray
    up_T: np.ndarray
    down_TT: np.ndarray
    up_TT: np.ndarray


@lru_cache(maxsize=64)
def quantiles(df_T: tuple[int, ...], level: float) -> Quantiles:
    """The factors of the two-sided interval at this level."""
    from scipy.special import chdtri, fdtri

    tail, df = (1 - level) / 2, np.asarray(df_T, float)
    down_T = 1 - df / chdtri(df, tail)
    up_T = df / chdtri(df, 1 - tail) - 1
    high_TT, low_TT = (fdtri(df[:, None], df[None, :], q) for q in (1 - tail, tail))
    down_TT = ((high_TT - 1) ** 2 - (down_T[:, None] * high_TT) ** 2 - up_T**2) / high_TT
    up_TT = ((1 - low_TT) ** 2 - (up_T[:, None] * low_TT) ** 2 - down_T**2) / low_TT
    return Quantiles(down_T, up_T, down_TT, up_TT)


def combination(
    weight_T: np.ndarray, ms_T: np.ndarray, df_T: tuple[int, ...], level: float = 0.95
) -> tuple[float, float]:
    """The ends for Σ_T weight_T·E[MS_T], from mean squares and their degrees of freedom."""
    q, part_T = quantiles(df_T, level), np.asarray(weight_T) * ms_T
    plus_T, minus_T = np.maximum(part_T, 0), np.maximum(-part_T, 0)
    down = ((q.down_T * plus_T) ** 2 + (q.up_T * minus_T) ** 2).sum()
    up = ((q.up_T * plus_T) ** 2 + (q.down_T * minus_T) ** 2).sum()
    down, up = down + plus_T @ q.down_TT @ minus_T, up + plus_T @ q.up_TT @ minus_T
    middle = part_T.sum()
    return float(middle - np.sqrt(max(down, 0))), float(middle + np.sqrt(max(up, 0)))


def ratio(
    over_T: np.ndarray,
    under_T: np.ndarray,
    ms_T: np.ndarray,
    df_T: tuple[int, ...],
    level: float = 0.95,
) -> tuple[float, float]:
    """The ends for Σ over_T·E[MS_T] / Σ under_T·E[MS_T]; no weight below the line is negative.

    The ratios r for which the interval of numerator − r·denominator contains 0, as in Fieller's
    argument (R. Gui, F. A. Graybill, R. K. Burdick and N. Ting, J. Stat. Plan. Inference 48 (1995)
    215–227). NaN where the denominator is estimated as 0.
    """
    under = float(under_T @ ms_T)
    if not under > 0:
        return float("nan"), float("nan")

    def end(side: int) -> Callable[[float], float]:
        return lambda r: combination(over_T - r * under_T, ms_T, df_T, level)[side]

    start = float(over_T @ ms_T) / under
    return falling_zero(end(0), start), falling_zero(end(1), start)


def falling_zero(f: Callable[[float], float], start: float) -> float:
    """Where a falling function is 0, searched in both directions from `start`."""
    from scipy.optimize import root_scalar

    here = f(start)
    if here == 0:
        return start
    step = 1.0 if here > 0 else -1.0
    while f(start + step) * here > 0:
        step *= 2
    return float(root_scalar(f, bracket=(start, start + step), method="brentq", xtol=1e-12).root)

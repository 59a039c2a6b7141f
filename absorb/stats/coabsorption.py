"""Co-absorption: are the same concepts housed together in every run?"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from absorb.errors import AbsorbError
from absorb.stats.intervals import Interval, jackknife_t
from absorb.stats.localisation import UNKNOWN


class CoAbsorption(NamedTuple):
    """How alike runs house concepts, against runs in which concepts swap homes at random.

    `together_CC`: share of runs in which two concepts have one home. `agreement`: the mean of its
    squared entries over pairs, which is the chance that two runs both house a pair together.
    `null_low` and `null_high` are the 2.5 % and 97.5 % quantiles under the null, `p` one-sided.
    `apart` is that chance for two runs that are not the same one, with its interval over runs.
    `p_CC` tests each pair by itself, at an error rate for all pairs together.
    """

    together_CC: np.ndarray
    agreement: float
    null_mean: float
    null_low: float
    null_high: float
    p: float
    runs: int
    apart: Interval
    p_CC: np.ndarray

    @property
    def null_apart(self) -> float:
        """The mean of `apart` under the null.

        `agreement` also pairs each run with itself, which reads the share of pairs that a run
        houses together; regions keep their sizes under the null, and so this share is the same.
        """
        share = pairs(self.together_CC).mean()
        return float((self.runs * self.null_mean - share) / (self.runs - 1))


class Null(NamedTuple):
    """A statistic where concepts swap homes: its mean, 2.5 % and 97.5 % quantiles, one-sided p."""

    mean: float
    low: float
    high: float
    p: float


def co_absorption(
    home_RC: Sequence | np.ndarray, draws: int = 2000, seed: int = 0, level: float = 0.95
) -> CoAbsorption:
    """Co-absorption of C concepts over R runs; `home_RC` names each concept's region in each run.

    A negative home is no home. Null: permute the concepts within every run, so that regions keep
    their sizes; pairs are tested against the greatest share of any pair under it. Raises
    AbsorbError for fewer than two runs or concepts.
    """
    home_RC = checked(home_RC)
    found = together(home_RC)
    null_DQ = permuted(lambda own_RC: whole_and_most(together(own_RC)), home_RC, draws, seed)
    null = against(agreement(found), null_DQ[:, 0])
    reached_CCD = null_DQ[:, 1] >= found[:, :, None] - 1e-12
    p_CC = (1 + reached_CCD.sum(-1)) / (1 + draws)
    np.fill_diagonal(p_CC, np.nan)
    apart = jackknife_t(both_apart, home_RC, level=level)
    return CoAbsorption(found, agreement(found), *null, len(home_RC), apart, p_CC)


def checked(home_RC: Sequence | np.ndarray) -> np.ndarray:
    """Homes as an array of at least two runs and two concepts."""
    home_RC = np.asarray(home_RC)
    if home_RC.ndim != 2 or min(home_RC.shape) < 2:
        raise AbsorbError(f"home_RC: shape {home_RC.shape}; needs two runs and concepts or more")
    if lost := np.flatnonzero((home_RC == UNKNOWN).any(axis=0)).tolist():
        raise AbsorbError(f"home_RC: homes of concepts {lost} are not known; leave them out")
    return home_RC


def permuted(statistic: Callable, home_RC: np.ndarray, draws: int, seed: int) -> np.ndarray:
    """The statistic of homes whose concepts are permuted within every run, `draws` times."""
    rng = np.random.default_rng(seed)
    return np.array([statistic(rng.permuted(home_RC, axis=1)) for _ in range(draws)])


def against(found: float, null_D: np.ndarray) -> Null:
    """What a statistic that was found means beside those under the null."""
    low, high = np.quantile(null_D, (0.025, 0.975))
    reached = (1 + (null_D >= found - 1e-12).sum()) / (1 + len(null_D))
    return Null(float(null_D.mean()), float(low), float(high), float(reached))


def together(home_RC: np.ndarray) -> np.ndarray:
    """Share of runs in which each two concepts have the same home, which is one."""
    same_RCC = (home_RC[:, :, None] == home_RC[:, None, :]) & (home_RC[:, :, None] >= 0)
    return same_RCC.mean(0)


def agreement(together_CC: np.ndarray) -> float:
    """Mean squared share over the pairs of concepts."""
    return float((pairs(together_CC) ** 2).mean())


def both_apart(home_RC: np.ndarray) -> float:
    """The mean over pairs of concepts and of two different runs that both house them together."""
    runs, share_P = len(home_RC), pairs(together(home_RC))
    return float((share_P * (runs * share_P - 1)).mean() / (runs - 1)) if runs > 1 else np.nan


def whole_and_most(together_CC: np.ndarray) -> tuple[float, float]:
    """The agreement, and the greatest share of any pair."""
    return agreement(together_CC), float(pairs(together_CC).max())


def pairs(x_CC: np.ndarray) -> np.ndarray:
    """The entries above the diagonal."""
    return x_CC[np.triu_indices(len(x_CC), 1)]

"""Co-absorption: are the same concepts housed together in every run?"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from absorb.errors import AbsorbError


class CoAbsorption(NamedTuple):
    """How alike runs house concepts, against runs in which concepts swap homes at random.

    `together_CC`: share of runs in which two concepts have one home. `agreement`: the mean of its
    squared entries over pairs, which is the chance that two runs both house a pair together.
    `null_low` and `null_high` are the 2.5 % and 97.5 % quantiles under the null, `p` one-sided.
    """

    together_CC: np.ndarray
    agreement: float
    null_mean: float
    null_low: float
    null_high: float
    p: float
    runs: int


def co_absorption(home_RC: Sequence | np.ndarray, draws: int = 2000, seed: int = 0) -> CoAbsorption:
    """Co-absorption of C concepts over R runs; `home_RC` names each concept's region in each run.

    A negative home is no home. Null: permute the concepts within every run, so that regions keep
    their sizes. Raises AbsorbError for fewer than two runs or concepts.
    """
    home_RC = np.asarray(home_RC)
    if home_RC.ndim != 2 or min(home_RC.shape) < 2:
        raise AbsorbError(f"home_RC: shape {home_RC.shape}; needs two runs and concepts or more")
    rng = np.random.default_rng(seed)
    found = together(home_RC)
    null_D = np.array([agreement(together(rng.permuted(home_RC, axis=1))) for _ in range(draws)])
    low, high = np.quantile(null_D, (0.025, 0.975))
    reached = (1 + (null_D >= agreement(found) - 1e-12).sum()) / (1 + draws)
    return CoAbsorption(found, agreement(found), float(null_D.mean()), float(low), float(high),
                        float(reached), len(home_RC))  # fmt: skip


def together(home_RC: np.ndarray) -> np.ndarray:
    """Share of runs in which each two concepts have the same home, which is one."""
    same_RCC = (home_RC[:, :, None] == home_RC[:, None, :]) & (home_RC[:, :, None] >= 0)
    return same_RCC.mean(0)


def agreement(together_CC: np.ndarray) -> float:
    """Mean squared share over the pairs of concepts."""
    above = np.triu_indices(len(together_CC), 1)
    return float((together_CC[above] ** 2).mean())

"""Where each concept lives in one network: what ablating every region costs it.

Losses are held-out, in nats or in the loss's own unit, with every subset of G regions ablated. Row
P of an array of losses is the subset whose binary digits say what is ablated: row 0 nothing, row 1
region 0, row 2 region 1, row 3 both, row 2^G − 1 all of them.
"""

from functools import lru_cache
from math import comb
from typing import NamedTuple

import numpy as np

from absorb.errors import AbsorbError
from absorb.stats.intervals import t_quantile

MOST_REGIONS = 6
NOWHERE, UNKNOWN = -1, -2


class Localisation(NamedTuple):
    """S, what a concept costs by region, in the loss's unit, and what follows from it.

    `cost_CG` sums over regions to the cost of ablating all. `share_CG` is it over that sum, NaN
    where no region is told from 0 or the sum is not positive. `home_C` is the region of greatest
    cost, −1 where none is told from 0 or two are exactly alike, −2 where a cost is not finite, as
    where a block of test data has none of the concept. `entropy_C`, between 0 (one region) and 1
    (all alike), is that of the positive costs, NaN where none is told from 0.
    """

    cost_CG: np.ndarray
    share_CG: np.ndarray
    home_C: np.ndarray
    entropy_C: np.ndarray


def localisation(
    loss_PC: np.ndarray, least: np.ndarray | float | None = None, level: float = 0.95
) -> Localisation:
    """Costs, shares, homes and entropies of one network's concepts.

    A region is told from 0 where its cost exceeds `least`, a number or an array that broadcasts to
    (concepts, regions). Without `least`, `loss_PC` has a last axis of two or more blocks of
    held-out data, and a t test over blocks decides, for all regions of a concept together at
    `level`. Raises AbsorbError for a shape that no 2 to 6 regions give.
    """
    loss_PC = np.asarray(loss_PC, float)
    if least is None:
        if loss_PC.ndim != 3 or loss_PC.shape[2] < 2:
            raise AbsorbError(f"loss: shape {loss_PC.shape}; without `least` it needs blocks")
        cost_GCE = shapley(loss_PC)
        cost_CG, least = cost_GCE.mean(axis=-1).T, half_width(cost_GCE, level).T
    else:
        if loss_PC.ndim != 2:
            raise AbsorbError(f"loss: shape {loss_PC.shape}; needs (subsets, concepts)")
        cost_CG = shapley(loss_PC).T
    told_CG = cost_CG > least
    return Localisation(cost_CG, shares(cost_CG, told_CG), homes(cost_CG, told_CG),
                        entropy(cost_CG, told_CG))  # fmt: skip


def shapley(loss_P: np.ndarray) -> np.ndarray:
    """Each region's Shapley value of the rise in loss, shape (G, ...) from (2^G, ...).

    φ_g = Σ_{A ∌ g} |A|!(G−1−|A|)!/G!·(loss(A ∪ g) − loss(A)): the mean over all orders of ablating
    (L. S. Shapley, 1953). Raises AbsorbError unless there are 2^G rows for 2 ≤ G ≤ 6.
    """
    rows = len(loss_P)
    regions = rows.bit_length() - 1
    if rows != 1 << regions or not 2 <= regions <= MOST_REGIONS:
        raise AbsorbError(f"loss: {rows} subsets; must be 2^G for 2 to {MOST_REGIONS} regions")
    return np.tensordot(shapley_weights(regions), loss_P, axes=1)


@lru_cache(maxsize=8)
def shapley_weights(regions: int) -> np.ndarray:
    """The weight of every subset's loss in every region's value, shape (G, 2^G)."""
    inside_GP = np.arange(1 << regions) >> np.arange(regions)[:, None] & 1
    before_GP = inside_GP.sum(axis=0) - inside_GP  # ablated beside the region itself
    chance_A = np.array([1 / (regions * comb(regions - 1, a)) for a in range(regions)])
    return np.where(inside_GP, 1, -1) * chance_A[before_GP]


def half_width(cost_GCE: np.ndarray, level: float) -> np.ndarray:
    """How far a mean over blocks is known, by Student's t; regions share the error rate."""
    regions, blocks = cost_GCE.shape[0], cost_GCE.shape[-1]
    quantile = t_quantile(blocks, 1 - (1 - level) / regions)
    return quantile * cost_GCE.std(axis=-1, ddof=1) / np.sqrt(blocks)


def homes(cost_CG: np.ndarray, told_CG: np.ndarray) -> np.ndarray:
    """The region of greatest cost that is told from 0, or −1; −2 where a cost is not finite."""
    most_C1 = cost_CG.max(axis=1, keepdims=True)
    best_CG = (cost_CG == most_C1) & told_CG
    home_C = np.where(best_CG.sum(axis=1) == 1, best_CG.argmax(axis=1), NOWHERE)
    return np.where(np.isfinite(cost_CG).all(axis=1), home_C, UNKNOWN)


def shares(cost_CG: np.ndarray, told_CG: np.ndarray) -> np.ndarray:
    """Each region's part of the sum of costs."""
    sum_C1 = cost_CG.sum(axis=1, keepdims=True)
    known_C1 = told_CG.any(axis=1, keepdims=True) & (sum_C1 > 0)
    return np.where(known_C1, cost_CG / np.where(known_C1, sum_C1, 1), np.nan)


def entropy(cost_CG: np.ndarray, told_CG: np.ndarray) -> np.ndarray:
    """The entropy of each concept's positive costs over the logarithm of the number of regions."""
    from scipy.stats import entropy as of_parts

    known_C = np.asarray(told_CG.any(axis=1))
    part_CG = np.where(known_C[:, None], np.maximum(cost_CG, 0), 1)
    return np.where(known_C, of_parts(part_CG, axis=1, base=cost_CG.shape[1]), np.nan)

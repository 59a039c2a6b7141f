"""The frontier of two capabilities, and its hypervolume with an honest interval over seeds.

Every tried config is a point (a, b): what can still be elicited of A, and what B is worth. The
trivial network (0, 0) always counts as tried. Nothing is clipped before averaging over seeds; after
it, a below 0 counts as 0, a above 1 buys nothing, b below 0 is worth what the trivial network is,
and b above 1, a network better than the reference, counts in full.
"""

from typing import NamedTuple

import numpy as np

from absorb.errors import AbsorbError
from absorb.stats.crossing import isotonic_blocks
from absorb.stats.frontier import halves, undominated
from absorb.stats.intervals import Interval, mean_t


class Seeds(NamedTuple):
    """The seeds' hypervolumes, linearised about that of the means.

    What lies beyond a bound by its mean (a below 0 or above 1, b below 0) counts as at the bound,
    with no scatter: but its truth may lie within. `low_S` and `high_S` are linearised at the bound
    and keep the scatter that would lower, or raise, the volume there; their t intervals say how
    far.
    """

    value_S: np.ndarray
    low_S: np.ndarray
    high_S: np.ndarray


class Volume(NamedTuple):
    """A hypervolume with its interval, and that of the seeds."""

    value: Interval
    seeds: Seeds


def best_b(a_C: np.ndarray, b_C: np.ndarray, alpha_G: np.ndarray) -> np.ndarray:
    """b*(α) = max{b : a ≤ α}, or 0, by the trivial network, where nothing better was tried.

    One step function of α; shape (grid,). What is not finite was not tried.
    """
    a_C, b_C = np.asarray(a_C, float), np.asarray(b_C, float)
    chain = undominated(np.maximum(a_C, 0.0), b_C)
    below_G = np.searchsorted(np.maximum(a_C[chain], 0.0), alpha_G, side="right")
    return np.append(0.0, np.maximum(b_C[chain], 0.0))[below_G]


def hypervolume(a_C: np.ndarray, b_C: np.ndarray) -> float:
    """HV = ∫₀¹ b* dα: the area that {(1 − a, b)} dominates from the origin, a within [0, 1].

    Computed by moocore; what is not finite was not tried.
    """
    import moocore

    kept_CQ = np.stack([1.0 - np.clip(a_C, 0.0, 1.0), np.maximum(b_C, 0.0)], axis=1)
    kept_CQ = kept_CQ[np.isfinite(kept_CQ).all(axis=1)]
    if not len(kept_CQ):
        return 0.0
    return float(moocore.hypervolume(kept_CQ, ref=[0.0, 0.0], maximise=True))


def slopes(a_K: np.ndarray, b_K: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """dHV/da and dHV/db of a chain within bounds in which neither falls.

    HV = Σ (a_k+1 − a_k) b_k, with a_K = 1 after the last.
    """
    return -np.diff(b_K, prepend=0.0), np.diff(a_K, append=1.0)


def reported_volume(a_KS: np.ndarray, b_KS: np.ndarray) -> Seeds:
    """Seeds' hypervolumes of a chain of configs chosen on other seeds, in the chosen order.

    Where the reporting means of a or b fall along the chain, neighbours are averaged (isotonic
    fit), so that no reporting seed chooses: to toss a coin between two configs is a method, too.
    Linearised: the mean over seeds is the hypervolume of the mean chain. An empty chain gives 0.
    """
    if not len(a_KS):
        return Seeds(*np.zeros((3, a_KS.shape[1])))
    a_SK, b_SK = isotonic_blocks(a_KS.T, True), isotonic_blocks(b_KS.T, True)
    a_K, b_K = a_SK.mean(axis=0), b_SK.mean(axis=0)
    near_a_K, near_b_K = np.clip(a_K, 0.0, 1.0), np.maximum(b_K, 0.0)
    da_K, db_K = slopes(near_a_K, near_b_K)

    def about(a_counts_K: np.ndarray, b_counts_K: np.ndarray) -> np.ndarray:
        a_part_S = (a_SK - near_a_K) @ (da_K * a_counts_K)
        return hypervolume(a_K, b_K) + a_part_S + (b_SK - near_b_K) @ (db_K * b_counts_K)

    return Seeds(
        value_S=about((a_K > 0) & (a_K < 1), b_K > 0),
        low_S=about(a_K < 1, b_K > 0),
        high_S=about(a_K > 0, np.ones(len(b_K))),
    )


def volume(a_CS: np.ndarray, b_CS: np.ndarray, level: float = 0.95) -> Volume:
    """The frontier's hypervolume, each seed's with configs chosen on the other half of the seeds.

    Shapes (configs, seeds), columns in the order of the seeds. Both halves select and both report
    (cross-fitting); a t interval over all seeds. Undefined where a chosen config is not finite on
    a reporting seed, and where no config is finite at all: then the scale is missing.
    Raises AbsorbError for shapes that differ and for fewer than 4 seeds.
    """
    a_CS, b_CS = np.asarray(a_CS, float), np.asarray(b_CS, float)
    if a_CS.shape != b_CS.shape or a_CS.ndim != 2 or a_CS.shape[1] < 4:
        shapes = f"{a_CS.shape} and {b_CS.shape}"
        raise AbsorbError(f"a_CS, b_CS: shapes {shapes}; must be one (configs, 4 seeds or more)")
    parts, found = halves(range(a_CS.shape[1])), Seeds(*np.full((3, a_CS.shape[1]), np.nan))
    if not (np.isfinite(a_CS) & np.isfinite(b_CS)).any():
        return Volume(mean_t(found.value_S, level), found)
    for choose, report in (parts, parts[::-1]):
        chain = undominated(a_CS[:, choose].mean(axis=1), b_CS[:, choose].mean(axis=1))
        a_KS, b_KS = a_CS[np.ix_(chain, report)], b_CS[np.ix_(chain, report)]
        if np.isfinite(a_KS).all() and np.isfinite(b_KS).all():
            for all_S, some_S in zip(found, reported_volume(a_KS, b_KS), strict=True):
                all_S[report] = some_S
    return Volume(widened(*(mean_t(own_S, level) for own_S in found)), found)


def widened(value: Interval, low: Interval, high: Interval) -> Interval:
    """An interval as wide as itself and as two others, of which one says how low, one how high."""
    return value._replace(
        low=min(value.low, low.low),
        high=max(value.high, high.high),
        bounded=value.bounded and low.bounded and high.bounded,
        why=value.why or low.why or high.why,
    )

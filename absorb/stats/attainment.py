"""Attainment surfaces: what a given share of the seeds reach, rather than the union of them all.

A seed's own frontier is what one search found; it chose among its own configs, so a surface shows
how much searches differ and where a typical one lies. Estimates come from `hypervolume.volume`.
"""

import math

import numpy as np

from absorb.errors import AbsorbError
from absorb.stats.hypervolume import best_b


def attained(
    a_CS: np.ndarray, b_CS: np.ndarray, alpha_G: np.ndarray, share_Q: tuple[float, ...]
) -> np.ndarray:
    """The greatest b that at least a share q of the seeds reach with a ≤ α; shape (shares, grid).

    Shapes (configs, seeds), (grid,); the empirical attainment function of Grunert da Fonseca,
    Fonseca and Hall (2001) in two dimensions. Share 0.5 is the typical seed, 1 what every seed
    reaches. Raises AbsorbError for a share outside (0, 1].
    """
    for share in share_Q:
        if not 0 < share <= 1:
            raise AbsorbError(f"share {share}: must lie in (0, 1]")
    best_SG = np.stack([best_b(a_C, b_C, alpha_G) for a_C, b_C in zip(a_CS.T, b_CS.T, strict=True)])
    falling_SG = np.sort(best_SG, axis=0)[::-1]
    seeds = len(falling_SG)
    return falling_SG[[math.ceil(share * seeds - 1e-9) - 1 for share in share_Q]]

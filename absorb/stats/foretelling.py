"""Does what is measured early rank what comes out late? Within a seed, over its cells."""

import numpy as np

from absorb.stats.intervals import Interval, mean_t, undefined

FEWEST = 4  # cells below which a rank correlation says nothing


def foretelling(early_SC: np.ndarray, late_SC: np.ndarray) -> Interval:
    """The mean over seeds of Spearman's rank correlation over cells, with a t interval.

    Shapes: (seeds, cells), paired. Cells of a seed share its initialisation and order, so the seed
    is the unit. Undefined below `FEWEST` cells, and where a seed's cells are all alike or not
    finite.
    """
    from scipy.stats import spearmanr

    early_SC, late_SC = np.asarray(early_SC, float), np.asarray(late_SC, float)
    if early_SC.shape[1] < FEWEST:
        return undefined(len(early_SC), f"fewer than {FEWEST} cells")
    known = np.isfinite(early_SC).all() and np.isfinite(late_SC).all()
    if not known or min(np.ptp(early_SC, axis=1).min(), np.ptp(late_SC, axis=1).min()) == 0:
        return undefined(len(early_SC), "cells of a seed are all alike, or not finite")
    pairs = zip(early_SC, late_SC, strict=True)
    return mean_t(np.array([spearmanr(early_C, late_C)[0] for early_C, late_C in pairs]))

"""Do runs compute the same function? Compared prediction by prediction on the same examples.

Every table of pairs has the shape (runs, runs) and NaN on its diagonal; `mean_over_pairs` gives
its mean with an interval over runs. How much the runs' scores differ beyond the test set's own
noise is in `score_variance`.
"""

import numpy as np

from absorb.errors import AbsorbError
from absorb.stats.over_pairs import pair_table


def probabilities(prob_RNC: np.ndarray) -> np.ndarray:
    """Predictions of shape (runs, examples, classes), checked to be distributions over classes."""
    prob_RNC = np.asarray(prob_RNC, float)
    if prob_RNC.ndim != 3 or 0 in prob_RNC.shape:
        raise AbsorbError(f"prob_RNC: shape {prob_RNC.shape}; must be (runs, examples, classes)")
    if not (prob_RNC >= 0).all():  # NaN is not
        raise AbsorbError("prob_RNC: negative or not a number; must be probabilities")
    off = np.abs(prob_RNC.sum(axis=2) - 1).max()
    if not off <= 1e-3:
        raise AbsorbError(f"prob_RNC: sums over classes miss 1 by up to {off:g}; allowed: 0.001")
    return prob_RNC / prob_RNC.sum(axis=2, keepdims=True)


def disagreement(prob_RNC: np.ndarray) -> np.ndarray:
    """Share of examples on which two runs' most probable classes differ, in [0, 1]."""
    class_RN = probabilities(prob_RNC).argmax(axis=2)
    return pair_table(lambda i, j: float((class_RN[i] != class_RN[j]).mean()), len(class_RN))


def jensen_shannon(prob_RNC: np.ndarray) -> np.ndarray:
    """Mean Jensen–Shannon divergence of two runs' predictions, in nats, in [0, ln 2].

    H((p+q)/2) − (H(p) + H(q))/2 with H the entropy (Lin, 1991), averaged over examples.
    """
    from scipy.special import entr

    prob_RNC = probabilities(prob_RNC)
    own_R = entr(prob_RNC).sum(axis=2).mean(axis=1)

    def pair(i: int, j: int) -> float:
        mixed = entr((prob_RNC[i] + prob_RNC[j]) / 2).sum(axis=1).mean()
        return max(0.0, float(mixed - (own_R[i] + own_R[j]) / 2))

    return pair_table(pair, len(prob_RNC))


def error_consistency(correct_RN: np.ndarray) -> np.ndarray:
    """κ of being right on the same examples: 0 as by chance, 1 always (Geirhos et al., 2020).

    correct_RN: whether run R is right on example N. κ = (c − e)/(1 − e) with c the share of
    examples on which both are right or both wrong, and e = a b + (1−a)(1−b) what accuracies a
    and b alone make of it. NaN where e = 1: two runs that are never wrong, or never right.
    """
    correct_RN = np.asarray(correct_RN)
    if correct_RN.ndim != 2 or 0 in correct_RN.shape or not np.isin(correct_RN, (0, 1)).all():
        raise AbsorbError("correct_RN: must be 0 or 1, of shape (runs, examples)")
    correct_RN = correct_RN.astype(bool)
    accuracy_R = correct_RN.mean(axis=1)

    def pair(i: int, j: int) -> float:
        a, b = accuracy_R[i], accuracy_R[j]
        chance = a * b + (1 - a) * (1 - b)
        same = (correct_RN[i] == correct_RN[j]).mean()
        return float((same - chance) / (1 - chance)) if chance < 1 else float("nan")

    return pair_table(pair, len(correct_RN))

"""How alike two representations of the same examples are, however their units are turned.

All take activations x (N examples, F units) and y (N, G), centre every unit first, and are blind
to rotation, isotropic scale and shift of either. Work is in float64 whatever comes in, because in
float32 a large mean swallows the variation. A representation without variation has no similarity
to anything: NaN. A measure prepares each representation once and compares what it prepared, so
that permuting the rows of one recomputes nothing (see `calibrated`).
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from absorb.errors import AbsorbError

FLAT = 1e-12  # relative size below which what is left after centring is only rounding


class Measure(NamedTuple):
    """A similarity that is at most 1: `compare(prepare(x), prepare(y))`.

    `permute(prepare(y), order_N)` is `prepare(y[order_N])`, at the price of indexing. `fewest` is
    the least number of examples.
    """

    prepare: Callable[[np.ndarray], np.ndarray]
    compare: Callable[[np.ndarray, np.ndarray], float]
    permute: Callable[[np.ndarray, np.ndarray], np.ndarray]
    fewest: int = 2


def activations(x_NF: np.ndarray, fewest: int = 2) -> np.ndarray:
    """Activations of shape (examples, units) in float64; AbsorbError if not finite or too few."""
    x_NF = np.asarray(x_NF, float)
    if x_NF.ndim != 2 or len(x_NF) < fewest:
        raise AbsorbError(f"activations: shape {x_NF.shape}; need (N >= {fewest} examples, units)")
    if not np.isfinite(x_NF).all():
        bad = np.count_nonzero(~np.isfinite(x_NF))
        raise AbsorbError(f"activations: {bad} of {x_NF.size} are not finite; leave such runs out")
    return x_NF


def centred(x_NF: np.ndarray) -> np.ndarray:
    """x with every unit's mean taken off, of Frobenius norm 1, or 0 where nothing varies.

    The first row goes off before the mean does: a constant unit is then exactly 0.
    """
    x_NF = x_NF - x_NF[:1]
    x_NF = x_NF - x_NF.mean(axis=0)
    norm = np.linalg.norm(x_NF)
    return x_NF / norm if norm > 0 else x_NF


def unit(a_NN: np.ndarray, scale: float) -> np.ndarray:
    """a divided by its Frobenius norm; NaN where that is rounding beside `scale`."""
    norm = np.linalg.norm(a_NN)
    return a_NN / norm if norm > FLAT * scale else np.full_like(a_NN, np.nan)


def gram(x_NF: np.ndarray) -> np.ndarray:
    """The centred Gram matrix x xᵀ of norm 1, shape (N, N)."""
    x_NF = centred(x_NF)
    return unit(x_NF @ x_NF.T, 1.0)


def gram_debiased(x_NF: np.ndarray) -> np.ndarray:
    """The U-centred Gram matrix of norm 1, shape (N, N): without diagonal, all rows sum to 0.

    Ã_ij = A_ij − (r_i + r_j)/(N−2) + Σr/((N−1)(N−2)) with r the row sums (Székely and Rizzo, 2014).
    """
    x_NF = centred(x_NF)
    n, a_NN = len(x_NF), x_NF @ x_NF.T
    scale = float(np.linalg.norm(a_NN))
    np.fill_diagonal(a_NN, 0.0)
    row_N = a_NN.sum(axis=1)
    a_NN += row_N.sum() / ((n - 1) * (n - 2)) - (row_N[:, None] + row_N) / (n - 2)
    np.fill_diagonal(a_NN, 0.0)
    return unit(a_NN, scale)


def factor(x_NF: np.ndarray) -> np.ndarray:
    """The centred x of norm 1, rotated into at most N dimensions; NaN where nothing varies."""
    x_NF = centred(x_NF)
    if x_NF.shape[1] > len(x_NF):
        u_NN, s_N, _ = np.linalg.svd(x_NF, full_matrices=False)
        x_NF = u_NN * s_N
    return unit(x_NF, 1.0)


def neighbours(x_NF: np.ndarray, k: int) -> np.ndarray:
    """The chance that j is among the k nearest of i by Euclidean distance, over √(N k); (N, N).

    1 or 0, and in between where several are equally far: they share the places that are left. (Ties
    broken by index would make unrelated representations agree on low indices.)
    """
    from scipy.spatial.distance import pdist, squareform

    if not 1 <= k < len(x_NF):
        raise AbsorbError(f"k={k}: must lie in [1, {len(x_NF) - 1}] with {len(x_NF)} examples")
    far_NN = squareform(pdist(centred(x_NF)))
    np.fill_diagonal(far_NN, np.inf)
    edge_N1 = np.partition(far_NN, k - 1, axis=1)[:, k - 1 : k]
    inside_NN, tied_NN = far_NN < edge_N1, far_NN == edge_N1
    left_N1 = k - inside_NN.sum(axis=1, keepdims=True)
    share_NN = inside_NN + tied_NN * (left_N1 / tied_NN.sum(axis=1, keepdims=True))
    return share_NN / np.sqrt(len(x_NF) * k)


def inner(a_NN: np.ndarray, b_NN: np.ndarray) -> float:
    """Σ a b over all entries."""
    return float(np.vdot(a_NN, b_NN))


def nuclear(a_NF: np.ndarray, b_NG: np.ndarray) -> float:
    """The sum of the singular values of aᵀb: the best ⟨a Q, b⟩ over rotations Q."""
    if not (np.isfinite(a_NF).all() and np.isfinite(b_NG).all()):
        return float("nan")
    return float(np.linalg.svd(a_NF.T @ b_NG, compute_uv=False).sum())


def both_ways(a_NN: np.ndarray, order_N: np.ndarray) -> np.ndarray:
    """Rows and columns of a square matrix in another order."""
    return a_NN[order_N][:, order_N]


def by_row(a_NF: np.ndarray, order_N: np.ndarray) -> np.ndarray:
    """Rows in another order."""
    return a_NF[order_N]


CKA = Measure(gram, inner, both_ways)
CKA_DEBIASED = Measure(gram_debiased, inner, both_ways, fewest=4)
PROCRUSTES = Measure(factor, nuclear, by_row)


def nearest(k: int) -> Measure:
    """The overlap of k nearest neighbours as a measure."""
    return Measure(lambda x_NF: neighbours(x_NF, k), inner, both_ways)


def measures(ks: Sequence[int] = (5, 10, 20)) -> dict[str, Measure]:
    """Every similarity of this module by name, that of neighbours for each k."""
    table = {"cka": CKA, "cka_debiased": CKA_DEBIASED, "procrustes": PROCRUSTES}
    return table | {f"knn{k}": nearest(k) for k in ks}


def prepared(measure: Measure, *many_NF: np.ndarray) -> list[np.ndarray]:
    """What a measure makes of each representation; AbsorbError unless the examples agree."""
    found = [activations(x_NF, measure.fewest) for x_NF in many_NF]
    if len({len(x_NF) for x_NF in found}) > 1:
        raise AbsorbError(f"activations: {[len(x) for x in found]} examples; must be the same ones")
    return [measure.prepare(x_NF) for x_NF in found]


def similarity(measure: Measure, x_NF: np.ndarray, y_NG: np.ndarray) -> float:
    """One measure of two representations of the same N examples, at most 1."""
    return measure.compare(*prepared(measure, x_NF, y_NG))


def cka(x_NF: np.ndarray, y_NG: np.ndarray) -> float:
    """Linear CKA in [0, 1], biased: ‖xᵀy‖²/(‖xᵀx‖ ‖yᵀy‖) (Kornblith et al., 2019).

    With more units than examples even noise scores near 1; see `cka_debiased` and `calibrated`.
    """
    return similarity(CKA, x_NF, y_NG)


def cka_debiased(x_NF: np.ndarray, y_NG: np.ndarray) -> float:
    """Linear CKA in [−1, 1] from the unbiased HSIC (Song et al., 2012): about 0 for noise."""
    return similarity(CKA_DEBIASED, x_NF, y_NG)


def procrustes_similarity(x_NF: np.ndarray, y_NG: np.ndarray) -> float:
    """max over rotations Q of ⟨x Q, y⟩ in [0, 1], x and y centred and of Frobenius norm 1."""
    return similarity(PROCRUSTES, x_NF, y_NG)


def procrustes_distance(x_NF: np.ndarray, y_NG: np.ndarray) -> float:
    """min over rotations Q of ‖x Q − y‖ in [0, √2], x and y centred and of Frobenius norm 1.

    √(2 − 2 ‖xᵀy‖_*) (Schönemann, 1966), a metric on shapes (Williams et al., 2021); its square is
    the distance of Ding et al. (2021). Where F ≠ G the narrower one is filled up with zeros.
    """
    return float(np.sqrt(np.maximum(0.0, 2 - 2 * procrustes_similarity(x_NF, y_NG))))


def knn_overlap(x_NF: np.ndarray, y_NG: np.ndarray, ks: Sequence[int]) -> np.ndarray:
    """Mean share of the k nearest neighbours that an example keeps, for each k; shape (len(ks),).

    Mutual k-nearest neighbours (Huh et al., 2024) with Euclidean distances; k/(N−1) by chance.
    """
    return np.array([similarity(nearest(k), x_NF, y_NG) for k in ks])

"""The geometry of superposition: how the features of a toy model share its hidden dimensions.

A toy model reads ReLU(Wᵀ W x + b); column W_i of `w_MF`, shape (hidden M, features F), is the
direction of feature i. Nothing here depends on the orientation or the overall scale of `w_MF`.
"""

from typing import NamedTuple

import numpy as np

from absorb.errors import AbsorbError
from absorb.stats.shapes import pair_cosines, shape_name

DROPPED = 0.1  # of the longest feature's length: such a feature's own gain |W_i|² is 1 % of its
ANTIPODAL = -0.9  # the cosine below which two features count as opposite
PACKED = 0.25  # the |cosine| above which two features share a frame; a tetrahedron has 1/3
RANK = (1 + ANTIPODAL) / (1 - ANTIPODAL)  # least share of the greatest eigenvalue: a dimension
TIGHT = 0.15  # greatest relative spread of a tight frame's eigenvalues; random 200 in 20 has .32


class Frame(NamedTuple):
    """Features that overlap each other and, up to `PACKED`, no feature outside.

    `tight`: every direction of the frame's space carries the same squared length, so that the
    dimensionalities of its features sum to `dimension`; in one dimension this is always so.
    `name` is "k in d" for a shape without a name.
    """

    features: tuple[int, ...]
    dimension: int
    tight: bool
    name: str


def weights(w_MF: np.ndarray) -> np.ndarray:
    """The weights as a finite float matrix of shape (hidden, features); AbsorbError otherwise."""
    w_MF = np.asarray(w_MF, float)
    if w_MF.ndim != 2:
        raise AbsorbError(f"weights have shape {w_MF.shape}; need (hidden, features)")
    if not np.isfinite(w_MF).all():
        bad = np.count_nonzero(~np.isfinite(w_MF))
        raise AbsorbError(f"{bad} of {w_MF.size} weights are not finite; leave diverged runs out")
    return w_MF


def lengths(w_MF: np.ndarray) -> np.ndarray:
    """The length |W_i| of every feature's direction, shape (features,)."""
    return np.linalg.norm(weights(w_MF), axis=0)


def dropped(w_MF: np.ndarray) -> np.ndarray:
    """Which features the model does not represent: shorter than `DROPPED` times the longest."""
    length_F = lengths(w_MF)
    return (length_F < DROPPED * length_F.max(initial=0.0)) | (length_F == 0)


def overlap(w_MF: np.ndarray) -> np.ndarray:
    """WᵀW, shape (features, features): how much of feature j comes out at output i."""
    w_MF = weights(w_MF)
    return w_MF.T @ w_MF


def cosines(w_MF: np.ndarray) -> np.ndarray:
    """Cosines between features, shape (features, features); 0 where one is dropped."""
    kept_F = ~dropped(w_MF)
    unit_MF = np.divide(weights(w_MF), lengths(w_MF), out=np.zeros(np.shape(w_MF)), where=kept_F)
    return np.clip(unit_MF.T @ unit_MF, -1.0, 1.0)


def dimensionality(w_MF: np.ndarray) -> np.ndarray:
    """Dᵢ = |W_i|² / Σⱼ(Ŵ_i·W_j)² (Elhage et al., 2022), in [0, 1]; 0 where dropped.

    The sum runs over all features, dropped ones too. Σ Dᵢ ≤ rank W, and they are equal exactly
    where every W_i is an eigenvector of WWᵀ: in tight frames that are orthogonal to each other.
    """
    squared_F = lengths(w_MF) ** 2
    shared_F = (overlap(w_MF) ** 2).sum(axis=1)
    none_F = np.zeros_like(squared_F)
    return np.divide(squared_F**2, shared_F, out=none_F, where=~dropped(w_MF))


def capacity(w_MF: np.ndarray) -> float:
    """Σ Dᵢ: how many hidden dimensions the features make use of, at most M."""
    return float(dimensionality(w_MF).sum())


def dims_per_feature(w_MF: np.ndarray) -> float:
    """D* = M/‖W‖²_F (Elhage et al., 2022), hidden dimensions per represented feature.

    ‖W‖²_F counts these as long as each has length 1. ∞ for W = 0.
    """
    total = float((lengths(w_MF) ** 2).sum())
    return len(w_MF) / total if total > 0 else float("inf")


def alignment(w_MF: np.ndarray) -> np.ndarray:
    """W_mi²/|W_i|², shape (hidden, features): the share of a feature in each hidden dimension.

    Columns sum to 1, or are 0 where the feature is dropped. Depends on the hidden basis, unlike
    everything else here: routing picks that basis out.
    """
    squared_MF = weights(w_MF) ** 2
    none_MF = np.zeros_like(squared_MF)
    return np.divide(squared_MF, squared_MF.sum(axis=0), out=none_MF, where=~dropped(w_MF))


def partners(w_MF: np.ndarray) -> np.ndarray:
    """Each feature's antipodal partner, or −1; shape (features,).

    Two features are partners if their cosine is below `ANTIPODAL` and the least of both.
    """
    cosine_FF = cosines(w_MF)
    if not cosine_FF.size:
        return np.zeros(0, int)
    nearest_F = cosine_FF.argmin(axis=1)
    feature_F = np.arange(len(nearest_F))
    mutual_F = nearest_F[nearest_F] == feature_F
    return np.where(mutual_F & (cosine_FF[feature_F, nearest_F] < ANTIPODAL), nearest_F, -1)


def frames(w_MF: np.ndarray) -> list[Frame]:
    """The packed frames: connected components of kept features under |cosine| > `PACKED`.

    Ordered by their first feature. Orthogonal features never share a frame, so a square is two
    digons, an octahedron three, and a triangular bipyramid a digon and a triangle.
    """
    from scipy.sparse.csgraph import connected_components

    cosine_FF = cosines(w_MF)
    _, label_F = connected_components(np.abs(cosine_FF) > PACKED, directed=False)
    label_F = np.where(dropped(w_MF), -1, label_F)
    groups = (np.flatnonzero(label_F == label) for label in dict.fromkeys(label_F[label_F >= 0]))
    return [frame(weights(w_MF), cosine_FF, group_K) for group_K in groups]


def frame(w_MF: np.ndarray, cosine_FF: np.ndarray, group_K: np.ndarray) -> Frame:
    """The frame that these features form: its dimension, tightness and shape."""
    eigenvalue_D = np.linalg.svd(w_MF[:, group_K], compute_uv=False) ** 2
    eigenvalue_D = eigenvalue_D[eigenvalue_D > RANK * eigenvalue_D[0]]
    tight = bool(eigenvalue_D.std() <= TIGHT * eigenvalue_D.mean())
    dimension = len(eigenvalue_D)
    name = shape_name(pair_cosines(cosine_FF[np.ix_(group_K, group_K)]), len(group_K), dimension)
    return Frame(tuple(int(i) for i in group_K), dimension, tight, name)

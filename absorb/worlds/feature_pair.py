"""Two tasks among sparse features whose relation is known: shared features, or a shared subspace.

A task is to reconstruct examples in which only its own features are active. Identical: the same
features in the same view, drawn apart. Separable: no feature in both; where each feature has an
input of its own (`directions=axes`) they share no input either.
"""

import numpy as np

from absorb.config import FeaturePair
from absorb.worlds.data import Data, Split
from absorb.worlds.tokens import standardised

DIRECTIONS = 3  # the part of the split seed that draws directions, after those of three splits


def load_feature_pair_world(world: FeaturePair) -> Data:
    """As many examples of A (class 0) as of B (class 1) in every split, in any order.

    Covariate `active`: how many features an example superposes.
    """
    counts = (world.train_count, world.validation_count, world.test_count)
    return Data(*standardised([superposed(world, n, i) for i, n in enumerate(counts)]))


def superposed(world: FeaturePair, count: int, part: int) -> Split:
    """`count` examples of split `part`, half for each task; no example is drawn for both."""
    rng = np.random.default_rng([world.split_seed, part])
    value_NKs = [values(rng, count // 2, len(task), world.active) for task in (world.a, world.b)]
    x_NF = np.concatenate([v_NK @ d_KF for v_NK, d_KF in zip(value_NKs, shown(world), strict=True)])
    active_N = np.concatenate([(v_NK > 0).sum(axis=1) for v_NK in value_NKs])
    class_N = np.repeat(np.arange(2, dtype=np.int32), count // 2)
    order_N = rng.permutation(count)
    covariates = {"active": active_N[order_N].astype(np.float32)}
    return Split(x_NF[order_N].astype(np.float32), class_N[order_N], covariates)


def values(rng: np.random.Generator, count: int, features: int, active: float) -> np.ndarray:
    """Feature values of shape (count, features): 0, or uniform in (0, 1] with probability `active`.

    Where none is active, one is, so that every example says which task it is for.
    """
    is_active_NK = rng.random((count, features)) < active
    (none_M,) = np.nonzero(~is_active_NK.any(axis=1))
    is_active_NK[none_M, rng.integers(0, features, len(none_M))] = True
    return np.where(is_active_NK, 1 - rng.random((count, features)), 0.0)


def shown(world: FeaturePair) -> list[np.ndarray]:
    """The unit vectors (features, inputs) of task A and of task B, in the order of the features.

    Rotated, a task spans what its features span by other directions, each of which has a cosine of
    at most sqrt(2/K) with any of its K orthogonal features: those of the discrete cosine transform
    (Ahmed, Natarajan and Rao 1974).
    """
    d_JF = directions(world)
    each = []
    for task, view in ((world.a, world.a_view), (world.b, world.b_view)):
        d_KF = d_JF[sorted(task)]
        each.append(unit(cosines(len(task)) @ d_KF) if view == "rotated" else d_KF)
    return each


def directions(world: FeaturePair) -> np.ndarray:
    """The unit vectors of all features, shape (features, inputs), drawn from `split_seed`.

    axes: feature k is input k. orthogonal: these, turned by a uniform rotation. random: uniform and
    independent, so more than inputs may be there.
    """
    if world.directions == "axes":
        return np.eye(world.features, world.inputs)
    rng = np.random.default_rng([world.split_seed, DIRECTIONS])
    if world.directions == "random":
        return unit(rng.standard_normal((world.features, world.inputs)))
    q_FF, r_FF = np.linalg.qr(rng.standard_normal((world.inputs, world.inputs)))
    return (q_FF * np.sign(np.diag(r_FF))).T[: world.features]


def cosines(count: int) -> np.ndarray:
    """The orthogonal matrix of the discrete cosine transform (type II), shape (count, count)."""
    place_K = np.arange(count)
    c_KK = np.cos(np.pi / count * place_K[:, None] * (place_K + 0.5)) * np.sqrt(2 / count)
    c_KK[0] /= np.sqrt(2)
    return c_KK


def unit(d_KF: np.ndarray) -> np.ndarray:
    """Rows scaled to length 1."""
    return d_KF / np.linalg.norm(d_KF, axis=1, keepdims=True)

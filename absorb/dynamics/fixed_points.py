"""Where the masked update rests: the roots of F, found from many starts, and their stability."""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from absorb.dynamics.field import MOST_DENSE, Flat, Term, Tree, field, in_float64, linearised
from absorb.dynamics.roots import Field, distinct, solved
from absorb.dynamics.stability import Stability, check_rate, of_matrix
from absorb.errors import AbsorbError


class FixedPoint(NamedTuple):
    """A root of F, shaped like a start: its largest |F|, how many starts led to it, its stability.

    A stable one draws training in; others are rests as well, from which any deviation leads away.
    """

    theta: Tree
    residual: float
    starts: int
    stability: Stability


class Search(NamedTuple):
    """Fixed points, the least residual first; `failed` starts led to none."""

    points: tuple[FixedPoint, ...]
    starts: int
    failed: int


def fixed_points(terms: Sequence[Term], starts: Sequence[Tree], rate: float, *,
                 residual: float = 1e-9, apart: float = 1e-5,
                 evaluations: int = 200) -> Search:  # fmt: skip
    """The distinct roots of F that least squares on F reach from the starts, in float64.

    A root has |F| of at most `residual` in every parameter. Two are one if their distance is at
    most `apart` times the larger of 1 and their length, so that a line of fixed points gives as
    many as there are starts; each has a neutral eigenvalue. Work is at most `evaluations` of F per
    start. There may be roots that no start leads to.
    Errors: AbsorbError for no starts, a rate that is not positive, and as `linearised`.
    """
    check_rate(rate)
    if not len(starts):
        raise AbsorbError("starts=(): must hold at least one")
    with jax.enable_x64(True):
        flats = [in_float64(terms, start) for start in starts]
        if len(flats[0].theta_P) > MOST_DENSE:
            size = len(flats[0].theta_P)
            raise AbsorbError(f"starts have {size} parameters: must have at most {MOST_DENSE}")
        return _search(flats, rate, residual, apart, evaluations)


def _search(flats: list[Flat], rate: float, residual: float, apart: float,
            evaluations: int) -> Search:  # fmt: skip
    own, back = flats[0].terms, flats[0].back
    value = jax.jit(lambda theta_P: field(own, theta_P))
    parts = jax.jit(lambda theta_P: linearised(own, theta_P))

    on_host = Field(
        lambda theta_P: np.asarray(value(theta_P)),
        lambda theta_P: np.asarray(parts(theta_P).jacobian_PP),
    )
    tried = [solved(on_host, np.asarray(flat.theta_P), evaluations) for flat in flats]
    roots = [r for r in tried if r.residual <= residual]  # NaN is no root
    groups = distinct(roots, apart)
    points = []
    for group in groups:
        best = group[0]
        jacobian_PP, antisymmetric_PP = map(np.asarray, parts(best.theta_P))
        stable = of_matrix(jacobian_PP, antisymmetric_PP, rate)
        theta = jax.tree.map(np.asarray, back(jnp.asarray(best.theta_P)))
        points.append(FixedPoint(theta, best.residual, len(group), stable))
    return Search(tuple(points), len(tried), len(tried) - len(roots))

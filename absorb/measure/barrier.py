"""Is there a barrier between two networks on the straight line between their parameters?"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import numpy as np

from absorb.config import Spec
from absorb.errors import AbsorbError
from absorb.measure.matching import Masks, Matching, match
from absorb.models import Params

Loss = Callable[[Params], float]


class Barrier(NamedTuple):
    """`height` in the loss's units, reached at `at` of the way; `loss_P` at P equal steps."""

    height: float
    at: float
    loss_P: np.ndarray


class MatchedBarrier(NamedTuple):
    """The barrier between two networks as they are, and after matching the second to the first."""

    before: Barrier
    after: Barrier
    matching: Matching


def between(a: Params, b: Params, share: float) -> Params:
    """a + share·(b − a), which is exactly a where both are equal."""
    return jax.tree.map(lambda x, y: x + share * (y - x), a, b)


def barrier(loss: Loss, a: Params, b: Params, points: int = 25) -> Barrier:
    """The greatest rise of the loss above the chord of its ends, along the line from a to b.

    max over s of L(a + s(b−a)) − (L(a) + s(L(b) − L(a))) (Entezari et al., 2022), never below 0.
    A loss that is not finite makes the height NaN.
    """
    if points < 3:
        raise AbsorbError(f"points={points}: must be at least 3")
    inner = [float(loss(between(a, b, float(s)))) for s in np.linspace(0, 1, points)[1:-1]]
    return rise(np.array([float(loss(a)), *inner, float(loss(b))]))


def rise(loss_P: np.ndarray) -> Barrier:
    """The barrier of losses at P equal steps of the way."""
    share_P = np.linspace(0, 1, len(loss_P))
    rise_P = loss_P - (loss_P[0] + share_P * (loss_P[-1] - loss_P[0]))
    rise_P[[0, -1]] = 0.0
    if not np.isfinite(loss_P).all():
        return Barrier(float("nan"), float("nan"), loss_P)
    top = int(rise_P.argmax())
    return Barrier(float(rise_P[top]), float(share_P[top]), loss_P)


def matched_barrier(spec: Spec, loss: Loss, a: Params, b: Params, regions: Masks | None = None,
                    points: int = 25) -> MatchedBarrier:  # fmt: skip
    """The barrier before and after permutation matching; `regions` as in `match`."""
    found = match(spec, a, b, regions)
    before, after = (barrier(loss, a, other, points) for other in (b, found.params))
    return MatchedBarrier(before, after, found)

"""Capability: where an elicited loss lies between a network that cannot and one that can.

One scale for every task: 0 is the loss of a network that cannot do it after the same treatment, 1
that of one that can. Elicited A: a = (ceil_A − E_A)/(ceil_A − floor_A), with the same attacks on
random initialisations as ceiling. B: b = (L_B^trivial − L_B)/(L_B^trivial − L_B*). Never clipped:
below 0 the treatment hurts, above 1 it does better than the reference.
"""

from typing import NamedTuple

import numpy as np

from absorb.errors import AbsorbError
from absorb.stats.absorption import kept_share
from absorb.stats.intervals import Interval


class Capability(NamedTuple):
    """One config's capability, with the span it is measured in, in the loss's own unit.

    `value_S` are the seeds' capabilities linearised about the mean: their mean is the ratio of the
    means, and no seed's own span has to be positive.
    """

    value: Interval
    span: Interval
    value_S: np.ndarray


def capability(
    loss_S: np.ndarray, cannot_S: np.ndarray, can_S: np.ndarray, level: float = 0.95
) -> Capability:
    """(cannot − loss)/(cannot − can), paired by seed, with Fieller's interval; not clipped.

    `loss_S` is the network's loss (elicited, for A), `cannot_S` the loss of one that cannot do the
    task (ceiling, or trivial predictor), `can_S` that of the best reference; one unit, one number
    per seed. Undefined, with the reason, where the span is not told from 0. Raises AbsorbError
    where the seeds do not pair.
    """
    shapes = [np.shape(x) for x in (loss_S, cannot_S, can_S)]
    if len(set(shapes)) > 1 or len(shapes[0]) != 1:
        raise AbsorbError(f"loss_S, cannot_S, can_S: shapes {shapes}; must be one number per seed")
    share = kept_share(loss_S, cannot_S, can_S, level)
    value, span = share.share, share.worth
    if np.isnan(value.value) and not span.low > 0:
        value = value._replace(why=span.why or f"span {span.value:.3g} is not told from 0")
    return Capability(value, span, share.share_S)


def capabilities(
    loss_CS: np.ndarray, cannot_S: np.ndarray, can_S: np.ndarray, level: float = 0.95
) -> np.ndarray:
    """The linearised capabilities of many configs, shape (configs, seeds); see `capability`.

    NaN throughout where the span is not told from 0, and for a config whose losses are not finite.
    """
    return np.stack([capability(loss_S, cannot_S, can_S, level).value_S for loss_S in loss_CS])

"""Where a concept came to lie: what ablation costs a routed network that an unrouted one keeps.

All losses are held-out, after the same treatment, in nats or in the loss's own unit, paired by
seed. `none` is a network that was never routed, with the same region ablated.
"""

from typing import NamedTuple

import numpy as np

from absorb.stats.intervals import Interval, difference_t, fieller_ratio, undefined

NO_RISE = "the rise with all labels is not told from 0"
FALL = "all labels lower the loss, so nothing was localised"


class Localised(NamedTuple):
    """What routing with some labels did to a loss: as a rise, and as a share of what all do."""

    rise: Interval
    share: Interval


def localised(
    part_S: np.ndarray,
    none_S: np.ndarray,
    full_S: np.ndarray,
    none_full_S: np.ndarray | None = None,
    level: float = 0.95,
) -> Localised:
    """rise = part − none (paired t) and A = (part − none)/(full − none) (Fieller).

    Where labels order the data the unrouted network depends on them too: `none_full_S` is then the
    one for `full_S`. A is 0 as without routing and 1 as if all was labelled. It is undefined where
    the interval of full − none is not above 0, since nothing was localised that could be shared.
    Credit sharing alone puts A above 0 (see `nulls`): not 0 but `hard`, the placebo and the dose
    response test absorption.
    """
    rise = difference_t(part_S, none_S, level)
    none_full_S = none_S if none_full_S is None else none_full_S
    whole = difference_t(full_S, none_full_S, level)
    if not whole.low > 0:
        why = FALL if whole.high < 0 else whole.why or NO_RISE
        return Localised(rise, undefined(rise.n, why))
    pairs = ((part_S, none_S), (full_S, none_full_S))
    a_S, b_S = (np.asarray(x, float) - np.asarray(none, float) for x, none in pairs)
    return Localised(rise, fieller_ratio(a_S, b_S, level))

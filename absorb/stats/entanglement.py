"""Entanglement of A and B: how good a network can be at B while it stays unable to do A.

A frontier is a search result: a better search can only raise the hypervolume, so `ent_raw` bounds
entanglement from above. `ent` is relative to two measured controls that were searched with as many
configs; it is a bound only as far as those two are searched out.
"""

from typing import NamedTuple

import numpy as np

from absorb.errors import AbsorbError
from absorb.stats.frontier import best_within, halves
from absorb.stats.hypervolume import Seeds, Volume, volume, widened
from absorb.stats.intervals import Interval, fieller_ratio, mean_t, trouble, undefined


class Entanglement(NamedTuple):
    """`raw`: 2(1 − HV); `span`: what the controls differ by, HV_sep − HV_id; `ent`: the ratio."""

    ent: Interval
    raw: Interval
    span: Interval


class Tradeoff(NamedTuple):
    """T(τ) in raw units: the config that selection chose, or None, with the reporting seeds."""

    tau: float
    config: int | None
    elicited: Interval
    loss: Interval


def ent_raw(hv: Volume) -> Interval:
    """2(1 − HV): 0 separable, 1 on the diagonal, above 1 antagonistic; an upper bound.

    m evenly spaced configs on the diagonal read 1 + 1/m, as steps lie below it.
    """
    value, low, high = (2.0 * (1.0 - end) for end in (hv.value.value, hv.value.high, hv.value.low))
    return hv.value._replace(value=value, low=low, high=high)


def entanglement(
    points: tuple[np.ndarray, np.ndarray],
    separable: tuple[np.ndarray, np.ndarray],
    identical: tuple[np.ndarray, np.ndarray],
    level: float = 0.95,
) -> Entanglement:
    """ent = (HV_sep − HV)/(HV_sep − HV_id), paired by seed, Fieller's interval; not clipped.

    Each arm is (a_CS, b_CS) of its own search. `separable` is a measured pair that shares nothing,
    `identical` a task and its own resample. Undefined where HV_sep does not lie above HV_id. Raises
    AbsorbError unless every arm tried as many configs on as many seeds.
    """
    tried = [np.shape(arm[0]) for arm in (points, separable, identical)]
    if len(set(tried)) > 1:
        raise AbsorbError(f"configs and seeds of points, separable, identical: {tried}; must agree")
    hv, sep, same = (volume(*arm, level) for arm in (points, separable, identical))
    spans = Seeds(*(s_S - i_S for s_S, i_S in zip(sep.seeds, same.seeds, strict=True)))
    costs = Seeds(
        sep.seeds.value_S - hv.seeds.value_S,
        sep.seeds.low_S - hv.seeds.high_S,
        sep.seeds.high_S - hv.seeds.low_S,
    )
    span, n = mean_t(spans.value_S, level), len(spans.value_S)
    why = trouble(costs.value_S, spans.value_S)
    why = why or ("" if span.low > 0 else "the controls cannot be told apart")
    if why:
        return Entanglement(undefined(n, why), ent_raw(hv), span)
    ends = (fieller_ratio(*both, level) for both in zip(costs, spans, strict=True))
    return Entanglement(widened(*ends), ent_raw(hv), span)


def least_loss(
    elicited_CS: np.ndarray, loss_CS: np.ndarray, tau_G: np.ndarray, level: float = 0.95
) -> list[Tradeoff]:
    """T(τ) = lowest L_B subject to E_A ≥ τ, in raw units, chosen on one half of the seeds.

    Shapes (configs, seeds), (grid,). Reported on the other half, where E_A may fall short of τ: its
    interval says by how much. Where no config reaches τ, both are undefined.
    """
    elicited_CS, loss_CS = np.asarray(elicited_CS, float), np.asarray(loss_CS, float)
    parts, found = halves(range(elicited_CS.shape[1])), []
    e_C, l_C = (x[:, parts.select].mean(axis=1) for x in (elicited_CS, loss_CS))
    nothing = undefined(len(parts.report), "no config that was tried reaches τ")
    for tau in tau_G:
        c = best_within(-e_C, -l_C, -tau)
        said = [nothing if c is None else mean_t(x[c, parts.report], level)
                for x in (elicited_CS, loss_CS)]  # fmt: skip
        found.append(Tradeoff(float(tau), c, *said))
    return found

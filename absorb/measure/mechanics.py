"""The diary of a run: how its region came by a concept, written while it trains."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from absorb.config import Spec
from absorb.knobs import Knobs
from absorb.measure.ablate import WHOLE
from absorb.measure.credit import (
    GROUPS,
    KINDS,
    credit,
    kind_gradients,
    mean_gradient,
    moves,
    next_moments,
    parameter_groups,
)
from absorb.measure.mechanism import Sight, concept_loss, sight
from absorb.measure.scores import Scores, forget_mask
from absorb.models import Params, regions
from absorb.train.one import Watch
from absorb.train.step import Batch, State
from absorb.worlds.data import Data, Split

TREATMENT = "mechanics"
HELD_OUT = 64  # validation examples of the concept, at most, that a diary looks at after each step


class Diary(NamedTuple):
    """Credit so far (kinds, groups), first moments by kind, and a sight before each epoch (E,)."""

    credit_KG: Array
    moments: tuple[Params, ...]
    sights: Sight


def held_out(spec: Spec, knobs: Knobs, data: Data) -> Data:
    """The data with the first validation examples of the concept, then of others, up to HELD_OUT.

    What does not carry the concept counts for nothing in a diary.
    """
    split = data.validation
    first_M = jnp.argsort(1 - forget_mask(spec, knobs, split), stable=True)[:HELD_OUT]
    some = Split(jnp.asarray(split.x_NF)[first_M], jnp.asarray(split.class_N)[first_M], {})  # type: ignore[arg-type]
    return data._replace(validation=some)


def blank_diary(spec: Spec, params: Params) -> Diary:
    """The diary before the first step."""
    nothing_E = jnp.full(spec.train.epochs, jnp.nan)
    moments = tuple(jax.tree.map(jnp.zeros_like, params) for _ in KINDS)
    sights = Sight(*(nothing_E for _ in Sight._fields))
    return Diary(jnp.zeros((len(KINDS), len(GROUPS))), moments, sights)


def watch(spec: Spec, knobs: Knobs, data: Data) -> Watch:
    """What is written before each epoch and after each step."""
    masks, data = regions(spec, knobs), held_out(spec, knobs, data)

    def epoch(state: State, number: Array) -> State:
        now = sight(spec, knobs, data, state.params)
        sights = Sight(*(
            old_E.at[number].set(new) for old_E, new in zip(state.diary.sights, now, strict=True)
        ))  # fmt: skip
        return state._replace(diary=state.diary._replace(sights=sights))

    def step(now: Knobs, before: State, after: State, batch: Batch) -> State:
        gradients = kind_gradients(spec, now, masks, before, batch)
        moments = next_moments(spec, before.diary.moments, gradients)
        moved = moves(before.params, after.params, moments)
        loss = lambda p: concept_loss(spec, knobs, p, WHOLE, data.validation)  # noqa: E731
        gradient = mean_gradient(loss, before.params, after.params)
        earned_KG = credit(gradient, moved, parameter_groups(spec, before.params, masks))
        total_KG = before.diary.credit_KG + earned_KG
        return after._replace(diary=before.diary._replace(credit_KG=total_KG, moments=moments))

    return Watch(epoch, step)


def mechanics(spec: Spec, knobs: Knobs, data: Data, state: State) -> Scores:
    """The diary as scores: `credit` (kinds, groups), and each sight (E + 1,), the trained one last.

    With `train.nudge` credit leaves out what the nudge itself changed.
    """
    last = sight(spec, knobs, held_out(spec, knobs, data), state.params)
    pairs = zip(Sight._fields, state.diary.sights, last, strict=True)
    courses = {name: jnp.append(seen_E, end) for name, seen_E, end in pairs}
    return {"credit": state.diary.credit_KG} | courses

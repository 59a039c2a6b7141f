"""Who is labelled: what the trainer may know of each example."""

from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
import numpy as np

from absorb.config import Config, Linear, Sparse, Spec
from absorb.errors import AbsorbError
from absorb.keys import key_for, uniforms
from absorb.knobs import LABEL_DRAWS, Knob, Knobs
from absorb.sites import of_tokens
from absorb.worlds.data import Data, Split

if TYPE_CHECKING:
    from jax import Array

FORGET, UNLABELLED, RETAIN = 0, 1, 2


def by_observation(table_O: Knob, observed_B: "Array",
                   degree_B: "Array | None" = None) -> "Array":  # fmt: skip
    """The table's entry for what is observed of each datum; selects are faster than a gather.

    Where a datum has the concept to a `degree` in [0, 1] alone, the entries of forget and of
    unlabelled data are mixed in this proportion.
    """
    table_O = jnp.asarray(table_O)
    column = (-1, *[1] * (table_O.ndim - 1))
    observed_B, forget = observed_B.reshape(column), table_O[FORGET]
    if degree_B is not None:
        share_B = degree_B.reshape(column)
        forget = share_B * forget + (1 - share_B) * table_O[UNLABELLED]
    known_B = jnp.where(observed_B == FORGET, forget, table_O[RETAIN])
    return jnp.where(observed_B == UNLABELLED, table_O[UNLABELLED], known_B)


def concept_bits(knobs: Knobs) -> "Array":
    """The concept as a whole number: bit c is set where concept c belongs to it."""
    chosen_C = (jnp.asarray(knobs.concept_C) > 0).astype(jnp.int32)
    return (chosen_C << jnp.arange(len(chosen_C))).sum()


def nested_lowest(score: "Array", eligible: "Array", count: "Array") -> "Array":
    """True for the `count` eligible entries of lowest score: sets nest as the count grows."""
    rank = jnp.argsort(jnp.argsort(jnp.where(eligible, score, jnp.inf)))
    return (rank < count) & eligible


def share_of(fraction: Knob, total: "Array") -> "Array":
    """round(fraction * total), halves upward."""
    return jnp.floor(fraction * total + 0.5).astype(jnp.int32)


def observe(spec: Spec, knobs: Knobs, split: Split) -> "Array":
    """What is observed of each training example: FORGET, UNLABELLED or RETAIN.

    Exactly round(p N) of the N forget examples (of the concept's classes that there are, where
    granularity is class) are labelled, the same ones first at every p. Missing not at random: the
    score is logit(u) - strength * covariate, so that the odds of a label grow by e^strength per
    standard deviation. Then a labelled example loses its label with probability `false_negative`,
    and one that does not carry the concept gains it with probability `false_positive`. The placebo
    arm draws round(p N) labels from all examples, whatever the noise.
    """
    key = jax.random.key(knobs.label_seed)
    forget_N = carries(spec, knobs, split)
    labelled_N = _labelled(spec, knobs, split, key, forget_N)
    u = {
        role: jax.random.uniform(key_for(key, role), forget_N.shape)
        for role in ("false_negative", "false_positive", "retain_labels")
    }
    labelled_N &= u["false_negative"] >= knobs.false_negative
    labelled_N |= ~forget_N & (u["false_positive"] < knobs.false_positive)
    retain_N = ~forget_N & (u["retain_labels"] < knobs.retain_fraction)
    return jnp.where(labelled_N, FORGET, jnp.where(retain_N, RETAIN, UNLABELLED))


def _labelled(spec: Spec, knobs: Knobs, split: Split, key: "Array", forget_N: "Array") -> "Array":
    placebo = knobs.label_draw == LABEL_DRAWS.index("placebo")
    key = jnp.stack([key_for(key, role) for role in LABEL_DRAWS])[knobs.label_draw]
    if spec.routing.granularity == "class":
        concept_C = jnp.asarray(knobs.concept_C) > 0
        there_C = jnp.zeros(concept_C.shape, bool).at[split.class_N].set(True)
        count = share_of(knobs.label_fraction, (concept_C & there_C).sum())
        u_C = jax.random.uniform(key, concept_C.shape)
        return nested_lowest(u_C, (concept_C | placebo) & there_C, count)[split.class_N]
    count = share_of(knobs.label_fraction, forget_N.sum())
    u_N = jax.random.uniform(key, forget_N.shape, minval=jnp.finfo(jnp.float32).tiny)
    score_N = jnp.log(u_N) - jnp.log1p(-u_N)
    if spec.routing.covariate != "none":
        score_N -= knobs.covariate_strength * split.covariates[spec.routing.covariate]
    return nested_lowest(score_N, forget_N | placebo, count)


def carries(spec: Spec, knobs: Knobs, split: Split) -> "Array":
    """Whether each example carries the concept, in truth: by class, active feature or token.

    Of the world sparse, a loss component of the concept is there in every example.
    """
    concept_C = jnp.asarray(knobs.concept_C)
    if of_tokens(spec.world):
        return (jnp.asarray(split.class_N) & concept_bits(knobs)) > 0
    if not isinstance(spec.world, Sparse):
        return concept_C[split.class_N] > 0
    if spec.routing.granularity == "component":
        return jnp.ones(len(split.x_NF), bool)
    active_CN = jnp.asarray(split.x_NF).T > 0  # features first, as they are drawn
    return (active_CN & (concept_C[:, None] > 0)).any(0)


def observe_drawn(spec: Spec, knobs: Knobs, carries_B: "Array", step: "Array") -> "Array":
    """What is observed of examples that are drawn anew at every step, from one uniform of each.

    An example that carries the concept is labelled with probability p, and then keeps the label;
    other examples gain it, or are known to be of the rest. The same draw is labelled at every p
    above its own. The placebo arm labels as many as there are without noise, whatever they carry;
    it and `std` have draws of their own, also of what is known to be of the rest.
    """
    key = jax.random.key(knobs.label_seed)
    of_arm = jnp.stack([key_for(key, role, step) for role in LABEL_DRAWS])[knobs.label_draw]
    u_B = uniforms(of_arm, carries_B.shape)
    p = knobs.label_fraction
    true_B = u_B < p * (1 - knobs.false_negative)
    false_B = u_B < knobs.false_positive
    labelled_B = jnp.where(carries_B, true_B, false_B)
    placebo = knobs.label_draw == LABEL_DRAWS.index("placebo")
    labelled_B = jnp.where(placebo, u_B < p * carries_B.mean(), labelled_B)
    retain_B = ~carries_B & (1 - u_B <= knobs.retain_fraction) & ~labelled_B
    return jnp.where(labelled_B, FORGET, jnp.where(retain_B, RETAIN, UNLABELLED))


def check_labels(config: Config, data: Data) -> None:
    """Refuse what the world's data cannot serve.

    Errors: AbsorbError for a covariate that the world lacks, a concept that a split in use lacks
    or that each of its examples carries, a label fraction above 0 that labels nobody or below 1
    that labels everybody, a batch larger than the training split.
    """
    if isinstance(config.world, Sparse):
        return  # examples without end carry every feature
    routing, known = config.routing, ("none", *data.train.covariates)
    if routing.covariate not in known:
        raise AbsorbError(
            f"routing.covariate={routing.covariate!r}: must be one of {', '.join(known)}"
        )
    by_class = routing.granularity == "class"
    carried = _carried(config, data.train)
    total = len(set(data.train.class_N[carried])) if by_class else int(carried.sum())
    if not carried.any():
        raise AbsorbError(
            f"routing.concept={list(routing.concept)}: no training example carries it"
        )
    _check_some_are_free(config, "training", carried)
    _check_measured_splits(config, data)
    (_check_whole_classes if by_class else _check_some_are_labelled)(routing.label_fraction, total)
    if config.train.batch > len(carried):
        raise AbsorbError(
            f"train.batch={config.train.batch}: must be at most {len(carried)}, "
            "the training examples"
        )


def _check_some_are_labelled(p: float, total: int) -> None:
    count, half = np.floor(p * total + 0.5), 0.5 / total
    things = "training examples that carry the concept"
    if p > 0 and count < 1:
        raise AbsorbError(
            f"routing.label_fraction={p:g}: labels none of the {total} {things}; "
            f"must be 0 or at least {half:.3g}"
        )
    if p < 1 and count == total:
        below = f" or below {1 - half:.9g}" if total > 1 else ", or 0"
        raise AbsorbError(
            f"routing.label_fraction={p:.9g}: labels all of the {total} {things}, "
            f"so that it would be run as 1; must be 1{below}"
        )


def _check_whole_classes(p: float, total: int) -> None:
    # every measure takes p for the share that is labelled
    if abs(p * total - round(p * total)) > 1e-3:
        raise AbsorbError(
            f"routing.label_fraction={p:g}: routing.granularity=class labels whole classes, of "
            f"which the concept has {total}; must be one of "
            + ", ".join(f"{n / total:.4g}" for n in range(total + 1))
        )


def _carried(config: Config, split: Split) -> np.ndarray:
    if of_tokens(config.world):
        return (split.class_N & sum(1 << c for c in set(config.routing.concept))) > 0
    return np.isin(split.class_N, config.routing.concept)


def _check_measured_splits(config: Config, data: Data) -> None:
    # the attack, by validation loss; a diary, what each step does for data that none trains
    looks = {"elicited", "mechanics"} & set(config.measure.treatments)
    for name, split in {"validation": data.validation, "test": data.test}.items():
        used = looks or name == "test"
        if not used:
            continue
        carried = _carried(config, split)
        if not carried.any():
            raise AbsorbError(
                f"routing.concept={list(config.routing.concept)}: no {name} example carries it, "
                f"but measure.treatments={list(config.measure.treatments)} needs some"
            )
        _check_some_are_free(config, name, carried)


def _check_some_are_free(config: Config, name: str, carried: np.ndarray) -> None:
    if not isinstance(config.world, Linear) and carried.all():
        things = "stories" if of_tokens(config.world) else "examples"
        raise AbsorbError(
            f"routing.concept={list(config.routing.concept)}: each of the {len(carried)} {name} "
            f"{things} carries it, so that nothing is retained; must leave at least one without it"
        )

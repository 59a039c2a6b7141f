"""Everything that is asked of one trained network, inside the compiled program."""

from functools import partial

import jax
import jax.numpy as jnp

from absorb.config import Spec
from absorb.knobs import Knobs
from absorb.measure.ablate import WHOLE, View, ablated, look, mean_ablated
from absorb.measure.calibrate import apply_map, asked_outputs, calibrated_map, sampler
from absorb.measure.dynamics import dynamics
from absorb.measure.elicit import Attack, Trace, attack_set, chosen, curves, run_attack
from absorb.measure.homes import homes
from absorb.measure.kept import kept
from absorb.measure.scores import Scores, forget_mask, prefixed, scores, seen
from absorb.measure.trivial import trivial
from absorb.measure.usable import usable
from absorb.models import Params
from absorb.worlds import given
from absorb.worlds.data import Data
from absorb.worlds.labels import FORGET, observe


def measure_network(spec: Spec, knobs: Knobs, data: Data, params: Params) -> Scores:
    """Test scores of a network under every treatment of `spec.measure`, by column name."""
    data = given(spec, knobs, data)
    views = {
        "whole": lambda: WHOLE,
        "raw": lambda: ablated(knobs),
        "mean": lambda: mean_ablated(spec, knobs, params, data.train),
    }
    found: Scores = counts(spec, knobs, data) | weights(spec, params)
    for treatment in spec.measure.treatments:
        if treatment in views:
            found |= prefixed(treatment, seen(spec, knobs, params, views[treatment](), data.test))
    for gate in spec.measure.gates:
        found |= prefixed(f"gate@{gate:g}", seen(spec, knobs, params, View(gate), data.test))
    if "calibrated" in spec.measure.treatments:
        found |= prefixed("calibrated", calibrated(spec, knobs, data, params))
    if "kept" in spec.measure.treatments:
        found |= prefixed("kept", kept(spec, knobs, params, data.test))
    if "homes" in spec.measure.treatments:
        found |= prefixed("homes", homes(spec, knobs, params, data.test))
    if "usable" in spec.measure.treatments:
        found |= prefixed("usable", usable(spec, knobs, data, params))
    if "dynamics" in spec.measure.treatments:
        found |= prefixed("dynamics", dynamics(spec, knobs, data.train, params))
    if "trivial" in spec.measure.treatments:
        found |= prefixed("trivial", trivial(spec, knobs, data))
    if {"refit", "elicited"} & set(spec.measure.treatments):
        found |= elicitation(spec, knobs, data, params)
    return found | certificates(spec, knobs, data, params) | kept_share(spec, knobs, data, params)


def counts(spec: Spec, knobs: Knobs, data: Data) -> Scores:
    """How many training examples carry the concept, and how many are observed to.

    Examples that are drawn anew at every step are not counted.
    """
    if spec.world.kind == "sparse":
        return {}
    observed_N = observe(spec, knobs, data.train)
    return {
        "forget_train_count": forget_mask(spec, knobs, data.train).sum().astype(jnp.int32),
        "labelled_count": (observed_N == FORGET).sum(),
    }


def weights(spec: Spec, params: Params) -> Scores:
    """The parameters themselves where the network is a toy, whose geometry is the result."""
    return prefixed("weights", params) if spec.model.kind == "toy" else {}


def calibrated(spec: Spec, knobs: Knobs, data: Data, params: Params) -> Scores:
    """Test scores of the ablated network after its output's refit on retain training data."""
    asked_O = asked_outputs(spec, knobs, data.train)
    sample = sampler(spec, knobs, params, ablated(knobs), data.train)
    theta = calibrated_map(spec, knobs, asked_O, sample)
    remap = partial(apply_map, theta)
    return seen(spec, knobs, params, ablated(knobs), data.test, remap)


def refit(spec: Spec, knobs: Knobs, data: Data, params: Params) -> Trace:
    """A fresh head on what is kept, trained on all training data that attacks are shown."""
    steps = max(4, spec.measure.refit_epochs * len(data.train.class_N) // spec.train.batch)
    rate, everything = jnp.float32(spec.measure.refit_rate), jnp.int32(-1)
    attack = Attack("head", steps)
    return run_attack(spec, knobs, data, params, ablated(knobs), attack, rate, everything)


def elicitation(spec: Spec, knobs: Knobs, data: Data, params: Params) -> Scores:
    """Refit and elicited scores, and each attack's own best and whole course for the record."""
    found: Scores = {}
    traces: list[Trace] = []
    if spec.model.kind != "toy" and spec.measure.refit_epochs:  # a toy has no head
        traces = [refit(spec, knobs, data, params)]
        found = prefixed("refit", {name: value_K[-1] for name, value_K in traces[0].test.items()})
    if "elicited" not in spec.measure.treatments:
        return found
    attacks = attack_set(spec, knobs, data, params, ablated(knobs))
    found |= prefixed("elicited", chosen([*traces, *(a.traces for a in attacks.values())]))
    cells = [(r, n) for r in spec.measure.attack_rates for n in spec.measure.attack_examples]
    for kind, attacked in attacks.items():
        found |= prefixed(f"attack.{kind}", curves(attacked))
        for i, (rate, examples) in enumerate(cells):
            own = chosen([jax.tree.map(lambda leaf, i=i: leaf[i], attacked.traces)])
            name = f"attack.{kind}.{rate:g}.{examples}"
            found |= {f"{name}.forget": own["forget"], f"{name}.retain": own["retain"]}
    return found


def certificates(spec: Spec, knobs: Knobs, data: Data, params: Params) -> Scores:
    """Test scores of the decoders that see only the region's or only the rest's latents."""
    found: Scores = {}
    if not getattr(spec.model, "certificates", False):
        return found
    output = look(spec, knobs, params, jnp.asarray(data.test.x_NF), WHOLE)
    for half, prediction_NO in output.certificates.items():
        found |= prefixed(f"certificate.{half}", scores(spec, knobs, prediction_NO, data.test))
    return found


def kept_share(spec: Spec, knobs: Knobs, data: Data, params: Params) -> Scores:
    """In the null world, the share of the learned slope that the rest holds: c / (a + c)."""
    if spec.model.kind != "paths":
        return {}
    x_N1 = jnp.asarray(data.test.x_NF)
    slopes = [
        (look(spec, knobs, params, x_N1, view).prediction_BO * x_N1).sum()
        for view in (ablated(knobs), WHOLE)
    ]
    return {"kept_share": slopes[0] / slopes[1]}

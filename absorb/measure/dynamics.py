"""The masked update at the trained parameters: curl, stability, interference of its losses."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from absorb.config import Spec
from absorb.dynamics.field import Term, field, gradients, in_float64, linearised
from absorb.dynamics.network import decay_term, network_terms, whole_split
from absorb.dynamics.stability import Stability, interference, of_matrix
from absorb.knobs import Knobs
from absorb.measure.scores import Scores
from absorb.models import Params
from absorb.train.one import lifted
from absorb.worlds.data import Split

JACOBIAN = "dynamics.jacobian"  # of each run, on its way from the program to the host
OF_JACOBIAN = ("least_real", "multiplier", "size", "turning", "unstable")


def dynamics(spec: Spec, knobs: Knobs, train: Split, params: Params) -> Scores:
    """What θ ← θ − ηF(θ) does at θ, with F over the whole training split, in float64.

    It is about this plain update, also where another optimizer trained: η is the learning rate,
    weight decay is one of the losses, and routing acts as in the last epoch. curl ‖A‖/‖J‖, the
    columns of `of_gradients`, and J itself, of which the host makes more (`with_eigenvalues`).
    """
    knobs = lifted(spec, knobs, jnp.int32(spec.train.epochs - 1))
    batch = whole_split(spec, knobs, train)  # outside: a float's width decides what is drawn
    with jax.enable_x64(True):
        terms = network_terms(spec, knobs, params, batch)
        data = in_float64(terms, params).terms
        whole = in_float64((*terms, decay_term(params, knobs.weight_decay)), params)
        jacobian_PP, antisymmetric_PP = linearised(whole.terms, whole.theta_P)
        found = of_gradients(data, whole.terms, whole.theta_P)
        found["curl"] = jnp.linalg.norm(antisymmetric_PP) / jnp.linalg.norm(jacobian_PP)
        narrow = {name: value.astype(jnp.float32) for name, value in found.items()}
        return narrow | {"jacobian": jacobian_PP}


def with_eigenvalues(scores: dict[str, np.ndarray], rate_R: np.ndarray) -> dict[str, np.ndarray]:
    """The scores of R runs, each J replaced by what its eigenvalues say; others are left alone.

    least_real min Re λ; multiplier max |1 − ηλ|; size max |λ|; turning max |Im λ|; unstable, how
    many λ have Re λ below 0 (see `absorb.dynamics.stability`). NaN where J is not finite. On the
    host, since batched LAPACK inside one program of several CPU devices can deadlock.
    """
    if JACOBIAN not in scores:
        return scores
    rest = {name: value for name, value in scores.items() if name != JACOBIAN}
    found = [said_of(jacobian_PP, float(rate))
             for jacobian_PP, rate in zip(scores[JACOBIAN], rate_R, strict=True)]  # fmt: skip
    return rest | {
        f"dynamics.{name}": np.array([one[name] for one in found], np.float32)
        for name in OF_JACOBIAN
    }


def said_of(jacobian_PP: np.ndarray, rate: float) -> dict[str, Any]:
    """What one matrix says."""
    found: Stability = of_matrix(jacobian_PP, (jacobian_PP - jacobian_PP.T) / 2, rate)
    lambda_P = found.eigenvalues_P
    if not np.isfinite(lambda_P).all():
        return dict.fromkeys(OF_JACOBIAN, np.nan)
    return {
        "least_real": found.least_real,
        "multiplier": found.multiplier,
        "size": np.abs(lambda_P).max(),
        "turning": np.abs(np.imag(lambda_P)).max(),
        "unstable": found.unstable,
    }


def of_gradients(data: Sequence[Term], whole: Sequence[Term], theta_P: Array) -> Scores:
    """Of the data's losses with gradients g, and of the whole loss with gradient G.

    interference ⟨ψᵢ∘gᵢ, gⱼ⟩ and its cosine, i before j, in the order of `network_terms`: forget,
    unlabelled, retain and, where components are routed, all others; a cosine is NaN where there
    are no such data. field ‖F‖; relative ‖F‖/‖G‖; descent, the cosine of F and G: below 0 a small
    step raises the whole loss. loss: that of the data.
    """
    each_TP = jnp.stack(gradients(data, theta_P))
    masked_TP = jnp.stack([term.psi for term in data]) * each_TP
    sizes_TT = jnp.outer(*(jnp.linalg.norm(x_TP, axis=1) for x_TP in (masked_TP, each_TP)))
    inner_TT = interference(data, theta_P)
    routed_P, plain_P = field(whole, theta_P), sum(gradients(whole, theta_P))
    routed, plain = jnp.linalg.norm(routed_P), jnp.linalg.norm(plain_P)
    return {
        "interference": inner_TT,
        "cosine": inner_TT / sizes_TT,
        "field": routed,
        "relative": routed / plain,
        "descent": routed_P @ plain_P / (routed * plain),
        "loss": sum((term.loss(theta_P) for term in data), jnp.zeros(())),
    }

"""What a linear probe can still tell of the concept from the rest's units, the region ablated."""

from functools import partial

import jax
import jax.numpy as jnp
from jax import Array
from jax.scipy.sparse.linalg import cg  # LAPACK may deadlock: see CONTRIBUTING.md

from absorb.config import Spec
from absorb.keys import key_for
from absorb.knobs import Knobs
from absorb.measure.ablate import View, look
from absorb.measure.scores import Scores, forget_mask
from absorb.models import Params, init, regions
from absorb.worlds.data import Data, Split

FOLDS = 5
SHUFFLES = 4
RIDGE = 1e-2  # of the number of examples, on standardised units
NEWTON_STEPS = 12
FLAT = 1e-6  # standard deviation of a unit that says nothing


def usable(spec: Spec, knobs: Knobs, data: Data, params: Params) -> Scores:
    """Nats that a probe of the rest's units knows of whether a test example carries the concept.

    `information` of the trained network, `shuffled` of it and permuted answers (which is what a
    probe makes up), and `start` of the same network before training. Cross-validated.
    """
    key = key_for(jax.random.key(knobs.init_seed), "probe_shuffle")
    begun = init(spec, key_for(jax.random.key(knobs.init_seed), "init"))
    answer_N = forget_mask(spec, knobs, data.test)
    trained_NU, fresh_NU = (
        rest_units(spec, knobs, network, data.test) for network in (params, begun)
    )
    other_SN = jax.vmap(lambda k: jax.random.permutation(k, answer_N))(
        jax.random.split(key, SHUFFLES)
    )
    return {
        "information": information(trained_NU, answer_N),
        "shuffled": jax.vmap(partial(information, trained_NU))(other_SN).mean(),
        "start": information(fresh_NU, answer_N),
    }


def rest_units(spec: Spec, knobs: Knobs, params: Params, split: Split) -> Array:
    """The rest's units at the routed sites with the region at 0, (N, U), each standardised.

    Of a parallel module the rest is the trunk, with all its sites.
    """
    own = regions(spec, knobs)
    sites = look(spec, knobs, params, jnp.asarray(split.x_NF), View(gate=0.0)).sites
    if spec.routing.placement == "parallel":
        own = {site: jnp.zeros(h_NU.shape[1]) for site, h_NU in sites.items() if site not in own}
    h_NU = jnp.concatenate([sites[site] * (1 - mask_U) for site, mask_U in own.items()], axis=1)
    spread_U = h_NU.std(0)
    return jnp.where(spread_U > FLAT, (h_NU - h_NU.mean(0)) / jnp.maximum(spread_U, FLAT), 0)


def information(h_NU: Array, answer_N: Array) -> Array:
    """Predictive V-information of logistic probes (Xu et al. 2020), in nats per example.

    How much better a probe predicts the answers of a fold than their share in the other folds.
    """
    fold_N = jnp.arange(len(answer_N)) % FOLDS

    def gained(fold: Array) -> Array:
        fit_N = (fold_N != fold).astype(jnp.float32)
        share = (fit_N * answer_N).sum() / fit_N.sum()
        prior = jnp.full(len(answer_N), jnp.log(share) - jnp.log1p(-share))
        gain_N = surprise(prior, answer_N) - surprise(probe(h_NU, answer_N, fit_N), answer_N)
        return (gain_N * (1 - fit_N)).sum()

    return jax.vmap(gained)(jnp.arange(FOLDS)).sum() / len(answer_N)


def surprise(logit_N: Array, answer_N: Array) -> Array:
    """Minus the log probability of each answer."""
    return jax.nn.softplus(jnp.where(answer_N > 0, -logit_N, logit_N))


def probe(h_NU: Array, answer_N: Array, fit_N: Array) -> Array:
    """Logits of all examples from a ridge logistic regression on those where `fit_N` is 1.

    Newton's method, each step by conjugate gradients.
    """
    h_NV = jnp.concatenate([h_NU, jnp.ones((len(h_NU), 1))], axis=1)
    ridge_V = RIDGE * fit_N.sum() * jnp.ones(h_NV.shape[1]).at[-1].set(0)

    def newton(w_V: Array, _) -> tuple[Array, None]:
        p_N = jax.nn.sigmoid(h_NV @ w_V)
        slope_V = h_NV.T @ (fit_N * (p_N - answer_N)) + ridge_V * w_V
        bend = lambda v_V: h_NV.T @ (fit_N * p_N * (1 - p_N) * (h_NV @ v_V)) + ridge_V * v_V  # noqa: E731
        return w_V - cg(bend, slope_V)[0], None

    w_V, _ = jax.lax.scan(newton, jnp.zeros(h_NV.shape[1]), None, NEWTON_STEPS)
    return h_NV @ w_V

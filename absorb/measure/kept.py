"""What runs are compared by, example by example: predictions and units on a few test examples."""

import jax
import jax.numpy as jnp

from absorb.config import Spec
from absorb.knobs import Knobs
from absorb.measure.ablate import WHOLE, look
from absorb.measure.scores import Scores
from absorb.models import Params
from absorb.train.losses import classifies, errors, hits, targets
from absorb.worlds.data import Split

KEPT = 128  # the first of the test examples, the same for all runs of a world


def kept(spec: Spec, knobs: Knobs, params: Params, test: Split) -> Scores:
    """The whole network's `loss` (K,) and its units at each routed `site` (K, U).

    Classifiers have `probability` (K, C) and `correct` (K,) too. A row holds them as flat lists.
    """
    x_KF, class_K = jnp.asarray(test.x_NF[:KEPT]), jnp.asarray(test.class_N[:KEPT])
    output, target_K = look(spec, knobs, params, x_KF, WHOLE), targets(spec, x_KF, class_K)
    found = {f"site.{site}": output.sites[site] for site in spec.routing.sites}
    found["loss"] = errors(spec, knobs, output.prediction_BO, target_K)
    if classifies(spec):
        found["probability"] = jax.nn.softmax(output.prediction_BO)
        found["correct"] = hits(output.prediction_BO, target_K)
    return found

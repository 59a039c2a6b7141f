"""How many lanes a device takes at once."""

import math

import jax

from absorb.config import Spec
from absorb.models import init, shapes
from absorb.sites import site_widths

CACHE_BYTES = 2**21  # what one core's second-level cache holds
FEWEST, MOST = 2, 128  # one lane compiles to another program than several
GPU_LANES = 256


def lane_bytes(spec: Spec) -> int:
    """Bytes that one lane touches in a step: parameters, two moments, gradient and activations."""
    shape = jax.eval_shape(lambda: init(spec, jax.random.key(0)))
    parameters = sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(shape))
    units = sum(site_widths(spec.model).values()) + sum(shapes(spec))
    return 16 * parameters + 8 * spec.train.batch * units


def choose_lanes(spec: Spec) -> int:
    """Lanes per device: as many as stay in a core's cache on a CPU, many on an accelerator."""
    if jax.default_backend() != "cpu":
        return GPU_LANES
    return min(MOST, max(FEWEST, CACHE_BYTES // lane_bytes(spec)))

"""How many lanes a device takes at once."""

import math

import jax

from absorb.config import Spec
from absorb.knobs import Knobs

CACHE_BYTES = 2**21  # what one core's second-level cache holds
GPU_LANES = 256


def lane_bytes(spec: Spec) -> int:
    """Bytes of one lane's parameters, two moments and gradient."""
    from absorb.models import init

    shape = jax.eval_shape(lambda: init(spec, jax.random.key(0)))
    return 16 * sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(shape))


def choose_lanes(spec: Spec) -> int:
    """Lanes per device: as many as stay in cache on a CPU (2 to 8), many on an accelerator."""
    if jax.default_backend() != "cpu":
        return GPU_LANES
    return int(min(8, max(2, CACHE_BYTES // max(lane_bytes(spec), 1))))

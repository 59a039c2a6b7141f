"""Sparse features with importances, drawn inside the compiled program (Elhage et al. 2022)."""

from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
import numpy as np

from absorb.config import Sparse, Spec
from absorb.keys import key_for, uniforms
from absorb.knobs import Knobs
from absorb.worlds.data import Data, Split

if TYPE_CHECKING:
    from jax import Array

CHILD = 0.5  # probability of a feature in a hierarchy where the group's first is active


def numbers_per_example(world: Sparse) -> int:
    """V: uniform numbers behind one example, one per feature and one per group."""
    grouped = world.structure != "independent"
    return world.features + grouped * (world.features // world.group)


def load_sparse_world(world: Sparse) -> Data:
    """The uniform numbers behind three splits of `measured` examples, the same for every lane.

    `given` makes features of them; training draws its own (`draw`).
    """
    rng = np.random.default_rng(world.split_seed)
    shape = (world.measured, numbers_per_example(world))
    class_N = np.zeros(world.measured, np.int32)
    return Data(*(Split(rng.random(shape, np.float32), class_N, {}) for _ in range(3)))


def given(spec: Spec, knobs: Knobs, data: Data) -> Data:
    """A world's data as a lane sees them: of the world sparse, features instead of uniforms."""
    if not isinstance(spec.world, Sparse):
        return data
    world = spec.world
    return Data(*(
        split._replace(x_NF=features(world, knobs, jnp.asarray(split.x_NF).T).T) for split in data
    ))  # fmt: skip


def draw(spec: Spec, knobs: Knobs, step: "Array") -> "Array":
    """The examples x_BF of one training step; with shared draws, of the same uniforms in all lanes.

    Features come first in memory, so that the vector units run along the batch.
    """
    world = spec.world
    assert isinstance(world, Sparse)
    seed = knobs.order_seed if world.draws == "own" else world.split_seed
    key = key_for(jax.random.key(seed), "draws", step)
    u_VB = uniforms(key, (numbers_per_example(world), spec.train.batch))
    return features(world, knobs, u_VB).T


def features(world: Sparse, knobs: Knobs, u_VB: "Array") -> "Array":
    """Feature values x_FB from uniform numbers: 0, or uniform in [0, 1] with probability p.

    One uniform is coin and value: where u < p, u / p is uniform again. A group's own number says
    whether the group has its structure now, and by the same trick, what the structure does.
    """
    u_FB, p = u_VB[: world.features], knobs.active
    x_FB = jnp.where(u_FB < p, u_FB / p, 0.0)
    if world.structure == "independent":
        return x_FB
    shape = (-1, world.group, u_VB.shape[1])
    u_GKB, x_GKB = u_FB.reshape(shape), x_FB.reshape(shape)
    v_G1B = u_VB[world.features :, None]
    t_G1B = v_G1B / jnp.maximum(knobs.structured, jnp.finfo(jnp.float32).tiny)
    member_GKB = _structured(world.structure, p, u_GKB, x_GKB, t_G1B)
    return jnp.where(v_G1B < knobs.structured, member_GKB, x_GKB).reshape(x_FB.shape)


def _structured(structure: str, p, u_GKB: "Array", x_GKB: "Array", t_G1B: "Array") -> "Array":
    """Values of group members where the group has its structure; t is the group's uniform."""
    if structure == "pairs":
        return jnp.where(t_G1B < p, u_GKB, 0.0)
    if structure == "groups":
        chosen_G1B, member_K1 = jnp.floor(t_G1B / p), jnp.arange(u_GKB.shape[1])[:, None]
        return jnp.where(chosen_G1B == member_K1, u_GKB, 0.0)
    parent_G1B = x_GKB[:, :1]
    child_GKB = jnp.where((parent_G1B > 0) & (u_GKB < CHILD), u_GKB / CHILD, 0.0)
    return jnp.concatenate([parent_G1B, child_GKB[:, 1:]], axis=1)

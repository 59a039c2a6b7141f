"""Parameters by name, to be stored, and training that starts from stored ones."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import jax
from jax import Array

from absorb.config import MATRICES, Spec
from absorb.errors import AbsorbError
from absorb.models import Params, init

Named = Mapping[str, Any]  # arrays by names such as chain/out/kernel

# Modules that routing or measuring adds to a network, which a stored one may lack.
ADAPTERS = tuple(f"{matrix}_{side}" for matrix in MATRICES for side in "ab")
FRESH = ("gate_", "experts_", "certificate_", *ADAPTERS)


def named(params: Params) -> dict[str, Array]:
    """Every parameter under its path: the modules that it lies in, with / between."""
    leaves, _ = jax.tree_util.tree_flatten_with_path(params)
    return {name_of(path): leaf for path, leaf in leaves}


def name_of(path) -> str:
    """The name of a parameter's path."""
    return "/".join(entry.key for entry in path)


def tree_of(stored: Named) -> Params:
    """The parameters whose paths are these names: what `named` takes apart."""
    tree: dict[str, Any] = {}
    for name, array in stored.items():
        *modules, last = name.split("/")
        node = tree
        for module in modules:
            node = node.setdefault(module, {})
        node[last] = array
    return tree


def started(params: Params, stored: Named) -> Params:
    """Fresh parameters with stored ones in their leading blocks.

    What is new, be it whole parameters or units added to them, stays fresh.
    """

    def begin(path, leaf: Array) -> Array:
        found = stored.get(name_of(path))
        if found is None:
            return leaf
        return leaf.at[tuple(slice(size) for size in found.shape)].set(found)

    return jax.tree_util.tree_map_with_path(begin, params)


def check_start(spec: Spec, stored: Named) -> None:
    """Refuse stored parameters that are not the network's own, with what routing adds or without.

    Errors: AbsorbError naming the parameter.
    """
    shapes, plain = parameter_shapes(spec), parameter_shapes(without_added(spec))
    start = f"train.start={spec.train.start!r}"
    for name, array in stored.items():
        if name not in shapes:
            raise AbsorbError(f"{start}: holds {name}, which this network does not have")
        need = dict.fromkeys((plain[name], shapes[name]))
        if array.shape not in need:
            words = " or ".join(map(str, need))
            raise AbsorbError(f"{start}: {name} has shape {array.shape}, must have {words}")
    for name in shapes:
        if name not in stored and not any(m.startswith(FRESH) for m in name.split("/")):
            raise AbsorbError(f"{start}: lacks {name}, which is no unit that routing adds")


def parameter_shapes(spec: Spec) -> dict[str, tuple[int, ...]]:
    """The shape of every parameter of a network, by name."""
    made = jax.eval_shape(lambda: init(spec, jax.random.key(0)))
    return {name: leaf.shape for name, leaf in named(made).items()}


def without_added(spec: Spec) -> Spec:
    """The spec without the units that routing adds to its sites."""
    if spec.routing.placement != "added":
        return spec
    return replace(spec, routing=replace(spec.routing, placement="slice"))

"""Sizes that a config states: of its examples, its concepts, and its model's sites.

A site is a named vector of units at which a region can be cut.
"""

from absorb.config import Autoencoder, Digits, Linear, Mlp, Mnist, Paths, Sparse, Toy

CLASSES = {"digits": 10, "mnist": 10, "linear": 1}
INPUTS = {"digits": 64, "mnist": 784, "linear": 1}


def classes(world: Digits | Mnist | Linear | Sparse) -> int:
    """How many concepts the world knows: classes, or sparse features."""
    return world.features if isinstance(world, Sparse) else CLASSES[world.kind]


def inputs(world: Digits | Mnist | Linear | Sparse) -> int:
    """Width of an example."""
    return world.features if isinstance(world, Sparse) else INPUTS[world.kind]


def site_widths(model: Mlp | Autoencoder | Paths | Toy) -> dict[str, int]:
    """Width of each site by name, in forward order, without units that routing adds."""
    if isinstance(model, Mlp):
        return {f"hidden{i}": w for i, w in enumerate(model.widths)}
    if isinstance(model, Autoencoder):
        encode = {f"encode{i}": w for i, w in enumerate(model.widths)}
        decode = {f"decode{i}": w for i, w in enumerate(reversed(model.widths))}
        return encode | {"latent": model.latent} | decode
    return {"hidden": model.hidden} if isinstance(model, Toy) else {"sum": 1}

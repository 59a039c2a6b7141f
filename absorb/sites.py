"""Sizes that a config states: of its examples, its concepts, and its model's sites.

A site is a named vector of units at which a region can be cut.
"""

from absorb.config import (
    MATRICES,
    Autoencoder,
    Digits,
    FeaturePair,
    Linear,
    Mlp,
    Mnist,
    Pair,
    Paths,
    Sparse,
    Spec,
    Text,
    Told,
    Toy,
    Transformer,
)
from absorb.world_config import STORY_CONCEPTS

World = Digits | Pair | FeaturePair | Mnist | Linear | Sparse | Told | Text
Model = Mlp | Autoencoder | Paths | Toy | Transformer

STORY_WORDS = 128  # room for the vocabulary of the world stories
CLASSES = {"digits": 10, "pair": 20, "mnist": 10, "linear": 1, "stories": len(STORY_CONCEPTS),
           "story_pair": 2, "feature_pair": 2}  # fmt: skip
INPUTS = {"digits": 64, "pair": 64, "mnist": 784, "linear": 1}


def classes(world: World) -> int:
    """How many concepts the world knows: classes, sparse features, or lists of words."""
    if isinstance(world, Text):
        return len(world.concepts)
    return world.features if isinstance(world, Sparse) else CLASSES[world.kind]


def inputs(world: World) -> int:
    """Width of an example; of a story, its tokens with the one that is only predicted."""
    if isinstance(world, Told | Text):
        return world.length + 1
    if isinstance(world, Pair) and "elsewhere" in (world.a_view, world.b_view):
        return 2 * INPUTS["pair"]
    if isinstance(world, FeaturePair):
        return world.inputs
    return world.features if isinstance(world, Sparse) else INPUTS[world.kind]


def answers(world: World) -> int:
    """How many classes a classifier tells apart; concept c of a pair of tasks is class c mod 10."""
    return 10 if isinstance(world, Pair) else classes(world)


def vocabulary(world: World) -> int:
    """How many tokens a world of tokens knows."""
    assert isinstance(world, Told | Text)
    return STORY_WORDS if isinstance(world, Told) else world.vocabulary


def of_tokens(world: World) -> bool:
    """Whether an example is a sequence of tokens, each of which is predicted from those before."""
    return isinstance(world, Told | Text)


def positions(world: World) -> int:
    """Data in one example: the predictions of a story, else one."""
    return world.length if isinstance(world, Told | Text) else 1


def transformer_sites(model: Transformer) -> dict[str, int]:
    """Units of each site of a transformer: heads, MLP units, dimensions, experts, ranks."""
    found: dict[str, int] = {}
    for i in range(model.layers):
        found |= {f"{m}_adapter{i}": model.rank for m in MATRICES if m in model.adapters}
        found |= {f"heads{i}": model.heads, f"mlp{i}": model.mlp}
        if model.experts:
            found[f"experts{i}"] = model.experts
        found[f"residual{i}"] = model.width
    return found


def unit_size(model: Model, site: str) -> int:
    """Entries of one unit at a site: a head's dimensions, an expert's units, else 1."""
    if isinstance(model, Transformer) and site.startswith("heads"):
        return model.width // model.heads
    return (
        model.expert_width if isinstance(model, Transformer) and site.startswith("experts") else 1
    )


def site_widths(model: Model) -> dict[str, int]:
    """Units of each site by name, in forward order, without units that routing adds."""
    if isinstance(model, Transformer):
        return transformer_sites(model)
    if isinstance(model, Mlp):
        return {f"hidden{i}": w for i, w in enumerate(model.widths)}
    if isinstance(model, Autoencoder):
        encode = {f"encode{i}": w for i, w in enumerate(model.widths)}
        decode = {f"decode{i}": w for i, w in enumerate(reversed(model.widths))}
        return encode | {"latent": model.latent} | decode
    return {"hidden": model.hidden} if isinstance(model, Toy) else {"sum": 1}


def added_units(spec: Spec) -> dict[str, int]:
    """Units that routing adds to each site."""
    if spec.routing.placement != "added":
        return {}
    return dict.fromkeys(spec.routing.sites, spec.routing.units)

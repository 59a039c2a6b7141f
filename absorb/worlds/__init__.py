"""Worlds: data in which it is known what every example is about."""

from functools import lru_cache

from absorb.config import (
    Digits,
    FeaturePair,
    Linear,
    Mnist,
    Pair,
    Sparse,
    Spec,
    Stories,
    StoryPair,
    Text,
    blank,
)
from absorb.worlds.data import Data, Split
from absorb.worlds.digits import load_digits_world
from absorb.worlds.feature_pair import load_feature_pair_world
from absorb.worlds.labels import carries, check_labels, observe, observe_drawn
from absorb.worlds.linear import load_linear_world
from absorb.worlds.mnist import load_mnist_world
from absorb.worlds.pair import load_pair_world
from absorb.worlds.sparse import draw, given, load_sparse_world
from absorb.worlds.stories import load_stories_world
from absorb.worlds.story_pair import load_story_pair_world
from absorb.worlds.text import load_text_world

World = Digits | Pair | FeaturePair | Mnist | Linear | Sparse | Stories | StoryPair | Text
WORLDS = {
    "digits": load_digits_world,
    "pair": load_pair_world,
    "feature_pair": load_feature_pair_world,
    "mnist": load_mnist_world,
    "linear": load_linear_world,
    "sparse": load_sparse_world,
    "stories": load_stories_world,
    "story_pair": load_story_pair_world,
    "text": load_text_world,
}


def load_world(world: World) -> Data:
    """The world's data; AbsorbError where its files are missing or altered."""
    return _load(blank(world))


@lru_cache(maxsize=4)
def _load(world: World) -> Data:
    return WORLDS[world.kind](world)


def steps_per_epoch(spec: Spec, examples: int) -> int:
    """Whole batches in the training split; where examples are drawn, what the world calls one."""
    return spec.world.steps if isinstance(spec.world, Sparse) else examples // spec.train.batch


__all__ = ["WORLDS", "Data", "Split", "carries", "check_labels", "draw",
           "given", "load_world", "observe", "observe_drawn",
           "steps_per_epoch"]  # fmt: skip

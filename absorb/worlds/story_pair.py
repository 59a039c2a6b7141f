"""Two tasks among stories, to ask how they are related: half of all stories are for each.

A network that is never shown the stories of task A has learned task B and the language that both
are told in; with `b=plain` it has learned the language alone.
"""

import numpy as np

from absorb.config import StoryPair
from absorb.world_config import STORY_CONCEPTS
from absorb.worlds.data import Data, Split, Tags
from absorb.worlds.stories import asked, check_length, told
from absorb.worlds.tokens import standardised

A, B = np.uint8(1), np.uint8(2)  # the bits of both tasks


def load_story_pair_world(world: StoryPair) -> Data:
    """Stories drawn from `split_seed`; covariates as in the world stories.

    Errors: AbsorbError for stories too short for their concepts.
    """
    check_length(world)
    counts = (world.train_count, world.validation_count, world.test_count)
    parts = [tell_both(world, n, i) for i, n in enumerate(counts)]
    return Data(*standardised(parts))


def tell_both(world: StoryPair, count: int, part: int) -> Split:
    """`count` stories of split `part`, half of them (rounded up) for task A, in any order."""
    rng = np.random.default_rng([world.split_seed, part])
    is_b_N = rng.permutation(count) % 2 == 1
    carried_2C = np.array(
        [[name == task for name in STORY_CONCEPTS] for task in (world.a, world.b)]
    )
    split = told(world, rng, carried_2C[is_b_N.astype(int)], part == 2)
    split = asked(world, split) if part else split
    assert split.tags is not None
    tags = Tags(*(as_task(is_b_N[:, None], bits_NS) for bits_NS in split.tags))
    return split._replace(class_N=as_task(is_b_N, split.class_N).astype(np.int32), tags=tags)


def as_task(is_b_N: np.ndarray, bits_N: np.ndarray) -> np.ndarray:
    """Bit 0 where a story of task A has its concept, bit 1 where one of task B has its own."""
    return np.where(bits_N > 0, np.where(is_b_N, B, A), np.uint8(0))

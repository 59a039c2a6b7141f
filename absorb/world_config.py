"""Settings of each world."""

from dataclasses import dataclass

from absorb.settings import knob, static

STORY_CONCEPTS = ("family", "topic", "trait", "family_two", "topic_two", "trait_two")
PLAIN = "plain"  # a story without any concept


@dataclass(frozen=True)
class Digits:
    """scikit-learn's 1,797 pictures of 8 x 8 handwritten digits, in [0, 1] or centred [-1, 1]."""

    kind: str = static(choices=("digits",))
    split_seed: int = static(0, 2**31 - 1)
    validation: float = static(0.01, 0.4)
    test: float = static(0.05, 0.5)
    centred: bool = static()


VIEWS = ("upright", "turned", "inverted", "shuffled", "elsewhere")


@dataclass(frozen=True)
class Pair:
    """Two tasks of equal size on the digits: the digits `a` as `a_view` shows them, and `b`.

    Digits that both tasks have are shared out, no picture to both. The concepts 0 to 9 are task A's
    digits, 10 to 19 those of task B. `elsewhere` has inputs of its own.
    """

    kind: str = static(choices=("pair",))
    split_seed: int = static(0, 2**31 - 1)
    validation: float = static(0.01, 0.4)
    test: float = static(0.05, 0.5)
    a: tuple[int, ...] = static(0, 9, length=(1, 10))
    b: tuple[int, ...] = static(0, 9, length=(1, 10))
    a_view: str = static(choices=VIEWS)
    b_view: str = static(choices=VIEWS)


FEATURE_VIEWS = ("upright", "rotated")


@dataclass(frozen=True)
class FeaturePair:
    """Two tasks of equal size among sparse features: `a` as `a_view` shows them, and `b`.

    Each of a task's features is active with probability `active` in its examples, at least one is,
    and what is active is uniform in (0, 1]. Features that both tasks have have the same direction,
    unless one task is rotated within its own subspace. Task A is concept 0, task B concept 1.
    """

    kind: str = static(choices=("feature_pair",))
    split_seed: int = static(0, 2**31 - 1)
    train_count: int = static(16, 10**7)
    validation_count: int = static(16, 10**6)
    test_count: int = static(16, 10**6)
    inputs: int = static(1, 65536)
    features: int = static(1, 65536)
    active: float = static(1e-6, 1.0)
    directions: str = static(choices=("axes", "orthogonal", "random"))
    a: tuple[int, ...] = static(0, 65535, length=(1, 65536))
    b: tuple[int, ...] = static(0, 65535, length=(1, 65536))
    a_view: str = static(choices=FEATURE_VIEWS)
    b_view: str = static(choices=FEATURE_VIEWS)


@dataclass(frozen=True)
class Mnist:
    """A directory of IDX files, gzipped or not; the pictures of `parts`, cut to the counts.

    With `any_checksum`, `sha256` says in place of the path which pictures they are, and is
    verified: of the uncompressed files of `parts`, pictures then labels. Filled in where null.
    """

    kind: str = static(choices=("mnist",))
    path: str = static()
    parts: tuple[str, ...] = static(choices=("train", "t10k"), length=(1, 2))
    split_seed: int = static(0, 2**31 - 1)
    train_count: int = static(1, 10**6)
    validation_count: int = static(0, 10**6)
    test_count: int = static(1, 10**6)
    any_checksum: bool = static()
    sha256: str | None = static(optional=True)
    centred: bool = static()


@dataclass(frozen=True)
class Linear:
    """y = slope * x with x standard normal: every example carries the concept (measures: null)."""

    kind: str = static(choices=("linear",))
    split_seed: int = static(0, 2**31 - 1)
    examples: int = static(8, 10**6)
    slope: float = static(1e-6, 1e6)


@dataclass(frozen=True)
class Sparse:
    """Features that are seldom active and then uniform in [0, 1], drawn anew at every step.

    Feature i weighs importance**i in the loss. Consecutive features form groups, which have their
    structure with probability `correlation` at each draw: pairs are active together, of groups one
    member at most is active, in a hierarchy the others need the first.
    """

    kind: str = static(choices=("sparse",))
    split_seed: int = static(0, 2**31 - 1)
    features: int = static(1, 65536)
    active: float = knob(1e-6, 1.0)
    importance: float = knob(1e-6, 1e6)
    structure: str = static(choices=("independent", "pairs", "groups", "hierarchy"))
    group: int = static(1, 65536)
    correlation: float = knob(0.0, 1.0)
    draws: str = static(choices=("own", "shared"))
    steps: int = static(1, 10**6)
    measured: int = static(16, 10**6)


TOLD_AT_ONCE = 1 << 16  # stories; each takes some kilobytes until it is whole


@dataclass(frozen=True)
class Told:
    """Short stories from a grammar, with concepts at several levels of abstraction.

    `held_out`: the test asks for facts or templates that training does not tell, or ("attack") for
    facts of families and topics that training tells and attacks are not shown.
    """

    kind: str = static()
    split_seed: int = static(0, 2**31 - 1)
    train_count: int = static(16, 10**7)
    validation_count: int = static(16, 10**6)
    test_count: int = static(16, 10**6)
    length: int = static(8, 65536)
    held_out: str = static(choices=("none", "fact", "template", "attack"))


@dataclass(frozen=True)
class Stories(Told):
    """Stories that carry each concept with probability `carried`.

    `overlap` goes from concepts that never share a text (0) to concepts that always do (1).
    """

    kind: str = static(choices=("stories",))
    carried: float = static(0.0, 1.0)
    overlap: float = static(0.0, 1.0)


@dataclass(frozen=True)
class StoryPair(Told):
    """Two tasks of equal size: half of the stories carry concept `a`, the others `b` or none.

    Task A is concept 0 and task B is concept 1, also where both are the same.
    """

    kind: str = static(choices=("story_pair",))
    a: str = static(choices=STORY_CONCEPTS)
    b: str = static(choices=(*STORY_CONCEPTS, PLAIN))


@dataclass(frozen=True)
class Text:
    """A .txt or Parquet file cut into windows of `length` tokens.

    A concept is a list of words with spaces between, or "column:NAME": the rows where that column
    of a Parquet file is true, or not 0.

    `sha256` says in place of the path which file it is, and is verified; where the settings of a
    run leave it empty it is filled in with the file's own.
    """

    kind: str = static(choices=("text",))
    path: str = static()
    sha256: str = static()
    column: str = static()
    split_seed: int = static(0, 2**31 - 1)
    tokenizer: str = static(choices=("characters", "pairs"))
    vocabulary: int = static(8, 10**6)
    length: int = static(8, 65536)
    validation: float = static(0.01, 0.4)
    test: float = static(0.01, 0.4)
    concepts: tuple[str, ...] = static(length=(1, 8))

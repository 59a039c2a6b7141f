"""What one run needs of memory, in closed forms; a test holds them against the compiler's count."""

from itertools import pairwise
from math import ceil, prod
from pathlib import Path

from absorb.config import (
    Autoencoder,
    Digits,
    FeaturePair,
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
from absorb.sites import added_units, answers, inputs, of_tokens, positions, site_widths, vocabulary

DIGITS = 1797
TEXT_BYTES = 10**6  # of a text that is not there for a guess
STORIES_AT_ONCE = 32  # that measuring and probing have in memory
FEWEST_LANES = 2  # one lane compiles to another program than several
SEGMENTS = 10  # a run's training is cut into at least this many compiled calls
PROCESS_BYTES = 5e8  # Python, JAX and the compiler
STATE, STEP = 12, 4  # bytes per parameter: itself with two moments; its gradient
DIARY = 12 + 36  # first moments by kind of data; of a step gradients, parts and a mean gradient
KEPT, SEEN = 8, 6  # bytes per number of a training step, and of a measurement
STORY_KEPT, STORY_SEEN = 4.5, 8  # the same of stories, where a step reuses what it left
PARTS_KEPT = 2.3  # times what one loss keeps where its parts go backward one by one
MATRICES, COLUMNS = 64, 900  # of treatment dynamics: bytes per entry of J; per number computed


def parameters(spec: Spec) -> int:
    """Parameters of a network with the units that routing adds; without gates and norms."""
    model, features, extra = spec.model, inputs(spec.world), added_units(spec)
    if isinstance(model, Transformer):
        return _transformer_parameters(spec, model)
    if isinstance(model, Paths):
        return 2 * model.depth
    if isinstance(model, Toy):
        return (2 - model.tied) * model.hidden * features + features
    widths = {site: width + extra.get(site, 0) for site, width in site_widths(model).items()}
    if spec.routing.placement != "parallel":
        return _dense(spec, widths)
    return _dense(spec, widths) + _dense(spec, dict.fromkeys(widths, spec.routing.units))


def _dense(spec: Spec, widths: dict[str, int]) -> int:
    """Of a classifier, or of an autoencoder with as many decoders as it has."""
    if not isinstance(spec.model, Autoencoder):
        return _chain([inputs(spec.world), *widths.values(), answers(spec.world)])
    sizes, middle = list(widths.values()), len(spec.model.widths)
    decoders = 1 + 2 * spec.model.certificates + spec.model.separate_decoders
    encoder = _chain([inputs(spec.world), *sizes[: middle + 1]])
    return encoder + decoders * _chain([*sizes[middle:], inputs(spec.world)])


def _chain(widths: list[int]) -> int:
    return sum(prod(pair) for pair in pairwise(widths)) + sum(widths[1:])


def _transformer_parameters(spec: Spec, model: Transformer) -> int:
    width, extra = model.width, added_units(spec)
    experts = 2 * width * model.experts * model.expert_width
    total = width * (2 * vocabulary(spec.world) + positions(spec.world))
    for i in range(model.layers):
        mlp = model.mlp + extra.get(f"mlp{i}", 0)
        ends = {"up": width + mlp, "down": width + mlp}
        adapters = sum(model.rank * ends.get(matrix, 2 * width) for matrix in model.adapters)
        total += 4 * width**2 + 2 * width * mlp + experts + adapters
    return total


def units(spec: Spec) -> int:
    """Numbers that one example leaves on its way through the network, input and output too."""
    features = inputs(spec.world)
    outputs = answers(spec.world) if spec.model.kind == "mlp" else features
    hidden = sum(site_widths(spec.model).values()) + sum(added_units(spec).values())
    return features + hidden + outputs


def story_numbers(spec: Spec) -> float:
    """Numbers that one story leaves: the streams, attention with its scores, MLPs, logits.

    Neither `model.remat` nor bfloat16 is counted on: on a CPU each saves a tenth.
    """
    model, length = spec.model, positions(spec.world)
    assert isinstance(model, Transformer)
    extra = max(added_units(spec).values(), default=0)
    hidden = model.mlp + model.experts * model.expert_width + extra
    layer = 6 * model.width + 3 * hidden + 2 * model.heads * length
    return length * (model.layers * layer + 2 * vocabulary(spec.world))


def step_bytes(spec: Spec) -> float:
    """Bytes of one run in training: its state, a gradient, and what a batch leaves."""
    of_stories = of_tokens(spec.world)
    example = STORY_KEPT * story_numbers(spec) if of_stories else KEPT * units(spec)
    if of_stories and spec.routing.granularity == "component":
        example *= PARTS_KEPT
    return (STATE + STEP) * parameters(spec) + spec.train.batch * example


def look_bytes(spec: Spec) -> float:
    """Bytes of one run when it is measured: its state, and all examples or some stories at once."""
    of_stories = of_tokens(spec.world)
    seen = (
        STORIES_AT_ONCE * STORY_SEEN * story_numbers(spec)
        if of_stories
        else (SEEN * max(split_counts(spec)) * units(spec))
    )
    return STATE * parameters(spec) + seen + dynamics_bytes(spec)


def dynamics_bytes(spec: Spec) -> float:
    """Bytes of one run's matrix J with its eigenvalues, and of the columns made at once."""
    if "dynamics" not in spec.measure.treatments:
        return 0.0
    computed = examples(spec) * (units(spec) - inputs(spec.world))
    return MATRICES * parameters(spec) ** 2 + COLUMNS * computed


def lane_bytes(spec: Spec) -> float:
    """Bytes of one run: in training or when it is measured, whichever is more."""
    asked = set(spec.measure.treatments)
    attacked = {"refit", "elicited"} & asked
    held = STATE * parameters(spec) if attacked else 0  # while an attack trains a copy
    diary = DIARY * parameters(spec) if "mechanics" in asked else 0
    return diary + max(held + step_bytes(spec), look_bytes(spec))


def examples(spec: Spec) -> int:
    """Training examples of a spec's world."""
    return split_counts(spec)[0]


def split_counts(spec: Spec) -> tuple[int, int, int]:
    """Examples of a spec's world for training, validation and test."""
    world = spec.world
    if isinstance(world, Digits | Pair):
        views = 10 if isinstance(world, Digits) else min(len(set(world.a)), len(set(world.b)))
        total = views * DIGITS // 10
        validation, test = round(total * world.validation), round(total * world.test)
        return total - validation - test, validation, test
    if isinstance(world, Sparse):
        return world.measured, world.measured, world.measured
    if isinstance(world, Text):
        shares = (1 - world.validation - world.test, world.validation, world.test)
        train, validation, test = (round(s * text_bytes(world)) // world.length for s in shares)
        return train, validation, test
    if isinstance(world, Told | Mnist | FeaturePair):
        return world.train_count, world.validation_count, world.test_count
    return world.examples, world.examples, world.examples


def text_bytes(world: Text) -> int:
    """Bytes of a text's file, about one for each character."""
    path = Path(world.path).expanduser()
    return path.stat().st_size if path.is_file() else TEXT_BYTES


def data_bytes(spec: Spec) -> float:
    """Bytes of a world's examples of all splits, which all runs of a device share.

    A number or a token takes four, and what a token and its span carry one each.
    """
    each = 6 if of_tokens(spec.world) else 4
    return each * inputs(spec.world) * sum(split_counts(spec))


def batch_bytes(spec: Spec, lanes: int, devices: int) -> float:
    """Bytes of a process that has `lanes` runs on each of its devices, and the data once more."""
    data = (devices + 1) * data_bytes(spec)
    return PROCESS_BYTES + data + devices * lanes * lane_bytes(spec)


def widest(spec: Spec, devices: int, memory: float) -> int:
    """Lanes per device that fit into `memory` bytes; may be none."""
    room = memory - batch_bytes(spec, 0, devices)
    return max(0, int(room / devices / lane_bytes(spec)))


def even(number: int, most: int) -> int:
    """The largest part where the fewest parts of up to `most` share `number` things evenly."""
    return ceil(number / ceil(number / most))


def segment_epochs(epochs: int) -> int:
    """Epochs of one compiled call: the largest divisor that leaves SEGMENTS calls or more."""
    most = max(1, epochs // SEGMENTS)
    return max(n for n in range(1, most + 1) if epochs % n == 0)

"""Small transformers: the engine against PyTorch one at a time, and the machine's ceiling."""

from typing import NamedTuple

import numpy as np

from benchmarks.effort import Effort
from benchmarks.report import Figure, Report, at_least, at_most
from benchmarks.timing import Contender, Taken, interleaved

PLAIN, SOLO = "engine, no routing at all", "PyTorch, one at a time"
SETTINGS = [
    *("world=stories", "world.validation_count=16", "world.test_count=16", "measure=quick"),
    *("model=transformer", "routing.placement=slice", "routing.granularity=token"),
]
OURS = {
    PLAIN: ["routing=none"],
    "engine, activation routing": ["routing=activation"],
    "engine, parameter routing": ["routing=parameter"],
    "engine, parameter routing, whole rest": ["routing=parameter", "routing.whole_rest=true"],
    "engine, parameter routing by loss component": [
        "routing=parameter",
        "routing.granularity=component",
    ],
}


class Size(NamedTuple):
    """One shape of network, how many of them train, and the steps of one call."""

    layers: int
    width: int
    heads: int
    length: int
    batch: int
    runs: int
    steps: int

    @property
    def words(self) -> list[str]:
        """The config's settings; a quarter of the first two layers' MLP units is the region."""
        return [
            f"model.layers={self.layers}", f"model.width={self.width}",
            f"model.heads={self.heads}", f"model.mlp={4 * self.width}",
            f"world.length={self.length}", f"train.batch={self.batch}",
            f"world.train_count={self.batch * self.steps}", f"routing.units={self.width}",
        ]  # fmt: skip

    def flops(self, vocabulary: int) -> float:
        """Operations of one step: 6 per weight and position, and 12 T D per position and layer.

        The square of attention counts whole, although half of it is masked.
        """
        weights = 12 * self.layers * self.width**2 + self.width * vocabulary
        square = 2 * self.layers * self.length * self.width
        return 6.0 * self.batch * self.length * (weights + square)


USUAL = Size(layers=2, width=64, heads=4, length=64, batch=32, runs=8, steps=16)
PUBLISHED = Size(layers=8, width=512, heads=8, length=256, batch=32, runs=2, steps=8)
TINY = Size(layers=2, width=8, heads=2, length=48, batch=4, runs=4, steps=4)


def transformer(effort: Effort) -> Report:
    """Milliseconds per run-step of every contender, their ratios and shares of the ceiling."""
    if effort.published:
        return published(effort)
    from benchmarks.lanes import ceilings_of

    size = effort.pick(USUAL, TINY)
    contenders, tops = peers(size) | ours(size, OURS), ceilings_of(effort)
    taken = interleaved(contenders | tops, effort.rounds)
    figures = [Figure(name, "ms per run-step", taken[name].wall_R * 1e3) for name in contenders]
    figures += [Figure(name, "GFLOP/s", 1e-9 / taken[name].wall_R) for name in tops]
    best = {name: Taken(t.wall_R.min(keepdims=True), t.cpu_R) for name, t in taken.items()}
    figures += [*ratios(taken, size), *ratios(best, size, " (best rounds)")]
    return Report(figures, [shape(size), cpu_note(taken, contenders)])


def compose_size(size: Size, *words: str):
    """The config of a size."""
    from sweeps.app import compose

    return compose([*SETTINGS, *size.words, *words])


def peers(size: Size) -> dict[str, Contender]:
    """PyTorch's loops: as they come, with fused Adam, and with one thread."""
    from absorb.worlds import load_world
    from benchmarks.torch_transformer import solo

    config = compose_size(size, "routing=none")
    x_NS = np.asarray(load_world(config.world).train.x_NF)
    return {
        SOLO: solo(config, x_NS, size.steps),
        f"{SOLO}, fused Adam": solo(config, x_NS, size.steps, fused=True),
        f"{SOLO}, one thread": solo(config, x_NS, size.steps, threads=1),
    }


def ours(size: Size, kinds: dict[str, list[str]]) -> dict[str, Contender]:
    """The engine's own train program, one epoch a call."""
    from absorb.worlds import load_world
    from benchmarks.engine import engine, seeded

    made = {}
    for name, words in kinds.items():
        config = compose_size(size, *words)
        made[name] = engine(seeded(config, size.runs), load_world(config.world), 1)
    return made


def ratios(taken: dict[str, Taken], size: Size, suffix: str = "") -> list[Figure]:
    """What the goals are about, round by round."""
    wall = {name: t.wall_R for name, t in taken.items()}
    solos = [name for name in wall if name.startswith(SOLO)]
    tops = [name for name in wall if name.startswith("matrix product")]
    top = min(tops, key=lambda name: float(np.median(wall[name])))
    found = [
        Figure(f"{name} / {PLAIN}{suffix}", "x", wall[name] / wall[PLAIN],
               at_least(3) if name == SOLO else None)
        for name in solos
    ]  # fmt: skip
    for name in (PLAIN, SOLO):
        share = 100 * step_flops(size) * wall[top] / wall[name]
        goal = at_least(30) if name == PLAIN else None
        found.append(Figure(f"{name}: share of {top}{suffix}", "%", share, goal))
    for name in list(OURS)[1:]:
        cost = 100 * (wall[name] / wall[PLAIN] - 1)
        goal = at_most(15) if name == "engine, parameter routing" else None
        found.append(Figure(f"{name}: cost over none{suffix}", "%", cost, goal))
    return found


def step_flops(size: Size) -> float:
    """Operations of one step in the world stories."""
    from absorb.sites import STORY_WORDS

    return size.flops(STORY_WORDS)


def shape(size: Size) -> str:
    """What was trained, in words."""
    return (
        f"{size.layers} layers x {size.width}, {size.heads} heads, MLP {4 * size.width}, "
        f"T = {size.length}, batch {size.batch}, {size.runs} runs; "
        f"{step_flops(size) / 1e9:.2f} billion operations a run-step: 6 B T (12 L D^2 + D V + "
        "2 L T D)"
    )


def cpu_note(taken: dict[str, Taken], contenders: dict[str, Contender]) -> str:
    """Time that the cores worked: what is near it was not kept waiting."""
    each = (f"{name} {np.median(taken[name].cpu_R) * 1e3:.1f}" for name in contenders)
    return f"cores' time / cores, ms per run-step: {'; '.join(each)}"


def published(effort: Effort) -> Report:
    """Tokens per second of the published size in both precisions, and shares of the ceiling."""
    from benchmarks.ceiling import product_of

    size = effort.pick(PUBLISHED, TINY)
    kinds = {
        f"{name}, {precision}": [*OURS[name], f"model.precision={precision}"]
        for precision in ("float32", "bfloat16")
        for name in (PLAIN, "engine, parameter routing")
    }
    tops = {
        f"matrix product, {dtype}": product_of(effort.pick(8192, 256), dtype)
        for dtype in ("float32", "bfloat16")
    }
    taken = interleaved(ours(size, kinds) | tops, effort.rounds)
    figures = [Figure(name, "TFLOP/s", 1e-12 / taken[name].wall_R) for name in tops]
    for name in kinds:
        tokens_R = size.batch * size.length / taken[name].wall_R
        figures.append(Figure(name, "thousand tokens/s", tokens_R / 1e3))
        top = f"matrix product, {name.rpartition(' ')[2]}"
        share = 100 * step_flops(size) * taken[top].wall_R / taken[name].wall_R
        figures.append(Figure(f"{name}: share of {top}", "%", share))
    return Report(figures, [shape(size)])

"""A large network: the published MNIST autoencoder against PyTorch's step."""

from benchmarks.effort import Effort
from benchmarks.report import Figure, Report, at_least
from benchmarks.timing import Contender, interleaved

BATCHES = (2048, 256)
STEPS = 2  # per epoch and call; a run-step of the larger batch takes a fifth of a second
SETTINGS = [
    "world=mnist", "model=autoencoder", "measure=quick", "model.widths=[2048,512]",
    "model.latent=32", "routing.units=16",
]  # fmt: skip


def mnist(effort: Effort) -> Report:
    """Milliseconds per run-step of 784-2048-512-32-512-2048-784, at each batch size."""
    figures = []
    for batch in effort.pick(BATCHES, (32,)):
        figures += at_batch(batch, effort)
    return Report(figures, [
        "random pictures of MNIST's shape, squared error, no certificates, so that both do the "
        "same work; the engine trains two networks on each device at a time",
    ])  # fmt: skip


def at_batch(batch: int, effort: Effort) -> list[Figure]:
    """Figures for one batch size: both sides with and without routing."""
    contenders = contenders_of(batch, effort)
    taken = interleaved(contenders, effort.pick(max(3, effort.rounds // 2), 1))
    wall = {name: t.wall_R for name, t in taken.items()}
    figures = [Figure(f"{n}, batch {batch}", "ms per run-step", w * 1e3) for n, w in wall.items()]
    pairs = [("PyTorch", "engine"), ("PyTorch, fused Adam", "engine")]
    pairs += [("PyTorch, routed, fused Adam", "engine, activation routing")]
    for peer, own in pairs:
        ratio = wall[peer] / wall[own]
        figures.append(Figure(f"{peer} / {own}, batch {batch}", "x", ratio, at_least(1)))
    return figures


def contenders_of(batch: int, effort: Effort) -> dict[str, Contender]:
    """PyTorch one network at a time; the engine as it would run a sweep."""
    from benchmarks.engine import engine, seeded
    from benchmarks.problem import problem_of
    from benchmarks.torch_solo import solo
    from sweeps.app import compose

    small = effort.pick([], ["model.widths=[64,32]"])
    settings = [*SETTINGS, *small, f"train.batch={batch}"]
    config, plain = compose(settings), compose([*settings, "routing=none"])
    data = pictures(STEPS * batch)
    problem = problem_of(config, data)
    return {
        "PyTorch": solo(problem, 2),
        "PyTorch, fused Adam": solo(problem, 2, fused=True),
        "PyTorch, routed, fused Adam": solo(problem, 2, routed=True, fused=True),
        "engine": engine(seeded(plain, 4), data, 1),
        "engine, activation routing": engine(seeded(config, 4), data, 1),
    }


def pictures(count: int):
    """Random pictures of MNIST's shape in [-1, 1], as a world's data."""
    import numpy as np

    from absorb.worlds.data import Data, Split

    rng = np.random.default_rng(0)
    x_NF = rng.uniform(-1, 1, (count, 784)).astype(np.float32)
    class_N = rng.integers(0, 10, count, dtype=np.int32)
    train = Split(x_NF, class_N, {"ink": x_NF.mean(1)})
    some = Split(x_NF[:16], class_N[:16], {"ink": x_NF[:16].mean(1)})
    return Data(train, some, some)

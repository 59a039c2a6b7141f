"""What measuring adds to training, at default settings: each program's time on the same lanes."""

from collections.abc import Sequence

from absorb.config import Config, spec_of
from benchmarks.effort import Effort
from benchmarks.report import Figure, Report, at_most
from benchmarks.timing import Contender, interleaved

SETTINGS = {  # runs and settings
    "classifier of digits": (16, ["model=mlp"]),
    "autoencoder of digits": (16, ["model=autoencoder"]),
    "toy of superposition": (16, ["world=sparse", "model=toy"]),
    "transformer on stories": (4, ["world=stories", "model=transformer", "train=adamw"]),
}
ROUNDS = 3


def measures(effort: Effort) -> Report:
    """Milliseconds per run of training and of all that is measured by default, and their ratio."""
    figures = []
    for name, (runs, words) in SETTINGS.items():
        tried = contenders(words, effort.pick(runs, 4), effort)
        found = interleaved(tried, min(effort.rounds, ROUNDS))
        train_R, look_R = found["train"].wall_R, found["measure"].wall_R
        figures += [
            Figure(f"{name}: training", "ms per run", 1e3 * train_R),
            Figure(f"{name}: measuring", "ms per run", 1e3 * look_R),
            Figure(f"{name}: measuring adds", "%", 100 * look_R / train_R, at_most(30)),
        ]
    return Report(figures)


def contenders(words: Sequence[str], runs: int, effort: Effort) -> dict[str, Contender]:
    """A whole training and a whole measuring of as many runs."""
    from absorb.worlds import load_world
    from benchmarks.engine import engine, seeded
    from sweeps.app import compose

    short = effort.pick([], ["train.epochs=1", "measure.attack_steps=4"])
    config = compose([*words, *short])
    configs, data = seeded(config, runs), load_world(config.world)
    whole = engine(configs, data, config.train.epochs)
    looked = measured(configs, data)
    return {"train": Contender(whole.run, looked.units), "measure": looked}


def measured(configs: Sequence[Config], data) -> Contender:
    """Everything that is measured of all runs, at the width that the engine's rule gives."""
    import jax

    from absorb.lanes.programs import on_all
    from benchmarks.engine import at_width, waves_of

    made = at_width(spec_of(configs[0]), len(configs))
    waves, shared = list(waves_of(configs, made)), on_all(made.mesh, data)
    states = [made.start(wave) for wave in waves]

    def run() -> None:
        for wave, state in zip(waves, states, strict=True):
            jax.block_until_ready(made.measure(wave, shared, state))

    return Contender(run, len(waves) * made.width)

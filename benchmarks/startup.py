"""Many short runs: what starting costs, against one process per run; and the compiler's cache."""

import json
import sys
import tempfile
from pathlib import Path

from benchmarks.effort import Effort
from benchmarks.processes import ABSORB, ROOT, command
from benchmarks.report import Figure, Report, at_least, at_most

RUNS = 256
EPOCHS = 20
PEER = str(ROOT / "benchmarks" / "peers" / "sweep_joblib.py")
FIRST = str(ROOT / "benchmarks" / "first_batch.py")
PROGRAMS = {"MLP": ["model=mlp"], "autoencoder": ["model=autoencoder"]}


def startup(effort: Effort) -> Report:
    """A sweep of short runs from the command line, by both; then first and second starts."""
    runs, epochs = effort.pick(RUNS, 8), effort.pick(EPOCHS, 1)
    counts = {"own": effort.pick((2, 10), (1, 2)), "worker": effort.pick((2, 66), (1, 2))}
    said = {way: " and ".join(map(str, pair)) for way, pair in counts.items()}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sweeps = [sweep(folder, runs, epochs) for _ in range(4)]  # the first one compiles
        own = {"nothing compiled before": sweeps[:1], "compiled before": sweeps[1:]}
        peers = {way: peer(folder, runs, epochs, counts[way], way) for way in counts}
        starts = [f for n, w in PROGRAMS.items() for f in start_figures(folder, n, w, effort)]
    return Report(sweep_figures(runs, own, peers) + starts, [
        f"runs of {epochs} epochs: an activation-routed MLP 64-96-96-10 on digits, batch 64, "
        "with its losses whole and ablated",
        "the peer, plain JAX under Hydra's joblib launcher, two jobs at a time, was run with "
        f"{said['own']} runs in processes of their own and with {said['worker']} runs in the "
        f"launcher's workers; its time for {runs} is the straight line through each pair",
        "one process per run: each job starts a Python process; workers kept: as the launcher "
        "does by itself, where a worker imports JAX and compiles once for all its runs",
        "compiling: the first batch of a process less the same batch again, so tracing, compiling "
        "or reading the cache; first calls, as the engine reports them, hold some of the work too",
    ])  # fmt: skip


def sweep_figures(runs: int, own: dict[str, list[float]], peers: dict[str, float]) -> list[Figure]:
    """Both sides' seconds, and how many times ours go into theirs."""
    ours = [Figure(f"sweep of {runs} runs, {state}", "s", took) for state, took in own.items()]
    words = {"own": "one process per run", "worker": "workers kept"}
    theirs = [Figure(f"joblib, {words[way]}, {runs} runs", "s", [s]) for way, s in peers.items()]
    ratios = [
        Figure(f"joblib, {words[way]} / sweep, {state}", "x", [seconds / s for s in took],
               at_least(50) if way == "own" else None)
        for way, seconds in peers.items() for state, took in own.items()
    ]  # fmt: skip
    return [*ours, *theirs, *ratios]


def sweep(folder: Path, runs: int, epochs: int) -> float:
    """Seconds of `absorb sweep` into a new store, with what was compiled by those before."""
    with tempfile.TemporaryDirectory(dir=folder) as store:
        words = [f"seed=range(0,{runs})", f"train.epochs={epochs}", "measure=quick",
                 f"store={store}/results"]  # fmt: skip
        done = command([*ABSORB, "sweep", "--yes", *words], folder, own_cache(folder, "sweeps"))
    assert f"{runs} stored" in done.out, done.out
    return done.seconds


def own_cache(folder: Path, name: str) -> dict[str, str]:
    """An environment whose compiled programs are kept here, apart from the user's."""
    cache = str(folder / name)
    return {"XDG_CACHE_HOME": cache, "JAX_COMPILATION_CACHE_DIR": cache}


def peer(folder: Path, runs: int, epochs: int, counts: tuple[int, int], way: str) -> float:
    """Seconds that the peer would take for `runs`, from two smaller numbers of runs."""
    took = []
    for count in counts:
        words = [f"seed=range(0,{count})", f"epochs={epochs}", f"process={way}"]
        done = command([sys.executable, PEER, "--multirun", *words], folder)
        took.append(done.seconds)
    slope = (took[1] - took[0]) / (counts[1] - counts[0])
    return took[0] + slope * (runs - counts[0])


def start_figures(folder: Path, name: str, words: list[str], effort: Effort) -> list[Figure]:
    """First and second starts of one program, each in a new process."""
    settings = [*words, f"train.epochs={effort.pick(10, 1)}", *effort.pick([], ["measure=quick"])]
    cache = own_cache(folder, f"start-{name}")
    starts = [
        json.loads(command([sys.executable, FIRST, *settings], folder, cache).out)
        for _ in range(effort.pick(4, 2))
    ]
    lines = {
        "compiling": ("compiling", at_most(2)),
        "first_calls": ("first calls of its programs", None),
        "process": ("whole process", None),
    }
    figures = []
    for key, (what, goal) in lines.items():
        took = [start[key] for start in starts]
        figures.append(Figure(f"{name}, first start: {what}", "s", took[:1]))
        figures.append(Figure(f"{name}, second start: {what}", "s", took[1:], goal))
    return figures

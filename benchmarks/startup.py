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
    few, more = effort.pick((2, 10), (1, 2))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sweeps = [sweep(folder, runs, epochs) for _ in range(4)]  # the first one compiles
        own = {"nothing compiled before": sweeps[:1], "compiled before": sweeps[1:]}
        peers = {way: peer(folder, runs, epochs, (few, more), way) for way in ("own", "worker")}
        starts = [f for n, w in PROGRAMS.items() for f in start_figures(folder, n, w, effort)]
    return Report(sweep_figures(runs, own, peers) + starts, [
        f"runs of {epochs} epochs: an activation-routed MLP 64-96-96-10 on digits, batch 64, "
        "with its losses whole and ablated",
        f"the peer under Hydra's joblib launcher, two jobs at a time, was run with {few} and with "
        f"{more} runs; its time for {runs} is the straight line through both",
        "one process per run: each job starts a Python process; workers kept: as the launcher "
        "does by itself, where a worker imports JAX once and compiles for each run",
        "compiling is what the engine reports: tracing, compiling or reading the cache, and the "
        "first call",
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
    compiling = [start["compile_seconds"] for start in starts]
    return [
        Figure(f"{name}, all measures: compiling, first start", "s", compiling[:1]),
        Figure(f"{name}, all measures: compiling, second start", "s", compiling[1:], at_most(2)),
        Figure(f"{name}: whole process, first start", "s", [starts[0]["process_seconds"]]),
        Figure(f"{name}: whole process, second start", "s",
               [start["process_seconds"] for start in starts[1:]]),
    ]  # fmt: skip

"""Large sweeps: what planning and resuming take, and how soon the help is there."""

import tempfile
from pathlib import Path

from benchmarks.effort import Effort
from benchmarks.processes import ABSORB, Done, command
from benchmarks.report import Figure, Report, at_most

FRACTIONS = "routing.label_fraction=0,0.1,0.25,0.5,0.75,0.8,0.85,0.9,0.95,1"
IN_SHARD = 64


def planning(effort: Effort) -> Report:
    """Seconds and memory of `absorb plan`, of a sweep that is all done, and of `absorb --help`."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        times = effort.pick(3, 1)
        planned, resumed = effort.pick(10_000, 10), effort.pick(1_000, 10)
        plans = [plan(folder, planned) for _ in range(times)]
        fill(folder, resumed)
        resumes = [resume(folder, resumed) for _ in range(times)]
        helps = [command([*ABSORB, "--help"], folder) for _ in range(effort.pick(15, 2))]
    return Report([
        Figure(f"plan of {planned * 10:,} runs", "s", [d.seconds for d in plans], at_most(15)),
        Figure(f"plan of {planned * 10:,} runs: memory at most", "MB",
               [d.peak_bytes / 1e6 for d in plans], at_most(1000)),
        Figure(f"sweep of {resumed * 10:,} runs, all done before", "s",
               [d.seconds for d in resumes], at_most(5)),
        Figure("absorb --help", "s", [d.seconds for d in helps], at_most(0.5)),
    ])  # fmt: skip


def plan(folder: Path, seeds: int) -> Done:
    """Plan a sweep of ten fractions under so many seeds."""
    done = command([*ABSORB, "plan", f"seed=range(0,{seeds})", FRACTIONS], folder)
    assert f"{seeds * 10:,} to do" in done.out, done.out
    return done


def resume(folder: Path, seeds: int) -> Done:
    """The same as a sweep, of which everything is there."""
    done = command([*ABSORB, "sweep", f"seed=range(0,{seeds})", FRACTIONS], folder)
    assert "nothing to do" in done.out, done.out
    return done


def fill(folder: Path, seeds: int) -> None:
    """A store in which the sweep is finished; its rows carry settings and no measures."""
    from absorb.identity import flat
    from absorb.store import Store
    from sweeps.app import run_sweeper
    from sweeps.plan import Had, Work, batches

    request = run_sweeper([f"seed=range(0,{seeds})", FRACTIONS], lambda asked: asked)
    store = Store(folder / "results")
    for batch in batches(Work(request.points, Had(set(), set())), lambda _: IN_SHARD):
        rows = [{"run_id": p.run_id, "status": "ok", **flat(p.config)} for p in batch]
        store.write(rows, {"code": None})

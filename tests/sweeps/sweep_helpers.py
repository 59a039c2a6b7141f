"""A stand-in for the engine, with numbers from the config alone; and what several tests ask."""

from types import SimpleNamespace

from absorb.errors import OutOfMemory
from absorb.identity import run_id
from sweeps.app import Request, run_sweeper
from sweeps.launch import Launch
from sweeps.local import Executor
from sweeps.plan import Had, Survey, Work, survey

LAUNCH = Launch(lanes=None, devices=None, batch=4, yes=True, memory_gb=None)


class FakeEngine:
    """Runs with a seed in `broken` raise; more lanes than `room` run out of memory.

    Where none are asked for, it takes `chosen` lanes. `calls` are its runs and lanes, `full` the
    runs of a full batch that it is told.
    """

    def __init__(self, broken=(), room=10**9, segments=3, chosen=16):
        self.broken, self.room, self.segments = set(broken), room, segments
        self.chosen = chosen
        self.calls: list[tuple[int, int]] = []
        self.full: list[int | None] = []

    def __call__(self, configs, *, lanes=None, devices=None, on_progress=None, checkpoint=None,
                 stored=None, most=None, runs=None, trained=None):  # fmt: skip
        lanes = lanes or min(self.chosen, most or self.chosen)
        self.calls.append((len(configs), lanes))
        self.full.append(runs)
        if lanes > self.room:
            raise OutOfMemory(lanes, RuntimeError("RESOURCE_EXHAUSTED: out of memory"))
        for config in configs:
            if config.seed in self.broken:
                raise ValueError(f"seed {config.seed} is broken")
        total = 100 * len(configs)
        for segment in range(1, self.segments + 1):
            on_progress(SimpleNamespace(
                lane_steps_done=segment * total // self.segments, lane_steps_total=total,
                phase="train",
            ))  # fmt: skip
        rows = [fake_row(config) for config in configs]
        return SimpleNamespace(
            rows=rows, arrays=[{}] * len(rows), lanes=lanes, devices=1,
            compile_seconds=0.0, run_seconds=0.1,
        )  # fmt: skip


def fake_row(config) -> dict:
    """Measures as any engine gives them; odd seeds above 90 diverge."""
    diverged = config.seed > 90 and config.seed % 2 == 1
    number = int(run_id(config)[:8], 16) / 2**32
    return {
        "raw.forget": float("nan") if diverged else number,
        "diverged_step": 5 if diverged else -1,
        "status": "diverged" if diverged else "ok",
    }


def request(*overrides: str, config_dir: str | None = None) -> Request:
    """The request behind overrides."""
    return run_sweeper(overrides, lambda asked: asked, config_dir=config_dir)


def execute(store, overrides, engine, launch=LAUNCH, had=None):
    """The points of a sweep, and its outcome with this engine."""
    points = request(*overrides).points
    done = had or Had(store.run_ids(status=("ok", "diverged")), store.run_ids(status=("failed",)))
    work = Work(points, done)
    executor = Executor(work, store, engine, launch, tuple(overrides))
    return points, executor.run(counted(work))


def counted(work: Work) -> Survey:
    """The counts of a sweep that nothing is wrong with."""
    return survey(work, lambda config: None)

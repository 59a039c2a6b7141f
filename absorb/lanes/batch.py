"""A batch of runs that share one Spec, trained and measured wave by wave, segment by segment."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple, Protocol, TypeVar

import jax
import jax.numpy as jnp
import numpy as np

from absorb.config import Config, Spec, spec_of
from absorb.errors import AbsorbError, OutOfMemory, is_out_of_memory
from absorb.footprint import FEWEST_LANES, segment_epochs
from absorb.knobs import Knobs, knobs_of, stack
from absorb.lanes.programs import PARAMETERS, Programs, on_all, on_lanes, programs
from absorb.lanes.room import make_room
from absorb.lanes.trained import Trained, stacked
from absorb.lanes.width import choose_lanes
from absorb.measure.dynamics import with_eigenvalues
from absorb.measure.fixed_points import with_fixed_points
from absorb.sites import classes
from absorb.train.starts import Named, check_start
from absorb.worlds import Data, load_world, steps_per_epoch

SAVE_EVERY = 60.0  # seconds between checkpoints inside a batch
T = TypeVar("T")
CALLED: set[tuple[Callable, int | None]] = set()  # a program's first call compiles it


class Progress(NamedTuple):
    """How far a batch is, in optimizer steps summed over its runs, earlier training included.

    A run that takes none counts as one.
    """

    lane_steps_done: int
    lane_steps_total: int
    phase: str


class BatchResult(NamedTuple):
    """One row of scores per config, in order, and what it took.

    `arrays` are each run's parameters by name where `measure.parameters` asks for them, else empty.
    `compile_seconds` are the first calls of programs, which compile and then run.
    """

    rows: list[dict[str, Any]]
    arrays: list[dict[str, np.ndarray]]
    lanes: int
    devices: int
    compile_seconds: float
    run_seconds: float


class Checkpointer(Protocol):
    """Where a batch in progress is kept."""

    def save(self, arrays: dict[str, np.ndarray], meta: dict[str, Any]) -> None: ...

    def load(self) -> tuple[dict[str, np.ndarray], dict[str, Any]] | None: ...

    def drop(self) -> None: ...


def train_batch(configs: Sequence[Config], *, lanes: int | None = None,
                devices: int | None = None, on_progress: Callable[[Progress], None] | None = None,
                checkpoint: Checkpointer | None = None,
                stored: Named | None = None, most: int | None = None, runs: int | None = None,
                trained: Sequence[Trained] | None = None) -> BatchResult:  # fmt: skip
    """Train and measure every config; each result is a function of its own config alone.

    configs: share one Spec. lanes: per device; None takes the calibrated width. on_progress: called
    after every segment, and may raise to stop: what is done is then in the checkpoint. stored: the
    parameters of the run that `train.start` names. most: of the lanes that may be chosen. runs: of
    a full batch, for which lanes are chosen, so that what is left of a stopped sweep has the same
    width; None: as many as configs. trained: the configs' networks, where they are there and have
    only to be measured.
    Errors: AbsorbError where the configs do not share a Spec, or the stored parameters do not fit;
    OutOfMemory, which says the width that was tried.
    """
    if lanes is not None and lanes < FEWEST_LANES:
        raise AbsorbError(f"lanes={lanes}: must be at least {FEWEST_LANES}")
    spec = spec_of(configs[0])
    if any(spec_of(config) != spec for config in configs):
        raise AbsorbError("a batch holds configs of more than one Spec")
    if spec.train.start:
        check_start(spec, stored or {})
    data = load_world(configs[0].world)
    knobs = [knobs_of(config, classes(spec.world)) for config in configs]
    run_steps = spec.train.epochs * steps_per_epoch(spec, len(data.train.class_N))
    make_room()
    to_train = 0 if trained else run_steps
    full = runs or len(knobs)
    lanes = lanes or choose_lanes(spec, data, knobs[0], full, to_train, devices, most)
    with memory_of(lanes):
        made = programs(spec, lanes, devices)
        begin = on_all(made.mesh, dict(stored)) if stored and spec.train.start else None
        shared = on_all(made.mesh, data)
        batch = _Batch(
            spec, made, shared, begin, trained, run_steps, knobs, on_progress, checkpoint
        )
        rows = batch.run()
    arrays = [_arrays(row) for row in rows]
    total = time.perf_counter() - batch.began
    return BatchResult(
        rows, arrays, lanes, made.mesh.size, batch.first_calls, total - batch.first_calls
    )


@contextmanager
def memory_of(lanes: int) -> Iterator[None]:
    """Tells memory that runs out by the width that it ran out with."""
    try:
        yield
    except Exception as error:
        if is_out_of_memory(error):
            raise OutOfMemory(lanes, error) from error
        raise


class _Batch:
    """The waves of one batch: where it stands, and how that is saved and resumed."""

    def __init__(self, spec: Spec, made: Programs, shared: Data, stored: Named | None,
                 trained: Sequence[Trained] | None, run_steps: int, knobs: list[Knobs], on_progress,
                 checkpoint: Checkpointer | None):  # fmt: skip
        self.spec, self.made, self.data, self.knobs = spec, made, shared, knobs
        self.on_progress, self.checkpoint = on_progress, checkpoint
        self.began = self.saved = time.perf_counter()
        self.first_calls = 0.0
        self.scores: list[dict[str, np.ndarray]] = []
        self.run_steps, self.stored, self.trained = run_steps, stored, trained
        self.segment = segment_epochs(spec.train.epochs)

    def run(self) -> list[dict[str, Any]]:
        """One row per run, from where the checkpoint stands."""
        first, epoch, state = self._resume()
        if first or epoch:
            self._tell(first, epoch, "resumed")
        for wave in range(first, -(-len(self.knobs) // self.made.width)):
            knobs = on_lanes(self.made.mesh, stack(self._lanes(self.knobs, wave)))
            if self.trained is None:
                state = self._train(wave, knobs, epoch, state)
            else:
                state = on_lanes(self.made.mesh, stacked(self._lanes(self.trained, wave)))
            self._measure(wave, knobs, state)
            self._after_segment(wave + 1, 0, None, "measure")
            epoch, state = 0, None
        if self.checkpoint is not None:
            self.checkpoint.drop()
        merged = {name: np.concatenate([s[name] for s in self.scores]) for name in self.scores[0]}
        return [_row(merged, i) for i in range(len(self.knobs))]

    def _lanes(self, runs: Sequence[T], wave: int) -> Sequence[T]:
        """What the lanes of a wave work on; those beyond the last run repeat it."""
        some = runs[wave * self.made.width : (wave + 1) * self.made.width]
        return [*some, *[some[-1]] * (self.made.width - len(some))]

    def _train(self, wave: int, knobs: Knobs, epoch: int, state):
        """The state of a wave's networks after training, from where it stands."""
        if state is None:
            state = self._call(self.made.start, knobs, self.stored)
        else:
            state = on_lanes(self.made.mesh, state)
        while epoch < self.spec.train.epochs:
            state = self._call(
                self.made.train, knobs, self.data, state, jnp.int32(epoch), self.segment
            )
            epoch += self.segment  # divides the run's epochs
            self._after_segment(wave, epoch, state)
        if self.made.unlearn is not None:
            state = self._call(self.made.unlearn, knobs, self.data, state)
        return state

    def _measure(self, wave: int, knobs: Knobs, state) -> None:
        """The scores of a wave's networks, kept."""
        seen = state._replace(opt_state=None)  # nobody asks for it: one program for kept networks
        scores = self._call(self.made.measure, knobs, self.data, seen)
        extra = {"diverged_step": state.diverged_step}
        if self.spec.train.epochs:
            extra["final.loss"] = state.loss
        real = len(self.knobs) - wave * self.made.width  # lanes beyond repeat the last run
        found = {k: np.asarray(v)[:real] for k, v in (scores | extra).items()}
        found = with_eigenvalues(found, np.asarray(knobs.learning_rate)[:real])
        self.scores.append(with_fixed_points(self.spec, knobs, self.data, state.params, found))

    def _call(self, program: Callable, *args):
        began = time.perf_counter()
        result = jax.block_until_ready(program(*args))
        static = args[-1] if isinstance(args[-1], int) else None
        if (program, static) not in CALLED:
            CALLED.add((program, static))
            self.first_calls += time.perf_counter() - began
        return result

    def _after_segment(self, wave: int, epoch: int, state, phase: str = "train") -> None:
        if self.checkpoint is not None and time.perf_counter() - self.saved > SAVE_EVERY:
            self._save(wave, epoch, state)
        try:
            self._tell(wave, epoch, phase)
        except BaseException:
            if self.checkpoint is not None:
                self._save(wave, epoch, state)
            raise

    def _tell(self, wave: int, epoch: int, phase: str) -> None:
        if self.on_progress is None:
            return
        runs, width = len(self.knobs), self.made.width
        before = min(wave * width, runs)
        share = epoch / max(1, self.spec.train.epochs)  # of what the runs of this wave train
        done = before + share * min(width, runs - before)
        steps = max(1, self.run_steps)
        self.on_progress(Progress(round(done * steps), runs * steps, phase))

    def _save(self, wave: int, epoch: int, state) -> None:
        assert self.checkpoint is not None
        arrays = {f"state.{i}": np.asarray(x) for i, x in enumerate(jax.tree.leaves(state))}
        for done, scores in enumerate(self.scores):
            arrays |= {f"scores.{done}.{name}": value for name, value in scores.items()}
        self.checkpoint.save(arrays, {"wave": wave, "epoch": epoch} | self._here())
        self.saved = time.perf_counter()

    def _here(self) -> dict[str, Any]:
        """What a checkpoint must agree in: another width is another rounding."""
        return {"width": self.made.width, "devices": self.made.mesh.size, "runs": len(self.knobs),
                "trained": self.trained is not None}  # fmt: skip

    def _resume(self) -> tuple[int, int, Any]:
        found = self.checkpoint.load() if self.checkpoint is not None else None
        if found is None:
            return 0, 0, None
        arrays, meta = found
        if any(meta.get(name, False) != value for name, value in self._here().items()):
            return 0, 0, None
        for done in range(meta["wave"]):
            prefix = f"scores.{done}."
            self.scores.append(
                {k.removeprefix(prefix): v for k, v in arrays.items() if k.startswith(prefix)}
            )
        if not meta["epoch"]:  # between waves there is no state
            return meta["wave"], 0, None
        shape = jax.eval_shape(self.made.start, stack([self.knobs[0]] * self.made.width))
        count = len(jax.tree.leaves(shape))
        leaves = [arrays[f"state.{i}"] for i in range(count)]
        return meta["wave"], meta["epoch"], jax.tree.unflatten(jax.tree.structure(shape), leaves)


def _row(merged: dict[str, np.ndarray], i: int) -> dict[str, Any]:
    row: dict[str, Any] = {
        name: value[i] if name.startswith(PARAMETERS) else _plain(value[i])
        for name, value in merged.items()
    }
    finite = row.pop("finite_parameters") and np.isfinite(row.get("final.loss", 0.0))
    diverged = row["diverged_step"] >= 0 or not finite
    return row | {"status": "diverged" if diverged else "ok"}


def _arrays(row: dict[str, Any]) -> dict[str, np.ndarray]:
    """The parameters among a row's scores, taken out of it."""
    names = [name for name in row if name.startswith(PARAMETERS)]
    return {name.removeprefix(PARAMETERS): row.pop(name) for name in names}


def _plain(value: np.ndarray) -> Any:
    """One number, or a flat list of numbers."""
    return value.item() if value.ndim == 0 else value.ravel().tolist()

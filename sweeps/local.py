"""Batches executed in this process: what is finished is stored at once, what fails is isolated."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from absorb.config import spec_of
from absorb.errors import AbsorbError, OutOfMemory
from absorb.footprint import FEWEST_LANES, even
from absorb.identity import Scalar, flat
from sweeps.checked_yaml import one_line
from sweeps.claims import Elsewhere, Share, opened
from sweeps.launch import Launch
from sweeps.memory import check_memory, widest_of
from sweeps.plan import Survey, Work
from sweeps.points import Point
from sweeps.progress import ProgressBar, complain
from sweeps.provenance import Durations, provenance_of
from sweeps.stopping import Stop, Stopper
from sweeps.stored_checkpoint import StoredCheckpoint, StoreFailed, StoreLike

if TYPE_CHECKING:
    import numpy as np

    from absorb.lanes.trained import Trained


class Outcome(NamedTuple):
    """Numbers of runs stored by status, whether the sweep was asked to stop before its end, and
    how the runs stand that other processes do.
    """

    ok: int
    diverged: int
    failed: int
    stopped: bool
    elsewhere: Elsewhere = Elsewhere(0, 0)


class Failed(NamedTuple):
    """A run that raised, and what."""

    point: Point
    text: str


class Executor:
    """One sweep's execution; `run` returns when nothing is left to do or a stop was asked for."""

    def __init__(
        self,
        work: Work,
        store: StoreLike,
        engine: Callable[..., Any],
        launch: Launch,
        overrides: tuple[str, ...] = (),
    ) -> None:
        """`engine` is `absorb.lanes.batch.train_batch`, or a stand-in for it in a test."""
        self.work, self.store, self.engine = work, store, engine
        self.launch, self.overrides = launch, overrides
        self.narrowed: dict[int, int] = {}  # most lanes of programs that ran out of memory
        self.given_up: set[int] = set()  # programs of which a batch failed whole
        self.last_error: str | None = None  # of the batch before, where it failed whole
        self.counts = dict.fromkeys(("ok", "diverged", "failed"), 0)
        self.networks: list[str] = []  # runs whose networks the batch in progress measures again
        self.codes: list[str | None] = []  # by which they and its start were made

    def run(self, counts: Survey) -> Outcome:
        """Execute every batch of what was counted; AbsorbError where the store cannot take more."""
        self.bar = ProgressBar(counts.todo)
        self.asked = counts.asked
        stopped, elsewhere = False, Elsewhere(0, 0)
        try:
            with Stopper() as self.stopper, opened(self.store.root) as claims:
                share = Share(self.work, self.size_of, self.store.root, claims)
                for points in share.batches():
                    self.stopper.check()
                    if points[0].program not in self.given_up:
                        self._check_memory(points)
                        self._batch(points)
                elsewhere = share.elsewhere()
        except Stop:
            stopped = True
        finally:
            self.bar.close()
        return Outcome(**self.counts, stopped=stopped, elsewhere=elsewhere)

    def size_of(self, program: int) -> int:
        """Runs of a full batch of a program, the same however many of them are there already."""
        return even(self.asked[program], self.launch.batch)

    @cached_property
    def here(self) -> Launch:
        """The settings with the devices that there are: unlike a plan, JAX sees accelerators."""
        import jax

        return replace(self.launch, devices=len(jax.local_devices()[: self.launch.devices]))

    def _check_memory(self, points: Sequence[Point]) -> None:
        """AbsorbError where a batch does not fit into the bound: it may on a plan's devices."""
        if self.launch.bound is not None:
            check_memory([spec_of(points[0].config)], self.here)

    def _batch(self, points: Sequence[Point]) -> None:
        """Train and store one batch, and store what of it failed."""
        failed = self._tried(points)
        if failed:
            self._store_failed(failed)
        self._judge(points, failed)

    def _tried(self, points: Sequence[Point]) -> list[Failed]:
        """Train and store; a batch that raises is halved down to the culprits, which come back."""
        try:
            result = self._train(points)
        except (Stop, StoreFailed):
            raise
        except Exception as error:
            StoredCheckpoint(self.store, points).drop_for_good()
            # A batch is filled up to its width, so half of it takes as much memory.
            if len(points) == 1 or isinstance(error, OutOfMemory):
                return [Failed(point, _text(error)) for point in points]
            complain(f"a batch of {len(points)} raised {_text(error)}; looking for the run")
            middle = len(points) // 2
            return self._tried(points[:middle]) + self._tried(points[middle:])
        self._store(points, result)
        return []

    def _judge(self, points: Sequence[Point], failed: Sequence[Failed]) -> None:
        """Do not go on with a program, or with the sweep, whose every run would fail the same.

        A program is given up where several runs, all of a batch, failed with one error. The second
        batch in a row that does so with the same error ends the sweep: AbsorbError.
        """
        texts = {run.text for run in failed}
        error = texts.pop() if len(failed) == len(points) and len(texts) == 1 else None
        before, self.last_error = self.last_error, error
        if error is None:
            return
        if error == before:
            raise AbsorbError(
                f"{error}: every run of two batches in a row failed so, and the sweep ends;"
                " the same command does what was not tried, absorb retry what failed"
            )
        if len(points) > 1:
            self.given_up.add(points[0].program)
            complain(
                f"all {len(points)} runs of a batch failed with {error}; what is left of their Spec"
                " is not tried now: the same command does"
            )

    def _train(self, points: Sequence[Point]) -> Any:
        """The engine's result, with half the lanes wherever memory does not suffice."""
        self.networks, self.codes = [], []
        trained, start = self._trained(points), self._start_of(points)
        steps = trained is None and points[0].config.train.epochs > 0
        while True:
            try:
                return self.engine(
                    [point.config for point in points],
                    lanes=self.lanes_of(points),
                    devices=self.launch.devices,
                    on_progress=self._on_progress(len(points), steps),
                    checkpoint=StoredCheckpoint(self.store, points),
                    stored=start,
                    trained=trained,
                    most=self.most_of(points),
                    runs=self.size_of(points[0].program),
                )
            except OutOfMemory as error:
                if error.lanes <= FEWEST_LANES:
                    raise
                narrower = max(FEWEST_LANES, error.lanes // 2)
                complain(f"out of memory with {error.lanes} lanes; trying {narrower}")
                self.narrowed[points[0].program] = narrower

    def lanes_of(self, points: Sequence[Point]) -> int | None:
        """Lanes that are asked of the engine for a batch; None leaves them to it."""
        lanes, most = self.launch.lanes, self.most_of(points)
        return lanes and min(lanes, most or lanes)

    def most_of(self, points: Sequence[Point]) -> int | None:
        """Lanes that memory leaves a batch, by its bound or by having run out; None: no limit."""
        narrowed = self.narrowed.get(points[0].program)
        if self.launch.bound is None:
            return narrowed
        fits = widest_of(spec_of(points[0].config), self.here)
        return min(fits, narrowed or fits)

    def _start_of(self, points: Sequence[Point]) -> "dict[str, np.ndarray] | None":
        """The parameters that a batch starts from, where it does not start afresh."""
        start = points[0].config.train.start  # static, so the same for all of a batch
        if not start:
            return None
        self.codes.append(self.store.row(start)["code"])
        return self.store.arrays(start)

    def _trained(self, points: Sequence[Point]) -> "list[Trained] | None":
        """The networks of a batch that are there already, or None where they have to be trained."""
        networks = [self.work.networks.of(point.config) for point in points]
        there = [network for network in networks if network is not None]
        if not there:
            return None
        from absorb.lanes.trained import Trained

        try:
            arrays = self.store.arrays_of([network.run_id for network in there])
        except AbsorbError as error:  # its file was damaged since
            complain(f"{error}; {len(there)} networks are trained again")
            return None
        self.networks = [network.run_id for network in there]
        self.codes += [network.code for network in there]
        return [Trained(arrays[network.run_id], network.loss) for network in there]

    def _on_progress(self, runs: int, steps: bool) -> Callable[[Any], None]:
        """Moves the bar; `steps` says whether optimizer steps are taken, or networks measured."""

        def on_progress(progress: Any) -> None:
            done, total = progress.lane_steps_done, max(1, progress.lane_steps_total)
            self.lane_steps = total if steps else 0
            move = self.bar.resumed if progress.phase == "resumed" else self.bar.step
            move(done / total, runs, min(done, self.lane_steps))
            self.stopper.check()

        self.lane_steps = 0
        return on_progress

    def _store(self, points: Sequence[Point], result: Any) -> None:
        rows = [_row(point, measures) for point, measures in zip(points, result.rows, strict=True)]
        took = Durations(result.compile_seconds, result.run_seconds)
        arrays = {
            point.run_id: found for point, found in zip(points, result.arrays, strict=True) if found
        }
        self._write(points, rows, result.lanes, took, arrays)
        StoredCheckpoint(self.store, points).drop_for_good()
        self.bar.rows(len(rows), self.lane_steps)

    def _store_failed(self, failed: Sequence[Failed]) -> None:
        for point, text in failed:
            complain(f"run {point.run_id[:12]} failed: {text}")
        points = [run.point for run in failed]
        rows = [_row(point, {"status": "failed", "error": text}) for point, text in failed]
        self._write(points, rows, self.lanes_of(points), Durations(0.0, 0.0))
        self.bar.rows(len(rows), 0)

    def _write(self, points: Sequence[Point], rows: list, lanes: int | None, took: Durations,
               arrays: "dict[str, dict[str, np.ndarray]] | None" = None) -> None:  # fmt: skip
        spec = spec_of(points[0].config)
        made = provenance_of(spec, self.overrides, lanes, took, self.codes)
        origin = {"networks": self.networks} if self.networks else {}
        self.store.write(rows, made | origin, arrays or None)
        for row in rows:
            self.counts[row["status"]] += 1


def _row(point: Point, measures: dict[str, Scalar]) -> dict[str, Scalar]:
    row = {"run_id": point.run_id, **flat(point.config)}
    if clash := set(row) & set(measures):
        raise AbsorbError(f"the measure {min(clash)} has the name of a setting")
    return row | measures


def _text(error: BaseException) -> str:
    return one_line(f"{type(error).__name__}: {error}")

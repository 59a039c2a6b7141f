"""Batches executed in this process: what is finished is stored at once, what fails is isolated."""

import hashlib
import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from absorb.config import spec_of
from absorb.errors import AbsorbError, is_out_of_memory
from absorb.footprint import FEWEST_LANES
from absorb.identity import Scalar, flat
from sweeps.checked_yaml import one_line
from sweeps.launch import Launch
from sweeps.memory import widest_of
from sweeps.plan import Work, batches
from sweeps.points import Point
from sweeps.progress import ProgressBar, complain
from sweeps.provenance import Durations, code_version, provenance_of, versions
from sweeps.stopping import Stop, Stopper

if TYPE_CHECKING:
    import numpy as np

    from absorb.lanes.trained import Trained

NARROW = 8  # lanes to begin halving from where the engine had chosen the width itself


class StoreLike(Protocol):
    """What an executor needs of `absorb.store.Store`."""

    def write(self, rows: Any, provenance: Any, arrays: Any = None) -> str: ...
    def row(self, run_prefix: str) -> Any: ...
    def arrays(self, run_id: str) -> Any: ...
    def arrays_of(self, run_ids: Sequence[str]) -> Any: ...
    def save_checkpoint(self, name: str, arrays: Any, meta: Any) -> None: ...
    def load_checkpoint(self, name: str) -> Any: ...
    def drop_checkpoint(self, name: str) -> None: ...


class Outcome(NamedTuple):
    """Numbers of runs stored by status, and whether the sweep was asked to stop before its end."""

    ok: int
    diverged: int
    failed: int
    stopped: bool


class StoreFailed(AbsorbError):
    """The store cannot be written: the sweep ends, since no run is to blame."""


class StoredCheckpoint:
    """The engine's checkpoint of one batch, named by its runs, code and libraries."""

    def __init__(self, store: StoreLike, points: Sequence[Point]) -> None:
        digest = hashlib.sha256("\n".join(point.run_id for point in points).encode())
        digest.update(json.dumps([code_version(), versions()], sort_keys=True).encode())
        self.store, self.name = store, f"batch-{digest.hexdigest()[:40]}"

    def save(self, arrays: "dict[str, np.ndarray]", meta: dict[str, Any]) -> None:
        """Replace what is kept."""
        try:
            self.store.save_checkpoint(self.name, arrays, meta)
        except AbsorbError as error:
            raise StoreFailed(str(error)) from error

    def load(self) -> "tuple[dict[str, np.ndarray], dict[str, Any]] | None":
        """What is kept, or None."""
        try:
            return self.store.load_checkpoint(self.name)
        except AbsorbError as error:
            raise StoreFailed(str(error)) from error

    def drop(self) -> None:
        """Nothing yet: the rows are not in the store when the engine calls this."""

    def drop_for_good(self) -> None:
        """Remove what is kept; the rows are safe."""
        self.store.drop_checkpoint(self.name)


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
        self.launch, self.lanes, self.overrides = launch, launch.lanes, overrides
        self.counts = dict.fromkeys(("ok", "diverged", "failed"), 0)
        self.networks: list[str] = []  # runs whose networks the batch in progress measures again
        self.codes: list[str | None] = []  # by which they and its start were made

    def run(self, total: int) -> Outcome:
        """Execute every batch; AbsorbError where the store cannot take more."""
        self.bar = ProgressBar(total)
        stopped = False
        try:
            with Stopper() as self.stopper:
                for points in batches(self.work, self.launch.batch):
                    self.stopper.check()
                    self._batch(points)
        except Stop:
            stopped = True
        finally:
            self.bar.close()
        return Outcome(**self.counts, stopped=stopped)

    def _batch(self, points: Sequence[Point]) -> None:
        """Train and store one batch; a batch that raises is halved down to the culprit."""
        try:
            result = self._train(points)
        except (Stop, StoreFailed):
            raise
        except Exception as error:
            if len(points) == 1:
                self._store_failed(points[0], error)
                return
            complain(f"a batch of {len(points)} raised {_text(error)}; looking for the run")
            middle = len(points) // 2
            self._batch(points[:middle])
            self._batch(points[middle:])
            return
        self._store(points, result)

    def _train(self, points: Sequence[Point]) -> Any:
        """The engine's result, with half the lanes wherever memory does not suffice."""
        self.networks, self.codes = [], []
        trained, start = self._trained(points), self._start_of(points)
        steps = trained is None and points[0].config.train.epochs > 0
        while True:
            try:
                return self.engine(
                    [point.config for point in points],
                    lanes=self.lanes,
                    devices=self.launch.devices,
                    on_progress=self._on_progress(len(points), steps),
                    checkpoint=StoredCheckpoint(self.store, points),
                    stored=start,
                    trained=trained,
                    most=self.most_of(points),
                )
            except Exception as error:
                begun = self.lanes or min(2 * NARROW, self.most_of(points) or 2 * NARROW)
                narrower = max(FEWEST_LANES, begun // 2)
                if not is_out_of_memory(error) or narrower == self.lanes:
                    raise
                complain(f"out of memory with {self.lanes or 'chosen'} lanes; trying {narrower}")
                self.lanes = narrower

    def most_of(self, points: Sequence[Point]) -> int | None:
        """Lanes that the memory bound leaves a batch, or None where there is no bound."""
        if self.launch.bound is None:
            return None
        return widest_of(spec_of(points[0].config), self.launch)

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

    def _store_failed(self, point: Point, error: Exception) -> None:
        complain(f"run {point.run_id[:12]} failed: {_text(error)}")
        row = _row(point, {"status": "failed", "error": _text(error)})
        self._write([point], [row], self.lanes, Durations(0.0, 0.0))
        self.bar.rows(1, 0)

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

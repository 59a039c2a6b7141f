"""What `absorb barriers` does: compares the stored parameters of a finished sweep two by two.

Rows go to a store of their own below that of the runs, a shard for some pairs at a time, so that a
second call does only what is missing.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from absorb.config import Autoencoder, Mlp, Spec, spec_of
from absorb.devices import set_up_devices
from absorb.errors import AbsorbError
from absorb.footprint import parameters
from absorb.identity import flat
from absorb.sites import classes, site_widths
from absorb.store.names import PAIRS
from sweeps.app import Request, run_sweeper
from sweeps.estimate import FLOPS_PER_CORE, words
from sweeps.pair_plan import Pair, pairs_of
from sweeps.progress import ProgressBar, complain, note
from sweeps.provenance import Durations, provenance_of
from sweeps.stopping import STOPPED, Stop, Stopper

if TYPE_CHECKING:
    from absorb.models import Params
    from absorb.store import Store

AT_ONCE = 32  # pairs in a shard, which a crash loses at most
ASSIGN_S = 1e-7  # per unit cubed: matching a layer, twice, from two starts each
HELD = 64  # runs whose parameters stay in memory


class Asked(NamedTuple):
    """All pairs of a request, those that are left to do, and the statuses of its runs."""

    request: Request
    pairs: Sequence[Pair]
    todo: Sequence[Pair]
    status: Mapping[str, str]


def barriers(overrides: Sequence[str], *, config_dir: str | None = None) -> int:
    """Compare the runs of a sweep in pairs, those that are missing; the exit code."""
    return run_sweeper(overrides, _barriers, config_dir=config_dir)


def _barriers(request: Request) -> int:
    set_up_devices(request.launch.devices)  # what comes next may import JAX
    asked = ask(request)
    note(headline(asked))
    if not asked.todo:
        return 0
    stopped, done = execute(asked)
    note(f"{done:,} stored in {pair_store(request)}")
    if stopped:
        complain("stopped as asked; the same command goes on from here")
    return STOPPED if stopped else 0


def ask(request: Request) -> Asked:
    """The pairs of a request, and what of them is left to do.

    Errors: AbsorbError for runs that keep no parameters, that cannot be matched or are not there.
    """
    points = list(request.points)
    for spec in request.points.specs:
        check_spec(spec)
    pairs = pairs_of(points)
    status = statuses(request, {run.run_id for pair in pairs for run in (pair.first, pair.second)})
    path = pair_store(request)
    done = _opened(path).run_ids() if path.exists() else set()
    return Asked(request, pairs, [pair for pair in pairs if pair.id not in done], status)


def pair_store(request: Request) -> Path:
    """Where the rows of pairs are kept."""
    return Path(request.store) / PAIRS


def _opened(path: Path) -> "Store":
    from absorb.store import Store

    return Store(path, create=False)


def check_spec(spec: Spec) -> None:
    """Refuse runs that cannot be compared: AbsorbError naming the setting."""
    if not spec.measure.parameters:
        raise AbsorbError(
            "measure.parameters=false: barriers lie between trained parameters, which were not"
            " kept; sweep with measure.parameters=true and ask for the same here"
        )
    if not isinstance(spec.model, Mlp | Autoencoder):
        raise AbsorbError(f"model.kind={spec.model.kind}: units can be matched of mlp, autoencoder")


def statuses(request: Request, run_ids: set[str]) -> dict[str, str]:
    """How each run ended. Errors: AbsorbError unless all of them are there."""
    from absorb.store import is_there

    if not is_there(request.store):
        raise AbsorbError(f"store={request.store}: no such directory; absorb sweep makes it")
    store = _opened(Path(request.store))
    found = {i: name for name in ("ok", "diverged") for i in store.run_ids(status=(name,))}
    missing = run_ids - set(found)
    if missing:
        failed = len(missing & store.run_ids(status=("failed",)))
        more = f" ({failed:,} failed)" if failed else ""
        raise AbsorbError(
            f"{len(missing):,} of {len(run_ids):,} runs are not in store={request.store}{more};"
            f" absorb {'retry' if failed else 'sweep'} with the same words does them"
        )
    return {run_id: found[run_id] for run_id in run_ids}


def headline(asked: Asked) -> str:
    """One line: how many pairs, how many are there, what is left and how long it takes."""
    text = f"{len(asked.pairs):,} pairs of {len(asked.status):,} runs:"
    text += f" {len(asked.pairs) - len(asked.todo):,} already there"
    if not asked.todo:
        return f"{text}, nothing to do"
    seconds = sum(pair_seconds(spec_of(pair.first.config)) for pair in asked.todo)
    return f"{text}, {len(asked.todo):,} to do, about {words(seconds)}, a rough guess"


@lru_cache(maxsize=256)
def pair_seconds(spec: Spec) -> float:
    """A rough guess of what one pair takes: the losses on the way, and matching."""
    from absorb.measure.pairs import ORDERS, POINTS
    from absorb.worlds import load_world

    tests = len(load_world(spec.world).test.class_N)
    passes = len(ORDERS) * POINTS * 2.0 * parameters(spec) * tests / FLOPS_PER_CORE
    return passes + ASSIGN_S * sum(width**3 for width in site_widths(spec.model).values())


def execute(asked: Asked) -> tuple[bool, int]:
    """Compare and store what is left; whether a stop was asked for, and how many were stored."""
    from absorb.store import Store

    runs = _opened(Path(asked.request.store))
    read, codes = reader(runs), codes_of(runs)
    store, bar = Store(pair_store(asked.request)), ProgressBar(len(asked.todo), unit="pair")
    stopped = False
    try:
        with Stopper() as stopper:
            for batch in batches(asked.todo):
                stopper.check()
                began = time.perf_counter()
                rows = rows_of(batch, asked.status, read, bar, stopper)
                seconds = time.perf_counter() - began
                store.write(rows, provenance(batch, asked.request, codes, seconds))
                bar.rows(len(rows), 0)
    except Stop:
        stopped = True
    finally:
        bar.close()
    return stopped, bar.done


def batches(pairs: Sequence[Pair]) -> Iterator[Sequence[Pair]]:
    """Pairs of one Spec together, up to AT_ONCE."""
    for _, same in groupby(pairs, key=lambda pair: spec_of(pair.first.config)):
        own = list(same)
        yield from (own[i : i + AT_ONCE] for i in range(0, len(own), AT_ONCE))


def rows_of(batch: Sequence[Pair], status: Mapping[str, str], read: "Callable[[str], Params]",
            bar: ProgressBar, stopper: Stopper) -> list[dict[str, Any]]:  # fmt: skip
    """The rows of a batch, up to where a stop is asked for."""
    rows = []
    for pair in batch:
        if stopper.asked and rows:
            break
        rows.append(row_of(pair, status, read))
        bar.step(len(rows), 1, 0)
    return rows


def reader(store: "Store") -> "Callable[[str], Params]":
    """The parameters of a run by its id; of the last few they are held."""
    from absorb.train.starts import tree_of

    return lru_cache(maxsize=HELD)(lambda run_id: tree_of(store.arrays(run_id)))


def row_of(pair: Pair, status: Mapping[str, str], read: "Callable[[str], Params]") -> dict:
    """The row of one pair: its settings and what was found; nothing where a run diverged."""
    ids = pair.first.run_id, pair.second.run_id
    settings = {k: v for k, v in flat(pair.first.config).items() if not k.startswith("seeds.")}
    row = {
        "run_id": pair.id,
        **settings,
        "pair.first": ids[0],
        "pair.second": ids[1],
        "pair.shared": pair.shared,
        "pair.cell": pair.cell,
        "pair.of": pair.of,
    }
    if any(status[run_id] != "ok" for run_id in ids):
        return row | {"status": "diverged"}
    return row | {"status": "ok"} | measured(pair, *map(read, ids))


def measured(pair: Pair, a: "Params", b: "Params") -> dict[str, float]:
    """What lies between two networks."""
    from absorb.knobs import knobs_of
    from absorb.measure.pairs import compared
    from absorb.worlds import load_world

    config = pair.first.config
    knobs, test = knobs_of(config, classes(config.world)), load_world(config.world).test
    return compared(spec_of(config), knobs, test, a, b, seed=int(pair.id[:8], 16))


def codes_of(store: "Store") -> dict[str, str | None]:
    """The code that each run is by, as tables have it."""
    table = store.table(columns=())
    return dict(zip(table["run_id"].to_pylist(), table["code"].to_pylist(), strict=True))


def provenance(batch: Sequence[Pair], request: Request, codes: Mapping[str, str | None],
               seconds: float) -> dict[str, Any]:  # fmt: skip
    """How the rows of some pairs came about, by the code of their networks too."""
    spec, took = spec_of(batch[0].first.config), Durations(0.0, seconds)
    networks = [codes.get(run.run_id) for pair in batch for run in (pair.first, pair.second)]
    return provenance_of(spec, request.overrides, None, took, networks)

"""What `absorb sweep`, `plan`, `retry` and `train` do once their words are understood."""

import sys
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from absorb.config import Config
from absorb.devices import set_up_devices
from absorb.errors import AbsorbError
from sweeps.app import Request, run_sweeper
from sweeps.estimate import Estimate, Load, estimate, size_words, words
from sweeps.launch import Launch
from sweeps.local import Executor, Outcome
from sweeps.memory import check_memory
from sweeps.networks import Networks
from sweeps.plan import Had, Survey, Work, survey
from sweeps.progress import complain, note, say
from sweeps.starts import start_checker
from sweeps.stopping import STOPPED
from sweeps.stored import failed_points

ASK_ABOVE_S = 600.0
SOME_FAILED = 1


class Asked(NamedTuple):
    """A request with what of it is left to do."""

    request: Request
    work: Work
    survey: Survey
    estimate: Estimate


def sweep(overrides: Sequence[str], *, config_dir: str | None = None, yes: bool = False) -> int:
    """Run what is missing of a sweep; the exit code."""
    return run_sweeper(overrides, lambda request: _sweep(request, yes), config_dir=config_dir)


def retry(overrides: Sequence[str], *, config_dir: str | None = None, yes: bool = False) -> int:
    """Run again what failed of a sweep, or of the whole store if none is named; the exit code."""

    def task(request: Request) -> int:
        if not request.names_runs:
            failed = failed_points(request.store)
            if failed.others:
                runs = "run was" if failed.others == 1 else "runs were"
                note(f"{failed.others:,} failed {runs} made under other settings: left alone")
            request = request._replace(points=failed)
        return _sweep(request, yes, again=True)

    return run_sweeper(overrides, task, config_dir=config_dir)


def plan(overrides: Sequence[str], *, config_dir: str | None = None) -> int:
    """Say what a sweep would do; nothing is created."""
    return run_sweeper(overrides, _plan, config_dir=config_dir)


def train(overrides: Sequence[str], *, config_dir: str | None = None) -> int:
    """One run in the foreground, stored like any other, and its numbers."""
    return run_sweeper(overrides, _train, config_dir=config_dir)


def _sweep(request: Request, yes: bool, again: bool = False) -> int:
    from absorb.store import Store

    asked = ask(request, again)
    note(headline(asked))
    if not asked.survey.todo:
        return SOME_FAILED if asked.survey.failed else 0
    if not (yes or request.launch.yes) and not _agreed(asked.estimate):
        return 0
    Store(request.store)  # says at once where it cannot be
    code = _report(execute(asked), request)
    left = asked.survey.failed and not again  # by an earlier command, and not tried again
    return code or (SOME_FAILED if left else 0)


def _plan(request: Request) -> int:
    asked = ask(request)
    counts, guess, launch = asked.survey, asked.estimate, request.launch
    devices = f"{launch.devices} devices" if launch.devices else "a device on each CPU core"
    say(headline(asked))
    lines = {
        "points": f"{counts.points:,} ({counts.duplicates:,} duplicates)",
        "already there": f"{counts.finished:,} ({counts.failed:,} failed)",
        "to do": f"{counts.todo:,} ({sum(counts.trained.values()):,} trained before)",
        "programs to compile": f"{len(counts.missing):,}",
        "runs in a batch": f"up to {launch.batch}",
        "lanes": f"{launch.lanes or 'calibrated'} on each of {launch.devices or 'all'} devices",
        "time": f"about {words(guess.seconds)}, a rough guess for {devices}",
        "memory": f"about {size_words(guess.memory)} for {devices}{bound_words(launch)}",
        "results": f"about {size_words(guess.stored)} in {request.store}",
    }
    for name, text in lines.items():
        say(f"  {name:<20} {text}")
    return 0


def bound_words(launch: Launch) -> str:
    """The bound on memory, where there is one."""
    return "" if launch.bound is None else f", within the {size_words(launch.bound)} allowed"


def _train(request: Request) -> int:
    from absorb.store import Store
    from sweeps.reports import print_measures

    if len(request.points) != 1:
        raise AbsorbError(f"{len(request.points):,} runs: train takes one; see absorb sweep")
    asked = ask(request)
    if asked.survey.todo:
        if any(asked.survey.trained.values()):
            note(headline(asked))
        if _report(execute(asked), request) == STOPPED:
            return STOPPED
    else:
        say("already there:")
    point = next(iter(request.points))
    row = Store(request.store).row(point.run_id)
    print_measures(row)
    return SOME_FAILED if row["status"] == "failed" else 0


def ask(request: Request, again: bool = False) -> Asked:
    """What of a request is left to do; with `again`, what of it failed.

    Errors: AbsorbError for whatever is wrong with any run that would be done.
    """
    set_up_devices(request.launch.devices)
    work = Work(request.points, had(request.store), again, Networks(request.store))
    counts = survey(work, checker(request))
    loads = [
        Load(request.points.specs[program], n, counts.trained[program])
        for program, n in counts.missing.items()
    ]
    launch = request.launch
    if launch.bound is not None:
        check_memory([load.spec for load in loads], launch)
    guess = estimate(loads, launch.lanes, launch.devices, launch.bound)
    return Asked(request, work, counts, guess)


def had(path: str) -> Had:
    """Ids of the runs in a store that may not be there yet."""
    from absorb.store import Store, is_there

    if not is_there(path):
        return Had(set(), set())
    store = Store(path, create=False)
    finished = store.run_ids(status=("ok", "diverged"))
    return Had(finished, store.run_ids(status=("failed",)))


def checker(request: Request) -> Callable[[Config], None]:
    """A check of a run against its data and against the store that it starts from."""
    labels, starts = label_checker(), start_checker(request.store)

    def check(config: Config) -> None:
        labels(config)
        starts(config)

    return check


def label_checker() -> Callable[[Config], None]:
    """A check of labels against data, done once for runs that agree in what it looks at."""
    seen: set[Any] = set()

    def check(config: Config) -> None:
        r = config.routing
        key = (config.world, r.concept, r.label_fraction, r.granularity, r.covariate,
               config.train.batch, config.measure.treatments)  # fmt: skip
        if key in seen:
            return
        from absorb.worlds import check_labels, load_world

        check_labels(config, load_world(config.world))
        seen.add(key)

    return check


def headline(asked: Asked) -> str:
    """One line: how many runs, how many are there, what is left."""
    counts = asked.survey
    text = f"{counts.runs:,} {'run' if counts.runs == 1 else 'runs'}"
    if counts.duplicates:
        text += f" ({counts.duplicates:,} duplicate points collapsed)"
    text += f": {counts.finished:,} already there"
    if counts.failed:
        text += f", {counts.failed:,} failed" + ("" if asked.work.retry else " (absorb retry)")
    if not counts.todo:
        return f"{text}, nothing to do"
    trained = sum(counts.trained.values())
    known = f", {trained:,} of them trained before: only measured" if trained else ""
    return f"{text}, {counts.todo:,} to do{known}"


def _agreed(guess: Estimate) -> bool:
    if guess.seconds < ASK_ABOVE_S:
        return True
    note(f"this takes about {words(guess.seconds)}, a rough guess")
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return True  # nobody to ask: a script means what it says
    try:
        return input("go on? [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:  # Ctrl-D
        return False


def execute(asked: Asked) -> Outcome:
    """Run what is left to do."""
    from absorb.lanes.batch import train_batch
    from absorb.store import Store

    request = asked.request
    store = Store(request.store)
    executor = Executor(asked.work, store, train_batch, request.launch, request.overrides)
    return executor.run(asked.survey)


def _report(outcome: Outcome, request: Request) -> int:
    stored = outcome.ok + outcome.diverged + outcome.failed
    text = f"{stored:,} stored in {request.store}"
    extras = [(outcome.diverged, "diverged"), (outcome.failed, "failed")]
    said = [f"{n:,} {what}" for n, what in extras if n]
    note(text + (f" ({', '.join(said)})" if said else ""))
    if outcome.stopped:
        complain("stopped as asked; the same command goes on from here")
        return STOPPED
    left, failed = outcome.elsewhere
    if failed:
        complain(f"{failed:,} {'run' if failed == 1 else 'runs'} failed in another process")
    if left:
        runs = "run is" if left == 1 else "runs are"
        complain(
            f"{left:,} {runs} being done by another process; the same command does what it may"
            " leave"
        )
        return STOPPED
    return SOME_FAILED if outcome.failed or failed else 0

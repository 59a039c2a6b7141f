"""What `absorb status`, `show` and `doctor` tell about a store."""

import json
import re
import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from hydra.core.override_parser.types import Quote, QuotedString

from absorb.errors import AbsorbError
from absorb.identity import Scalar, flat, list_in, lists_of, run_id
from absorb.store.names import PAIRS
from sweeps.app import Request, compose_unread, run_sweeper
from sweeps.progress import say
from sweeps.stored import is_setting, own_config, settings_of

if TYPE_CHECKING:
    from absorb.store import Report, Store

KEYS = ("run_id", "status", "shard", "code")  # of a row; the rest are settings and measures
LISTED = 10  # numbers of a list that are shown
NO_COMMAND = "(made under another version of the settings; no command repeats it exactly)"
NOT_TEXT = ("true", "false", "null", "inf", "nan")  # what Hydra's grammar reads in an unquoted word


def status(overrides: Sequence[str], *, config_dir: str | None = None) -> int:
    """Say what a store holds, and how much of a sweep is done where overrides name one."""
    return run_sweeper(overrides, _status, config_dir=config_dir)


def _status(request: Request) -> int:
    from absorb.store import is_there
    from sweeps.commands import ask, headline

    if not is_there(request.store):
        raise AbsorbError(f"store={request.store}: no such directory")
    if request.names_runs:
        say(headline(ask(request)))
    for line in store_lines(request.store):
        say(line)
    return 0


def store_lines(path: str) -> list[str]:
    """How many runs a store holds, by status and by the code that made them."""
    from absorb.store import Store
    from sweeps.provenance import code_text

    table = Store(path, create=False).table(columns=()).to_pydict()
    by_status = Counter(table["status"])
    lines = [f"{path}: {sum(by_status.values()):,} runs" + "".join(
        f", {by_status[name]:,} {name}" for name in ("ok", "diverged", "failed") if by_status[name]
    )]  # fmt: skip
    stale = sum(n for code, n in Counter(table["code"]).items() if code != code_text())
    if stale:
        lines.append(f"  {stale:,} of them by other code than today's")
    return lines


def show(prefix: str, store: str, *, config_dir: str | None = None) -> int:
    """Print one run: the command that repeats it, its measures, config and provenance."""
    from absorb.store import Store

    found = Store(store, create=False)
    row = found.row(prefix)
    say(f"run     {row['run_id']}\nstatus  {row['status']}\nshard   {row['shard']}")
    say(f"repeat  {repeat_command(row, config_dir)}")
    print_measures(row)
    say("config")
    for name, value in settings_of(row).items():
        say(f"  {name:<32} {text_of(value)}")
    say("provenance")
    for name, value in _lines("", found.provenance(str(row["shard"]))):
        if not name.startswith("config."):
            say(f"  {name:<32} {value}")
    return 0


def print_measures(row: Mapping[str, Any]) -> None:
    """The numbers of one run, a line each."""
    say("measures")
    for name, value in row.items():
        if name not in KEYS and not is_setting(name) and value is not None:
            say(f"  {name:<32} {_listed(value) if isinstance(value, list) else text_of(value)}")


def _listed(values: list[float]) -> str:
    """The first few numbers of a list, and how many there are."""
    shown = ", ".join(f"{value:.4g}" for value in values[:LISTED])
    return f"[{shown}]" if len(values) <= LISTED else f"[{shown}, ...], {len(values)} numbers"


def repeat_command(row: Mapping[str, Scalar], config_dir: str | None = None) -> str:
    """The `absorb train` command that asks for the run in `row`; says so where none would."""
    config = own_config(row)
    if config is None:
        return NO_COMMAND
    words = [f"world={config.world.kind}", f"model={config.model.kind}"]
    default = flat(compose_unread(words, config_dir=config_dir))
    lists = lists_of(config.world.kind, config.model.kind)
    implied = {f"seeds.{name}": config.seed for name in ("init", "order", "labels")}
    changed = [
        words_of(name, value, name in lists)
        for name, value in flat(config).items()
        if value != default[name] and value != implied.get(name)
    ]
    if run_id(compose_unread(words + changed, config_dir=config_dir)) != row["run_id"]:
        return NO_COMMAND
    return shlex.join(["absorb", "train", *words, *changed])


def words_of(name: str, value: Scalar, is_list: bool) -> str:
    """The override that gives a setting this value, of which a list is JSON text."""
    if not is_list:
        return f"{name}={_value(value, Quote.single)}"
    return f"{name}=[{','.join(_value(each, Quote.double) for each in list_in(value))}]"


def _value(value: Scalar, quote: Quote) -> str:
    if not isinstance(value, str):
        return text_of(value)
    bare = quote is Quote.single and re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", value)
    is_name = bare and value.lower() not in NOT_TEXT
    return value if is_name else QuotedString(value, quote).with_quotes()


def text_of(value: Scalar) -> str:
    """A value as a command line takes it, with the fewest digits that give it."""
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    short = f"{value:.6g}" if isinstance(value, float) else str(value)
    return short if not isinstance(value, float) or float(short) == value else repr(value)


def _lines(path: str, value: Any) -> list[tuple[str, str]]:
    if not isinstance(value, dict):
        return [(path, json.dumps(value) if not isinstance(value, str) else value)]
    return [line for k, v in value.items() for line in _lines(f"{path}.{k}" if path else k, v)]


def doctor(store: str, *, fix: bool = False) -> int:
    """Check every file of a store, and of the pairs below it; 1 where something is wrong.

    With `fix`, clear away what can be. What a newer absorb wrote, and what the system does not let
    us read, may be whole: both stay.
    """
    from absorb.store import Store

    found = Store(store, create=False)
    pairs = found.root / PAIRS
    ok = _examined(found, "", fix)
    if pairs.is_dir():
        ok &= _examined(Store(pairs, create=False), f"{PAIRS}/", fix)
    return 0 if ok else 1


def _examined(found: "Store", where: str, fix: bool) -> bool:
    """Whether nothing is wrong in a store, or is any more; `where` stands before its paths."""
    report = found.verify()
    say(f"{where}{': ' if where else ''}{_placed(report, where)}")
    if fix and report.problems:
        for path in found.quarantine(report):
            say(f"cleared away {where}{path}")
        report = found.verify()
        for problem in _placed(report, where).problems:
            say(f"left {problem}")
    elif not report.ok:
        say(f"absorb doctor --fix moves what is damaged or foreign to {where}quarantine/")
    return report.ok


def _placed(report: "Report", where: str) -> "Report":
    problems = [replace(p, paths=tuple(where + path for path in p.paths)) for p in report.problems]
    return replace(report, problems=tuple(problems))

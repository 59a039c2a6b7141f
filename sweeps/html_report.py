"""What `absorb report` writes: one HTML page about a sweep or a store, with nothing outside it.

The page is a fixed text with one block of JSON, which its script shows through text nodes alone, so
no string of a store can become markup; a policy in its head forbids it to load anything.
"""

import base64
import json
import math
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from absorb.errors import AbsorbError
from absorb.identity import flat, lists_of
from sweeps.app import Request, compose_unread, run_sweeper
from sweeps.own_words import apart
from sweeps.progress import say
from sweeps.provenance import code_line
from sweeps.reports import NO_COMMAND, words_of
from sweeps.stored import is_setting, own_config
from sweeps.table_file import lists_in, runs_of

if TYPE_CHECKING:
    from absorb.store import Store

PAGE = Path(__file__).with_name("report_page.html")
DATA = "{{DATA}}"
DIGITS = 5  # of a measure on the page; the store has them all
KEYS = ("run_id", "status", "shard", "code", "error")
MOST_FIGURES = 20
Columns = dict[str, list[Any]]


class Split(NamedTuple):
    """The columns of a table: settings that all runs share, settings that differ, measures."""

    shared: dict[str, Any]
    swept: Columns
    measures: Columns


def report(overrides: Sequence[str], *, config_dir: str | None = None) -> int:
    """Write the page of a sweep, or of all that a store holds; the exit code."""
    out, words = apart(overrides, "out")
    named = [text if "=" in text else f"experiment={text}" for text in words]
    return run_sweeper(
        named, lambda request: _report(request, out, config_dir), config_dir=config_dir
    )


def _report(request: Request, target: str | None, config_dir: str | None) -> int:
    from absorb.store import Store

    store = Store(request.store, create=False)
    table = runs_of(request)
    if not table.num_rows:
        raise AbsorbError(f"{request.store} has no such runs yet")
    data = gathered(store, table.drop_columns(lists_in(table)).to_pydict(), request, config_dir)
    out = Path(target) if target else store.root / "report.html"
    try:
        # A file's name may hold what UTF-8 lacks; in JSON such an escape is that very character.
        out.write_text(page(data), encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise AbsorbError(f"out={out}: {error.strerror}") from error
    say(os.fspath(out))
    return 0


def page(data: Mapping[str, Any]) -> str:
    """The page with its data; no text in them can end the block that they stand in."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    safe = text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
    return PAGE.read_text(encoding="utf-8").replace(DATA, safe)


def gathered(
    store: "Store", columns: Columns, request: Request, config_dir: str | None
) -> dict[str, Any]:
    """Everything that the page tells of the runs in these columns."""
    wanted = [point.run_id for point in request.points] if request.names_runs else None
    count = len(columns["run_id"])
    parts = split(columns)
    return {
        "title": " ".join(request.naming) or "all runs",
        "store": store.root.name,
        "wanted": count if wanted is None else len(set(wanted)),
        "status": columns["status"],
        "run": columns["run_id"],
        "shared": {name: short(value) for name, value in parts.shared.items()},
        "swept": {name: [short(v) for v in column] for name, column in parts.swept.items()},
        "measures": {name: [short(v) for v in column] for name, column in parts.measures.items()},
        "commands": commands(columns, config_dir),
        "causes": causes(columns),
        "made": provenances(store, columns),
        "figures": figures_in(
            store.root / "figures", apart(request.overrides, "experiment")[0] or ""
        ),
    }


def split(columns: Columns) -> Split:
    """Settings apart from measures, and shared ones from those that differ."""
    settings = {name: column for name, column in columns.items() if is_setting(name)}
    shared, swept = {}, {}
    for name, column in settings.items():
        if name.startswith("seeds.") and column == columns["seed"]:
            continue  # follows the run's own seed, as it does unless told otherwise
        values = list(dict.fromkeys(column))
        if len(values) > 1:
            swept[name] = column
        elif values and values[0] is not None:
            shared[name] = values[0]
    measures = {
        name: column
        for name, column in columns.items()
        if name not in settings and name not in KEYS and any(v is not None for v in column)
    }
    return Split(shared, swept, measures)


def short(value: Any) -> Any:
    """A number in few digits; what JSON has no number for as text."""
    if not isinstance(value, float):
        return value
    return float(f"{value:.{DIGITS}g}") if math.isfinite(value) else str(value)


def commands(columns: Columns, config_dir: str | None) -> dict[str, Any]:
    """The words that repeat each run: those of its kind, and a list of words for each run.

    Of a run that no command repeats there is no list, but a text that says so.
    """
    kinds = kinds_of(columns)
    rows: list[list[str]] = [[] for _ in kinds]
    for kind in dict.fromkeys(kind for kind in kinds if kind is not None):
        own = [i for i, other in enumerate(kinds) if other == kind]
        words = [f"world={kind[0]}", f"model={kind[1]}"]
        default = flat(compose_unread(words, config_dir=config_dir))
        lists = lists_of(*kind)
        for i in own:
            rows[i] += words
        for name in default:
            if name in columns:
                add_words(rows, own, name, default[name], name in lists, columns)
    table = list(dict.fromkeys(word for row in rows for word in row))
    place = {word: i for i, word in enumerate(table)}
    runs = [[place[word] for word in row] or None for row in rows]
    return {"words": table, "runs": runs, "none": NO_COMMAND}


def kinds_of(columns: Columns) -> list[tuple[str, str] | None]:
    """The kinds of world and model of each run; None where today's settings give another run."""
    names = ["run_id", *filter(is_setting, columns)]
    rows = zip(*(columns[name] for name in names), strict=True)
    configs = (own_config(dict(zip(names, row, strict=True))) for row in rows)
    return [config and (config.world.kind, config.model.kind) for config in configs]


def add_words(
    rows: list[list[str]],
    own: Sequence[int],
    name: str,
    default: Any,
    is_list: bool,
    columns: Columns,
) -> None:
    """The word for one setting, for each of these runs where it is not the default."""
    follows_seed = name in ("seeds.init", "seeds.order", "seeds.labels")
    for i in own:
        value = columns[name][i]
        if value is None or value == default or (follows_seed and value == columns["seed"][i]):
            continue
        rows[i].append(words_of(name, value, is_list))


def causes(columns: Columns) -> list[dict[str, Any]]:
    """Why runs failed and where they diverged: how many of each, and one of them."""
    found: Counter[tuple[str, str]] = Counter()
    example: dict[tuple[str, str], int] = {}
    errors = columns.get("error", [None] * len(columns["status"]))
    steps = columns.get("diverged_step", [None] * len(columns["status"]))
    for i, status in enumerate(columns["status"]):
        if status != "ok":
            why = str(errors[i]) if status == "failed" else not_finite(steps[i])
            found[status, why] += 1
            example.setdefault((status, why), i)
    return [
        {"status": key[0], "why": key[1], "runs": n, "example": example[key]}
        for key, n in found.most_common(200)
    ]


def not_finite(step: float | None) -> str:
    """Since when a run diverged; where every loss was finite, the end has a number that is not.

    A pair of runs has no steps of its own.
    """
    if step is None:
        return "not finite"
    return f"not finite from step {step:g}" if step >= 0 else "not finite at the end"


def provenances(store: "Store", columns: Columns) -> list[dict[str, Any]]:
    """By which code, with what, on what the runs were made; how long whole batches of them took."""
    found: dict[str, dict[str, Any]] = {}
    for shard, runs in Counter(columns["shard"]).items():
        told = store.provenance(shard)
        for each in told.get("extracted", [told]):
            made = {
                "code": code_line(json.dumps(told.get("code"), sort_keys=True), each.get("git")),
                "versions": ", ".join(f"{k} {v}" for k, v in (each.get("versions") or {}).items()),
                "device": f"{each.get('devices')} × {each.get('device_kind')}",
                "words": " ".join(each.get("overrides") or ()),
            }
            own = found.setdefault(json.dumps(made), made | {"runs": 0, "seconds": 0.0})
            own["runs"] += each.get("runs", runs)
            own["seconds"] = round(own["seconds"] + (each.get("run_seconds") or 0.0), 1)
    return list(found.values())


def figures_in(folder: Path, beginning: str) -> list[dict[str, str]]:
    """The figures that `absorb figures` left beside the runs, as data in the page."""
    paths = sorted(folder.glob(f"{beginning}*.svg"))[:MOST_FIGURES]
    return [{"name": path.stem, "source": as_data(path)} for path in paths]


def as_data(path: Path) -> str:
    """A picture as an address that holds it."""
    return f"data:image/svg+xml;base64,{base64.b64encode(path.read_bytes()).decode()}"

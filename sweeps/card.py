"""What `absorb card` writes: a model card for one run, in Markdown."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from absorb.errors import AbsorbError
from absorb.identity import list_in
from absorb.knobs import ARM_TABLE
from sweeps.progress import say
from sweeps.provenance import code_line
from sweeps.reports import repeat_command, text_of
from sweeps.stored import settings_of

ROUTED = ("route", "hard", "placebo")  # arms in which gradients are masked
# What a reader looks at first, in this order, where a run has it.
WHOLE = {
    "whole": "the network as it was trained",
    "calibrated": "the output refitted on retain data",
    "refit": "a fresh head or decoder",
    "elicited": "after the best of the attack set, chosen on validation",
}  # of arms in which nothing is ablated
ABLATED = {
    "whole": WHOLE["whole"],
    "raw": "the region at zero",
    "mean": "the region at its mean",
    "calibrated": f"the region at zero, {WHOLE['calibrated']}",
    "refit": f"the region at zero, {WHOLE['refit']}",
    "elicited": WHOLE["elicited"],
}


def card(prefix: str, store: str, out: str | None, *, config_dir: str | None = None) -> int:
    """Write the card of the run whose id begins with `prefix`, or print it; the exit code."""
    from absorb.store import Store

    found = Store(store, create=False)
    row = found.row(prefix)
    told = found.provenance(str(row["shard"]))
    text = "\n".join(lines(row, told, sizes(found, str(row["run_id"])), config_dir)) + "\n"
    if out is None:
        say(text)
        return 0
    try:
        Path(out).write_text(text, encoding="utf-8")
    except OSError as error:
        raise AbsorbError(f"out={out}: {error.strerror}") from error
    say(out)
    return 0


def sizes(store: Any, run_id: str) -> dict[str, tuple[int, ...]]:
    """The shape of every stored array of a run; empty where none was kept."""
    try:
        return {name: tuple(array.shape) for name, array in store.arrays(run_id).items()}
    except AbsorbError:
        return {}


def lines(
    row: Mapping[str, Any],
    told: Mapping[str, Any],
    shapes: Mapping[str, tuple[int, ...]],
    config_dir: str | None,
) -> Iterator[str]:
    """The card, line by line."""
    yield f"# {row.get('model.kind')} on {row.get('world.kind')}, run {row['run_id'][:12]}"
    yield ""
    arm, mechanism = row.get("routing.arm"), row.get("routing.mechanism")
    routed = f"Routed by {mechanism}" if mechanism != "none" and arm in ROUTED else "Not routed"
    yield (
        f"{routed}, arm {arm}, concept {list_in(row.get('routing.concept'))},"
        f" label fraction {text_of(row.get('routing.label_fraction'))}. Status: {row['status']}."
    )
    yield from ("", "## What it can and cannot do", "")
    yield from losses(row, ABLATED if arm not in ARM_TABLE or ARM_TABLE[arm].ablated else WHOLE)
    yield ""
    yield "A loss on the concept that is high says little where that on the rest is high too: the"
    yield "network may be broken, not ignorant. One run says nothing of the spread between seeds."
    yield from ("", "## Parameters", "")
    yield from parameters(shapes)
    yield from ("", "## How to make it again", "", f"    {repeat_command(row, config_dir)}", "")
    yield from ("| made with | |", "| --- | --- |")
    for name, values in made_with(row, told.get("extracted", [told])).items():
        yield f"| {name} | {cell(' or '.join(values))} |"
    yield from ("", "## Settings", "", "| setting | value |", "| --- | --- |")
    for name, value in settings_of(row).items():
        yield f"| {name} | {cell(value)} |"


def made_with(row: Mapping[str, Any], batches: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    """Code, versions and device; of several batches, of which one had the run, all that differ."""
    found: dict[str, list[str]] = {}
    for made in batches:
        own = {"code": code_line(row["code"], made.get("git")), **(made.get("versions") or {})}
        for name, value in (own | {"device": made.get("device_kind")}).items():
            values = found.setdefault(name, [])
            if str(value) not in values:
                values.append(str(value))
    return found


def losses(row: Mapping[str, Any], meanings: Mapping[str, str]) -> Iterator[str]:
    """A table of losses on the concept and on the rest, one line for each treatment."""
    yield from ("| looked at | loss on the concept | on the rest |", "| --- | ---: | ---: |")
    for name, meaning in meanings.items():
        forget, retain = row.get(f"{name}.forget"), row.get(f"{name}.retain")
        if forget is not None and retain is not None:
            yield f"| {meaning} | {forget:.4g} | {retain:.4g} |"


def parameters(shapes: Mapping[str, tuple[int, ...]]) -> Iterator[str]:
    """What of the network is stored."""
    if not shapes:
        yield "None are stored; `measure.parameters=true` keeps them."
        return
    yield from ("| array | shape |", "| --- | --- |")
    for name, shape in shapes.items():
        yield f"| {cell(name)} | {' × '.join(map(str, shape)) or 'a number'} |"


def cell(value: Any) -> str:
    """A value in a table of Markdown."""
    return str(value).replace("|", "\\|").replace("\n", " ")

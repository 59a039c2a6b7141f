"""What `absorb card` writes: a model card for one run, in Markdown."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from absorb.errors import AbsorbError
from absorb.identity import flat
from sweeps.progress import say
from sweeps.provenance import code_line
from sweeps.reports import repeat_command
from sweeps.stored import config_of

# What a reader looks at first, in this order, where a run has it.
LOSSES = ("whole", "raw", "mean", "calibrated", "refit", "elicited")
ROUTED = ("route", "hard", "placebo")  # arms in which gradients are masked
MEANINGS = {
    "whole": "the network as it was trained",
    "raw": "the region at zero",
    "mean": "the region at its mean",
    "calibrated": "the region at zero, the output refitted on retain data",
    "refit": "the region at zero, a fresh head or decoder",
    "elicited": "after the best of the attack set, chosen on validation",
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
    config = config_of(row)
    routing = config.routing
    yield f"# {config.model.kind} on {config.world.kind}, run {row['run_id'][:12]}"
    yield ""
    routed = routing.mechanism != "none" and routing.arm in ROUTED
    yield (
        f"{f'Routed by {routing.mechanism}' if routed else 'Not routed'}, arm {routing.arm},"
        " concept"
        f" {list(routing.concept)}, label fraction {routing.label_fraction:g}."
        f" Status: {row['status']}."
    )
    yield from ("", "## What it can and cannot do", "")
    yield from losses(row)
    yield ""
    yield "A loss on the concept that is high says little where that on the rest is high too: the"
    yield "network may be broken, not ignorant. One run says nothing of the spread between seeds."
    yield from ("", "## Parameters", "")
    yield from parameters(shapes)
    yield from ("", "## How to make it again", "", f"    {repeat_command(row, config_dir)}", "")
    yield from ("| made with | |", "| --- | --- |")
    made = told.get("extracted", [told])[0]
    code = code_line(row["code"], made.get("git"))
    for name, value in (("code", code), *dict(made.get("versions") or {}).items(),
                        ("device", made.get("device_kind"))):  # fmt: skip
        yield f"| {name} | {cell(value)} |"
    yield from ("", "## Settings", "", "| setting | value |", "| --- | --- |")
    for name, value in flat(config).items():
        yield f"| {name} | {cell(value)} |"


def losses(row: Mapping[str, Any]) -> Iterator[str]:
    """A table of losses on the concept and on the rest, one line for each treatment."""
    yield from ("| looked at | loss on the concept | on the rest |", "| --- | ---: | ---: |")
    for name in LOSSES:
        forget, retain = row.get(f"{name}.forget"), row.get(f"{name}.retain")
        if forget is not None and retain is not None:
            yield f"| {MEANINGS[name]} | {forget:.4g} | {retain:.4g} |"


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

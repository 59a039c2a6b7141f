"""The finding as a short table for the terminal: A_dose by label fraction, and retain damage."""

from collections.abc import Sequence

from absorb.stats.point import Treated
from absorb.stats.table import Record
from figures.marks import mark, spoken

HEAD = ("p", "A_dose routed", "A_dose filter", "retain loss rise (tolerance)", "absorption")


def headline(name: str, runs: str, records: Sequence[Record], treatment: str) -> str:
    """One model's table, aligned for a terminal."""
    lines = [row(records, p, treatment) for p in fractions(records)]
    widths = [max(len(line[i]) for line in [HEAD, *lines]) for i in range(len(HEAD))]
    aligned = [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in [HEAD, *lines]
    ]
    return "\n".join([f"{name}, after {treatment}: {runs}", *(f"  {line}" for line in aligned)])


def fractions(records: Sequence[Record]) -> list[float]:
    """The label fractions of `route`."""
    return [r.label_fraction for r in records if r.arm == "route"]


def row(records: Sequence[Record], p: float, treatment: str) -> tuple[str, ...]:
    """One label fraction in words."""
    route, filtered = after(records, "route", p, treatment), after(records, "filter", p, treatment)
    rise, claim = "–", "–"
    if route:
        harm = route.damage
        rise = f"{spoken(mark('', '', p, harm.rise))} ({harm.tolerance:.2g})"
        rise += " damaged" if harm.damaged else ""
        claim = "yes" if route.absorbs.claim else "no"
    return f"{p:g}", dose(route, p), dose(filtered, p), rise, claim


def dose(treated: Treated | None, p: float) -> str:
    """A_dose in words."""
    return spoken(mark("", "", p, treated.a_dose)) if treated else "–"


def after(records: Sequence[Record], arm: str, p: float, treatment: str) -> Treated | None:
    """What one arm reads at one label fraction after one treatment."""
    return next(
        (
            t
            for r in records
            if r.arm == arm and r.label_fraction == p
            for t in r.treated
            if t.treatment == treatment
        ),
        None,
    )

"""The absorption table: every measure of every arm at every label fraction, from a table of runs.

Losses are columns named "{treatment}.{forget|retain}". Measures that need several arms use the
seeds that all of them have finished: that number is their `n`, to be read against the record's
`seeds`, `diverged` and `failed`.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from absorb.stats.absorption import kept_share
from absorb.stats.dose import fitted_rho, p50
from absorb.stats.intervals import Interval, mean_t, undefined
from absorb.stats.point import ROUTED, Point, Settings, Treated, absent, reference, treated
from absorb.stats.runs import TREATMENTS, Cell, Loss, Runs, fractions, paired, read_runs


class Record(NamedTuple):
    """One arm at one label fraction: runs that finished, and of how many seeds in the table.

    `whole_forget` and `whole_retain` are the losses with nothing ablated: whether the network
    learned the concept at all.
    """

    arm: str
    label_fraction: float
    finished: int
    diverged: int
    failed: int
    seeds: int
    whole_forget: Interval
    whole_retain: Interval
    treated: tuple[Treated, ...]


class Curve(NamedTuple):
    """One arm over all label fractions after one treatment.

    `rho` is fitted at label fraction 0. Absorption is claimed at `absorbs_at`, of the fractions
    `tested_at`, which share one error rate: any entry at all is a claim about the whole curve.
    """

    arm: str
    treatment: str
    p50: Interval
    rho: Interval
    absorbs_at: tuple[float, ...]
    tested_at: tuple[float, ...]


def absorption_table(
    columns: Mapping[str, Sequence | np.ndarray], settings: Settings | None = None
) -> list[Record]:
    """One record per arm and label fraction, in their order; `columns` has one entry per run.

    The claim "absorbs" divides its error rate by the number of label fractions tested, so that on a
    whole curve without absorption it is made at most 1 − level of the time, for each treatment.
    """
    runs = read_runs(columns)
    settings = (settings or Settings())._replace(tests=max(1, len(tested(runs))))
    return [
        Record(
            arm=cell.arm,
            label_fraction=cell.label_fraction,
            finished=len(runs.row_of[cell]),
            diverged=runs.diverged[cell],
            failed=runs.failed[cell],
            seeds=len(runs.seeds),
            whole_forget=mean_loss(runs, Loss(cell, "whole.forget"), settings.level),
            whole_retain=mean_loss(runs, Loss(cell, "whole.retain"), settings.level),
            treated=tuple(treated(Point(runs, cell, t, settings)) for t in treatments(runs)),
        )
        for cell in sorted(runs.row_of)
    ]


def absorption_curves(
    columns: Mapping[str, Sequence | np.ndarray], settings: Settings | None = None
) -> list[Curve]:
    """One record per routed arm and treatment: p50, rho, and where absorption is claimed."""
    runs, settings = read_runs(columns), settings or Settings()
    records = [r for r in absorption_table(columns, settings) if r.arm in ROUTED]
    found = []
    for arm in sorted({record.arm for record in records}):
        for treatment in treatments(runs):
            half, rho = curve_of(Point(runs, Cell(arm, 0.0), treatment, settings))
            at = tuple(r.label_fraction for r in records if r.arm == arm and claims(r, treatment))
            found.append(Curve(arm, treatment, half, rho, at, tested(runs)))
    return found


def curve_of(point: Point) -> tuple[Interval, Interval]:
    """p50 and rho of one arm after one treatment; at 0 the arm is `route`, where no label acts."""
    arm, level = point.cell.arm, point.settings.level
    cells = [Cell("route", 0.0)]
    cells += [Cell(arm, p) for p in fractions(point.runs, arm) if p > 0]
    ends = [reference(point.runs, p) for p in (1.0, 0.0)]
    if why := absent(point.runs, cells + ends):
        return undefined(0, why), undefined(0, why)
    *losses, never_S, whole_S = point.losses(cells + ends)
    shares = [kept_share(m_S, never_S, whole_S, level) for m_S in losses]
    rho = fitted_rho(shares[0].share_S, level, point.settings.link)
    if len(cells) < 2:
        return undefined(len(never_S), "only one label fraction"), rho
    share_SP = np.stack([share.share_S for share in shares], axis=1)
    return p50(share_SP, np.array([cell.label_fraction for cell in cells]), level), rho


def mean_loss(runs: Runs, loss: Loss, level: float) -> Interval:
    """The mean of one loss column in one cell."""
    if loss.column not in runs.columns:
        return undefined(0, f"the table has no column {loss.column}")
    return mean_t(paired(runs, [loss]).loss_LS[0], level)


def treatments(runs: Runs) -> tuple[str, ...]:
    """The treatments whose losses the table has."""
    return tuple(t for t in TREATMENTS if {f"{t}.forget", f"{t}.retain"} <= set(runs.columns))


def tested(runs: Runs) -> tuple[float, ...]:
    """The label fractions at which the claim is tested: those of `route` between 0 and 1."""
    return tuple(p for p in fractions(runs, "route") if 0 < p < 1)


def claims(record: Record, treatment: str) -> bool:
    """Whether this record claims absorption after this treatment."""
    return any(t.absorbs.claim for t in record.treated if t.treatment == treatment)


def flat(record: Any, prefix: str = "") -> dict[str, float | int | str | bool]:
    """A Record or Curve as one row of plain columns, such as "calibrated.a_dose.low"."""
    row: dict[str, float | int | str | bool] = {}
    for name, value in record._asdict().items():
        if name == "treated":
            for part in value:
                row |= flat(part, f"{prefix}{part.treatment}.")
        elif hasattr(value, "_asdict"):
            row |= flat(value, f"{prefix}{name}.")
        else:
            row[prefix + name] = " ".join(map(str, value)) if isinstance(value, tuple) else value
    return row

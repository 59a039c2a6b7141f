"""From absorption tables to marks: each measure with its axis, and its nulls and references."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from absorb.stats.intervals import Interval
from absorb.stats.nulls import null_share
from absorb.stats.point import Settings, Treated
from absorb.stats.runs import ARMS
from absorb.stats.table import Record
from figures.marks import Mark, mark
from figures.panels import Axis

TREATMENTS = ("raw", "calibrated", "refit", "elicited")
REGIONAL = ("route", "hard", "filter", "placebo", "capacity")
CLAIMED = ("kept", "excess")  # the measures that carry the claim's star


class Measure(NamedTuple):
    """One measure: its name, its axis, the arms it is drawn for, and where it stands."""

    name: str
    axis: Axis
    arms: tuple[str, ...]
    of: Callable[[Treated], Interval]


MEASURES = {
    "forget": Measure("forget loss", Axis("forget loss", log=True), ARMS, lambda t: t.forget),
    "retain": Measure("retain loss", Axis("retain loss", log=True), ARMS, lambda t: t.retain),
    "a_dose": Measure(
        "A_dose", Axis("A_dose", (-1.0, 1.3), rule=0.0), REGIONAL, lambda t: t.a_dose
    ),
    "kept": Measure(
        "kept share", Axis("share K keeps", (-0.5, 1.25), rule=0.0), REGIONAL, lambda t: t.kept
    ),
    "excess": Measure(
        "X(p)", Axis("excess X(p), nats", (-1.5, 3.5), rule=0.0), ("route", "placebo"),
        lambda t: t.excess,
    ),
    "a_abl": Measure(
        "A_abl", Axis("A_abl", (-1.0, 1.7), rule=0.0), ("route", "placebo"), lambda t: t.a_abl
    ),
    "over_hard": Measure(
        "forget loss above hard", Axis("loss − hard", rule=0.0), ("route", "placebo"),
        lambda t: t.over_hard,
    ),
}  # fmt: skip
IN_UNITS = ("forget", "retain", "over_hard")


def axis_of(measure: str, unit: str, model: str) -> Axis:
    """The axis of a measure of one model, its unit said where it has one."""
    axis = MEASURES[measure].axis
    label = f"{axis.label}, {unit}" if measure in IN_UNITS else axis.label
    return axis._replace(label=f"{model}\n{label}" if model else label)


def marks_of(records: Sequence[Record], panel: str, treatment: str, measure: str) -> list[Mark]:
    """Every mark of one panel: the arms, and what they are to be held against."""
    found = []
    for record, after in treated_by(records, treatment):
        if record.arm in MEASURES[measure].arms:
            flag = flag_of(after, record.arm, measure)
            value = MEASURES[measure].of(after)
            found.append(mark(panel, record.arm, record.label_fraction, value, flag))
    extra = EXTRAS.get(measure)
    return found + (extra(records, panel, treatment) if extra else [])


def treated_by(records: Sequence[Record], treatment: str) -> list[tuple[Record, Treated]]:
    """The records with what they read after one treatment."""
    return [(r, t) for r in records for t in r.treated if t.treatment == treatment]


def flag_of(after: Treated, arm: str, measure: str) -> str:
    """Whether absorption is claimed ("claim") or the retain loss is above tolerance ("damaged")."""
    if after.absorbs.claim and measure in CLAIMED:
        return "claim"
    return "damaged" if after.damage.damaged else ""


def whole(records: Sequence[Record], panel: str, part: str) -> list[Mark]:
    """The routed networks with nothing ablated: whether they learned the concept at all."""
    own = [r for r in records if r.arm == "route"]
    of = {"forget": lambda r: r.whole_forget, "retain": lambda r: r.whole_retain}[part]
    return [mark(panel, "whole", r.label_fraction, of(r)) for r in own]


def tolerance(records: Sequence[Record], panel: str, treatment: str) -> list[Mark]:
    """The retain loss above which the routed network counts as damaged, at each label fraction."""
    rows = treated_by(records, treatment)
    base = [t.retain.value for r, t in rows if r.arm == "std" and r.label_fraction == 0]
    allowed = [(r.label_fraction, t.damage) for r, t in rows if r.arm == "route"]
    return [
        Mark(panel, "tolerance", p, value, value, value, harm.rise.n)
        for p, harm in allowed
        for value in [each + harm.tolerance for each in base]
    ]


def null(records: Sequence[Record], panel: str, treatment: str) -> list[Mark]:
    """The share that credit sharing alone leaves to K, from the share without labels."""
    route = [(r, t) for r, t in treated_by(records, treatment) if r.arm == "route"]
    at_0 = [t.kept for r, t in route if r.label_fraction == 0]
    if not at_0 or not at_0[0].value > 0:
        return []
    fractions = [r.label_fraction for r, _ in route]
    return [null_mark(panel, p, at_0[0]) for p in fractions]


def null_mark(panel: str, p: float, at_0: Interval) -> Mark:
    """The null at one label fraction; its ends are those of the share without labels."""
    link = Settings().link
    value, high = (float(null_share(s, p, link)) for s in (at_0.value, at_0.high))
    low = float(null_share(at_0.low, p, link)) if at_0.low > 0 else 0.0
    return Mark(panel, "null", p, value, low, high, at_0.n)


def over_placebo(records: Sequence[Record], panel: str, treatment: str) -> list[Mark]:
    """How far `route` is above `placebo`: the second half of the claim."""
    rows = [(r, t) for r, t in treated_by(records, treatment) if r.arm == "route"]
    return [mark(panel, "over_placebo", r.label_fraction, t.over_placebo) for r, t in rows]


def equal_retain(records: Sequence[Record], panel: str, treatment: str) -> list[Mark]:
    """The difference to `hard` if the retain losses were equal."""
    rows = [(r, t) for r, t in treated_by(records, treatment) if r.arm == "route"]
    of = [(r.label_fraction, t.over_hard_at_equal_retain) for r, t in rows]
    return [mark(panel, "equal_retain", p, value) for p, value in of]


EXTRAS: dict[str, Callable[[Sequence[Record], str, str], list[Mark]]] = {
    "forget": lambda records, panel, _: whole(records, panel, "forget"),
    "retain": lambda r, panel, t: whole(r, panel, "retain") + tolerance(r, panel, t),
    "kept": null,
    "excess": over_placebo,
    "over_hard": equal_retain,
}

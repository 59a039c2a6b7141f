"""Two features routed to one hidden dimension: do they become an antipodal pair, and at what loss?

Held against random matching and unrouted networks of the same world, and after masks are lifted.
"""

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from figures.induced_draw import NULL, UNROUTED, Layout, Panel, draw
from figures.induced_measures import AXES, Networks, measured, null_rate
from figures.induced_runs import Induced, induced_studies
from figures.marks import Mark, mark, spoken
from figures.page import Page, Pages
from figures.select import Table
from figures.toy_rows import LOSS, STRUCTURE, Row, weights, whole

LIFTED = "share of training that is masked"
READ = (
    "95 % intervals over runs: exact binomial for the rates, t for means. Antipodal: cosine below"
    " −0.9, the least of both; parallel: above 0.9. Loss excess: above the least loss of the"
    " unrouted networks, as a part of it. Grey: unrouted networks of the same world, with their"
    " interval."
)


class Claim(NamedTuple):
    """One way of routing in m dimensions: from which label fraction the pair is induced, if any."""

    m: int
    route: str
    from_p: float | None


def pages(table: Table, partial: bool) -> Pages:
    """The figures of every study of a routed pair that is whole, or of all if `partial`."""
    found = {id(one.study): one for one in induced_studies(table)}
    drawn, left_out = whole([one.study for one in found.values()], partial)
    made, said = [], []
    for one in (found[id(study)] for study in drawn):
        marks = marks_of(one)
        said.append(in_words(one, marks))
        made += pages_of(one, marks)
    return Pages(made, "\n\n".join(said), left_out)


def pages_of(one: Induced, marks: Sequence[Mark]) -> list[Page]:
    """All measures by label fraction for each masked share of training, and by that share."""
    end, note = one.study.suffix, caption_of(one, marks)
    pages = []
    for until in reversed(one.untils):
        if until == one.untils[-1] or len(one.fractions(until)) > 1:
            name = f"induced{end}" + (f"-until_{until:g}" if until < one.untils[-1] else "")
            pages.append(page(name, by_fraction(one, until), marks, one.routes, note))
    if len(one.untils) > 1:
        lifted = page(f"induced_lifted{end}", by_until(one), marks, one.routes, note, LIFTED)
        pages.append(lifted)
    return pages


def page(
    name: str, rows: list[list[Panel]], marks: Sequence[Mark], routes: Sequence[str], note: str,
    along: str = "label fraction p",
) -> Page:  # fmt: skip
    """One figure with the marks of its panels."""
    shown = {panel.name for row in rows for panel in row}
    own = [m for m in marks if m.panel in shown]
    layout = Layout(rows, own, routes, note, along)
    return Page(name, lambda: draw(layout), own, note)


def by_fraction(one: Induced, until: float) -> list[list[Panel]]:
    """A row for each measure, a column for each m, one share of training masked."""
    return [
        [
            Panel(panel_name(what, m, until), AXES[what], f"m = {m}, {lifted_title(until)}")
            for m in one.sizes
        ]
        for what in asked(one)
    ]


def by_until(one: Induced) -> list[list[Panel]]:
    """The same against the masked share of training, at the greatest label fraction."""
    p = full(one)
    return [
        [Panel(lifted_name(what, m, p), AXES[what], f"m = {m}, p = {p:g}") for m in one.sizes]
        for what in asked(one)
    ]


def full(one: Induced) -> float:
    """The greatest label fraction at which masks were lifted at different times."""
    return max(one.fractions(one.untils[0]))


def lifted_title(until: float) -> str:
    """When the masks are lifted."""
    return "masks never lifted" if until == 1 else f"masks lifted at {until:g}"


def asked(one: Induced) -> list[str]:
    """The measures that mean something in this study."""
    tied = ("twins", "others")
    return [what for what in AXES if one.twins or what not in tied]


def panel_name(what: str, m: int, until: float) -> str:
    """What a panel's marks carry, such as "rate, m = 3, until 0.5"."""
    return f"{what}, m = {m}, until {until:g}"


def lifted_name(what: str, m: int, p: float) -> str:
    """What the marks of a panel over the masked share of training carry."""
    return f"{what}, m = {m}, p = {p:g}, by masked share of training"


def marks_of(one: Induced) -> list[Mark]:
    """Every measure of every setting, with what it is held against."""
    known = {s: measured(networks_of(one, s.m, rows)) for s, rows in one.spots.items() if rows}
    unrouted = {m: measured(networks_of(one, m, rows)) for m, rows in one.unrouted.items() if rows}
    marks = []
    for what, m in itertools.product(asked(one), one.sizes):
        own = {spot: values[what] for spot, values in known.items() if spot.m == m}
        panels = {
            panel_name(what, m, until): [(s.p, s) for s in own if s.until == until]
            for until in one.untils
        }
        if len(one.untils) > 1:
            at_full = [(s.until, s) for s in own if s.p == full(one)]
            panels[lifted_name(what, m, full(one))] = at_full
        for panel, places in panels.items():
            if m in unrouted:
                marks.append(mark(panel, UNROUTED, 0, unrouted[m][what]))
            if what == "rate" and (null := null_of(one, m)):
                marks.append(Mark(panel, NULL, 0, null, null, null, 0))
            marks += [mark(panel, spot.route, at, own[spot]) for at, spot in places]
    return marks


def networks_of(one: Induced, m: int, rows: Sequence[Row]) -> Networks:
    """Trained networks of one setting."""
    return Networks(
        w_RMF=np.stack([weights(row).w_MF for row in rows]),
        loss_R=np.array([row[LOSS] for row in rows], float),
        unrouted_R=np.array([row[LOSS] for row in one.unrouted[m]], float),
        units=one.units,
        pair=one.pair,
        twins=one.twins,
    )


def null_of(one: Induced, m: int) -> float | None:
    """Random matching, where the world's structure says what it is."""
    structure = one.study.first[STRUCTURE]
    if structure == "independent":
        return null_rate(2 * m, 0)
    return null_rate(2 * m, 2) if structure == "pairs" and len(one.twins) == 2 else None


def claims(one: Induced, marks: Sequence[Mark]) -> list[Claim]:
    """From which label fraction on every rate lies above the null and unrouted networks."""
    found = []
    for m in one.sizes:
        own = [k for k in marks if k.panel == panel_name("rate", m, one.untils[-1])]
        bar = max([k.value if k.series == NULL else k.high for k in own
                   if k.series in (NULL, UNROUTED) and k.drawn], default=1.0)  # fmt: skip
        for route in one.routes:
            line = sorted((k for k in own if k.series == route), key=lambda k: k.at)
            from_p = None
            for k in reversed(line):
                if not k.low > bar:
                    break
                from_p = k.at
            found.append(Claim(m, route, from_p))
    return found


def in_words(one: Induced, marks: Sequence[Mark]) -> str:
    """The finding for the terminal: who induces, from where, at what loss, and what stays."""
    of = {(k.panel, k.series, k.at): k for k in marks}
    apart = f" ({one.study.apart})" if one.study.apart else ""
    lines = [f"induced, features {one.pair[0]} and {one.pair[1]}{apart}: {one.study.runs_in_words}"]
    for claim in claims(one, marks):
        p = max(one.fractions(one.untils[-1]))
        after = {
            what: of.get((panel_name(what, claim.m, one.untils[-1]), claim.route, p))
            for what in ("rate", "parallel", "region", "loss")
        }
        start = "not induced" if claim.from_p is None else f"induced from p = {claim.from_p:g}"
        values = ", ".join(f"{what} {spoken(k)}" for what, k in after.items() if k)
        lines.append(f"  m = {claim.m}, {claim.route}: {start}; at p = {p:g}: {values or '–'}")
        lines += [kept_words(one, claim, of)] if len(one.untils) > 1 else []
    return "\n".join(lines)


def kept_words(one: Induced, claim: Claim, of: dict) -> str:
    """What remains of the rate where masks were lifted earlier."""
    panel = lifted_name("rate", claim.m, full(one))
    found = [(until, of.get((panel, claim.route, until))) for until in one.untils[:-1]]
    said = [f"{until:g}: {spoken(k)}" for until, k in found if k]
    return f"    at p = {full(one):g} with masks lifted at {', '.join(said) or '–'}"


def caption_of(one: Induced, marks: Sequence[Mark]) -> str:
    """What a reader has to know, and the claims."""
    row = one.study.first
    apart = f"{one.study.apart}\n" if one.study.apart else ""
    twins = f"; {', '.join(map(str, one.twins))} correlated with it, never labelled" * bool(
        one.twins
    )
    null = "1/(2m−2), twins never pairing" if one.twins else "1/(2m−1)"
    found = claims(one, marks)
    said = "; ".join(claim_words(route, found) for route in one.routes)
    none = [f"m = {m}" for m in one.sizes if not one.unrouted[m]]
    lacking = f" No unrouted networks of {', '.join(none)}." if none else ""
    region = f"{one.units} dimensions" if one.units > 1 else "dimension"
    return (
        f"{apart}{one.study.runs_in_words}; 2m features in m dimensions, each active with"
        f" p = {row['world.active']:.3g}; concept {one.pair[0]}, {one.pair[1]}{twins}; region: the"
        f" first {region}.{lacking}\n"
        f"Dashed: {null}. With {lifted_title(one.untils[-1])} the pair is induced"
        f" (rate above it and above unrouted, at this and every greater label fraction) by"
        f" {said}.\n{READ}"
    )


def claim_words(route: str, found: Sequence[Claim]) -> str:
    """The claims of one way of routing, by m."""
    own = [c for c in found if c.route == route]
    where = [f"{'no p' if c.from_p is None else f'{c.from_p:g}'} (m = {c.m})" for c in own]
    return f"{route} from {', '.join(where)}"

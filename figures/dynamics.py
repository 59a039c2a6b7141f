"""The masked update as a dynamical system: curl, stability, interference against label fraction."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from absorb.stats.foretelling import foretelling
from absorb.stats.intervals import Interval, difference_t, undefined
from absorb.stats.planted_dynamics import COUPLED, Coupled, line
from figures.apart import headed, told_apart
from figures.dynamics_draw import CLOSED, FORETOLD, PLANTED, draw, draw_interference
from figures.dynamics_runs import (
    CONTROL,
    INTERFERENCE,
    MEASURES,
    STABILITY,
    Cell,
    Measure,
    Study,
    interval,
    number,
    panel_name,
    runs_in_words,
    studies,
)
from figures.marks import Mark, mark, spoken
from figures.page import Page, Pages
from figures.select import Table

PREDICTORS = ("curl", "least", "step", "on retain", "descent", "loss")


def pages(table: Table, partial: bool) -> Pages:
    """Two figures for each study that is whole: curl and stability, and interference."""
    found = studies(table)
    fit = [study for study in found if drawn(study, partial)]
    left_out = [f"{s.kind}: {s.missing}" for s in found if not drawn(s, partial)]
    made, said, counted = [], [], Counter[str]()
    for i, words in told_apart([study.kind for study in fit], [study.rows for study in fit]):
        study = fit[i]._replace(apart=words)
        counted[study.kind] += 1
        again = f"-{counted[study.kind]}" if counted[study.kind] > 1 else ""
        made += both(f"-{study.kind}{again}", study)
        said.append(headed(words, in_words(study, made[-2].marks, made[-1].marks)))
    return Pages(made, "\n\n".join(said), left_out)


def drawn(study: Study, partial: bool) -> bool:
    """Whether a study is whole, or a part of it can be drawn and is asked for."""
    return not study.missing or (partial and len(study.seeds) > 1)


def both(suffix: str, study: Study) -> list[Page]:
    """The figure of curl and stability, and the one of interference."""
    stable = panels(study, STABILITY) + closed_forms(study) + planted_marks()
    between = panels(study, INTERFERENCE) + foretold(study)
    one, other = (
        headed(study.apart, caption) for caption in (caption_of(study), interference_caption(study))
    )
    return [
        Page(f"dynamics{suffix}", lambda: draw(stable, study.lengths, one), stable, one),
        Page(f"dynamics_interference{suffix}",
             lambda: draw_interference(between, study.lengths, other), between, other),
    ]  # fmt: skip


def panels(study: Study, measures: dict[str, Measure]) -> list[Mark]:
    """Every measure of every cell."""
    return [
        mark(panel_name(cell.epochs, name), cell.series, cell.p, interval(runs, study.seeds, of))
        for name, of in measures.items()
        for cell, runs in sorted(study.cells.items())
    ]


def closed_forms(study: Study) -> list[Mark]:
    """Of two linear paths at rest, curl and η λ by the formula, at the share that K holds."""
    if not study.depth:
        return []
    marks = []
    for cell, runs in sorted(study.cells.items()):
        rows = [runs[seed] for seed in study.seeds if seed in runs]
        kept = float(np.mean([number(row, "kept_share") for row in rows]))
        if cell.series == CONTROL or not 0 <= kept <= 1:
            continue
        found, slope = line(cell.p, kept, study.depth), float(rows[0]["world.slope"])
        growth = found.eigenvalue * slope ** (2 - 2 / study.depth)
        step = growth * float(rows[0]["train.learning_rate"])
        for name, value in (("curl", found.curl), ("least", 0.0), ("step", step)):
            marks.append(
                Mark(panel_name(cell.epochs, name), CLOSED, cell.p, value, value, value, 0)
            )
    return marks


def planted_marks() -> list[Mark]:
    """The eigenvalues and the curl of two convex losses, each of which trains one parameter."""
    return [
        Mark(f"{PLANTED}: a = {case.a:g}, b = {case.b:g}", name, i, value, value, value, 0)
        for case in COUPLED
        for i, (name, value) in enumerate(said_of(case).items())
    ]


def said_of(case: Coupled) -> dict[str, float]:
    """What the planted panels say in words."""
    least, greatest = case.eigenvalues
    return {"a": case.a, "b": case.b, "least Re λ": float(least.real),
            "greatest Re λ": float(greatest.real), "Im λ": float(greatest.imag),
            "curl": case.curl}  # fmt: skip


def foretold(study: Study) -> list[Mark]:
    """How each measure after a length ranks the losses after the last, the early loss included."""
    *early, last = study.lengths
    return [
        mark(f"{FORETOLD} after {n} epochs", MEASURES[name].label, i,
             rank_interval(study, MEASURES[name], n, last))
        for n in early for i, name in enumerate(PREDICTORS)
    ]  # fmt: skip


def rank_interval(study: Study, measure: Measure, first: int, last: int) -> Interval:
    """Rank correlation over the cells that have labels, within each seed that has them all."""
    cells = [cell for cell in study.cells if cell.epochs == first and cell.p > 0]
    pairs = [(study.cells[c], study.cells.get(c._replace(epochs=last), {})) for c in cells]
    whole = [s for s in study.seeds if all(s in early and s in late for early, late in pairs)]
    if not whole:
        return undefined(0, "no seed has all cells")
    early_SC = [[measure.of(early[seed]) for early, _ in pairs] for seed in whole]
    late_SC = [[number(late[seed], "dynamics.loss") for _, late in pairs] for seed in whole]
    return foretelling(np.array(early_SC), np.array(late_SC))


def caption_of(study: Study) -> str:
    """What a reader has to know of curl and stability."""
    row = study.rows[0]
    plain = row["train.optimizer"] == "sgd"
    than = "" if plain else f", though {row['train.optimizer']} trained"
    closed = " Closed form: two linear paths at rest." if study.depth else ""
    return (
        f"{runs_in_words(study)}; {row['world.kind']}, {row['model.kind']}, concept"
        f" {row['routing.concept']}, η = {row['train.learning_rate']:g}. At the parameters after so"
        f" many epochs, on all training data: F = Σ ψᵢ∘∇Lᵢ, J its derivative, A its antisymmetric"
        f" part; of the plain update θ − ηF{than}. Control: the same labels, every mask 1, so that"
        f" A = 0. Re λ < 0: what lies along that direction grows. η max |λ| > 2: a step overshoots."
        f" Means over seeds, of the last three columns geometric, 95 % intervals (t).{closed}"
        " Below: two convex losses of two parameters, each trains one: H₁ = [[1, a], [a, 1]] with"
        " ψ₁ = (1, 0), H₂ = [[1, b], [b, 1]] with ψ₂ = (0, 1): λ = 1 ± √(ab). Arrows −F; lines"
        " training at η = .1."
    )


def interference_caption(study: Study) -> str:
    """What a reader has to know of interference."""
    *early, last = study.lengths
    told = (
        " Below: Spearman's rank correlation, over the cells of one seed that have labels, of each"
        f" measure after fewer epochs with the training loss after {last}."
    )
    return (
        f"{runs_in_words(study)}. i → j: the cosine of ψᵢ∘gᵢ, with which loss i trains, and gⱼ, the"
        " gradient of loss j; below 0 a small step for i raises j. F: routed field; ∇L: gradient"
        " of the whole loss; cos(F, ∇L) below 0: a small step raises it. Not drawn where there are"
        " no such data. Control: the same labels, every mask 1. Means over seeds, 95 % intervals"
        f" (t).{told if early else ''}"
    )


def cells_at(study: Study, epochs: int) -> list[Cell]:
    """The cells of one length."""
    return [cell for cell in study.cells if cell.epochs == epochs]


def in_words(study: Study, stable: Sequence[Mark], between: Sequence[Mark]) -> str:
    """The finding for the terminal: every series at its most labels, after each length."""
    lines = [f"dynamics, {study.kind}, {len(study.rows)} runs, {len(study.seeds)} seeds:"]
    at = {(m.panel, m.series, m.at): m for m in [*stable, *between]}
    for epochs in study.lengths:
        cells = cells_at(study, epochs)
        for series in sorted({cell.series for cell in cells}):
            p = max(cell.p for cell in cells if cell.series == series)
            said = [
                f"{of.label} {spoken(at[panel_name(epochs, name), series, p])}"
                for name, of in MEASURES.items()
            ]
            lines.append(f"  {epochs} epochs, {series}, p = {p:g}: {'; '.join(said)}")
            if series != CONTROL and (gap := below_control(study, Cell(series, p, epochs))):
                lines.append(f"    min Re λ less that of the control: {spoken(gap)}")
    for m in between:
        if m.panel.startswith(FORETOLD):
            early = m.panel.removeprefix(f"{FORETOLD} ")
            lines.append(f"  {m.series} {early}, rank correlation with the last loss: {spoken(m)}")
    return "\n".join(lines)


def below_control(study: Study, cell: Cell) -> Mark | None:
    """The paired difference of min Re λ to the control, seed by seed; None where there is none."""
    own, control = study.cells[cell], study.cells.get(cell._replace(series=CONTROL))
    if not control:
        return None
    seeds = [seed for seed in study.seeds if seed in own and seed in control]
    own_S, control_S = (
        np.array([STABILITY["least"].of(runs[seed]) for seed in seeds]) for runs in (own, control)
    )
    return mark("", "", cell.p, difference_t(own_S, control_S))

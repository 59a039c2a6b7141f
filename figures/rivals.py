"""Forget loss after relearning against retain loss: every method's search and its frontier."""

from collections.abc import Sequence

from absorb.stats.frontier import Chosen, frontier
from absorb.stats.intervals import mean_t
from figures.marks import Mark, mark, series_of, spoken
from figures.ordinary import kept
from figures.page import Page, Pages
from figures.rivals_draw import FORGET, KEPT, LABELS, RETAIN, draw
from figures.searches import (
    METHODS,
    Search,
    choice_in_words,
    elicited_in_words,
    kept_in_words,
    losses,
    searches,
    sorted_out,
)
from figures.select import Table
from figures.token_runs import Seeded, concept_words


def pages(table: Table, partial: bool) -> Pages:
    """A figure for each search that is whole, or for all if `partial`."""
    drawn, left_out = sorted_out(searches(table), partial)
    made = [page(search) for search in drawn]
    return Pages(made, "\n\n".join(in_words(search) for search in drawn), left_out)


def page(search: Search) -> Page:
    """The figure of one search."""
    marks, caption = marks_of(search), caption_of(search)
    panels = [panel_name(p) for p in search.fractions]
    return Page(
        f"rivals{search.study.suffix}",
        lambda: draw(marks, panels, search.before, caption),
        marks,
        caption,
    )


def panel_name(p: float) -> str:
    """Such as "p = 0.5"."""
    return f"p = {p:g}"


def marks_of(search: Search) -> list[Mark]:
    """Every config over all seeds, every frontier over the reporting seeds, and the references."""
    marks = []
    for p in search.fractions:
        for method in METHODS:
            marks += method_marks(search, method, p)
        for name, at, runs in references(search):
            for axis, column in columns(search).items():
                (loss_S,) = losses({name: runs}, column, sorted(runs))
                marks.append(mark(f"{panel_name(p)}: {axis}", name, at, mean_t(loss_S)))
    return marks


def references(search: Search) -> list[tuple[str, float, Seeded]]:
    """Networks without any method: by name, share of the training, runs."""
    found = [("never taught", 1.0, search.reference(1.0))]
    longest = max(search.lengths, default=1.0)
    shorter = [(epochs, runs) for epochs, runs in search.lengths.items() if epochs < longest]
    found += [("ordinary", epochs / longest, runs) for epochs, runs in shorter]
    return [*found, ("ordinary", 1.0, search.reference(0.0))]


def columns(search: Search) -> dict[str, str]:
    """Which column each axis shows."""
    return {FORGET: "elicited.forget", RETAIN: f"{search.before}.retain"}


def method_marks(search: Search, method: str, p: float) -> list[Mark]:
    """One method at one label fraction: `at` numbers the configs, or the places on the frontier."""
    configs, marks = search.configs(method, p), []
    seeds, panel = search.study.seeds, panel_name(p)
    of = {axis: losses(configs, column, seeds) for axis, column in columns(search).items()}
    for i, words in enumerate(configs):
        marks += [
            mark(f"{panel}: {axis}", method, i, mean_t(value_CS[i]))._replace(flag=words)
            for axis, value_CS in of.items()
        ]
    for place, point in enumerate(chosen(search, method, p)):
        words = list(configs)[point.config]
        marks += [
            mark(f"{panel}: {axis}", f"{method}, frontier", place, value, words)
            for axis, value in ((FORGET, point.gain), (RETAIN, point.cost))
        ]
        marks += kept_marks(search, f"{panel}: {KEPT}", f"{method}, frontier", place, words, p)
    return marks


def kept_marks(
    search: Search, panel: str, series: str, place: int, words: str, p: float
) -> list[Mark]:
    """What the retain loss of a chosen config is worth in ordinary training, by reporting seeds."""
    if len(search.lengths) < 2:
        return []
    runs = search.configs(series.partition(",")[0], p)[words]
    report = [search.study.seeds[i] for i in search.parts.report]
    reported = {seed: runs[seed] for seed in report if seed in runs}
    value = kept(search.lengths, reported, columns(search)[RETAIN])
    return [mark(panel, series, place, value, words)]


def chosen(search: Search, method: str, p: float) -> list[Chosen]:
    """The frontier of one method at one label fraction."""
    configs, seeds = search.configs(method, p), search.study.seeds
    of = {axis: losses(configs, column, seeds) for axis, column in columns(search).items()}
    return frontier(of[RETAIN], of[FORGET], search.parts) if configs else []


def caption_of(search: Search) -> str:
    """What a reader has to know."""
    study, row = search.study, search.study.first
    apart = f"{study.apart}\n" if study.apart else ""
    tried = {m: max(len(search.configs(m, p)) for p in search.fractions) for m in METHODS}
    counts = ", ".join(f"{LABELS[m]} {n}" for m, n in tried.items())
    uneven = "" if len(set(tried.values())) == 1 else " (UNEVEN: more tries flatter a method)"
    return (
        f"{apart}{study.runs_in_words(search.missing)}; {concept_words(row)} in"
        f" {row['world.kind']}. Configs tried: {counts}{uneven}.\n"
        f"Forget loss: on the concept's tokens, at its lowest over {elicited_in_words(search)},"
        f" chosen on validation.{kept_in_words(search)} Retain loss: {search.before}, before any"
        f" attack. Small: every config, means over all {len(study.seeds)} seeds. Large, joined:"
        f"{choice_in_words(search, 'the undominated configs by the means of')}. Ordinary: trained"
        f" on everything, attacked alike{shorter_in_words(search)}; never taught: without the"
        " concept's data. Carets: beyond the axis. A config with a run that did not end well is"
        " never chosen; a frontier knows only of what was tried."
    )


def shorter_in_words(search: Search) -> str:
    """That the ordinary networks come in several lengths of training, if they do."""
    if len(search.lengths) < 2:
        return ""
    shorter = sum(len(runs) for runs in search.lengths.values()) - len(search.reference(0.0))
    tried = ", ".join(f"{epochs:g}" for epochs in search.lengths)
    return f", after {tried} epochs (the shorter ones: {shorter} more runs)"


def in_words(search: Search) -> str:
    """The finding for the terminal: each method's frontier as reported."""
    lines = [f"rivals {search.study.apart}".rstrip() + f": {search.study.runs_in_words('')}"]
    marks = marks_of(search)
    for p in search.fractions:
        for method in METHODS:
            forget, retain = (
                series_of(panel_marks(marks, f"{panel_name(p)}: {axis}"), f"{method}, frontier")
                for axis in (FORGET, RETAIN)
            )
            pairs = list(zip(forget, retain, strict=False))
            ends = [
                f"{spoken(f)} at retain {spoken(r)}"
                for f, r in dict.fromkeys(pairs[:1] + pairs[-1:])
            ]
            lines.append(f"  p = {p:g}, {LABELS[method]}: {'; '.join(ends)}")
    return "\n".join(lines)


def panel_marks(marks: Sequence[Mark], panel: str) -> list[Mark]:
    """The marks of one panel."""
    return [m for m in marks if m.panel == panel]

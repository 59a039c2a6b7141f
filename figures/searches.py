"""Searches over the settings of methods that remove a concept: route, its kin, and its rivals."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from absorb.stats.frontier import Halves, halves
from figures.ordinary import Lengths, kin, not_shortened, ordinary
from figures.select import ARM, FRACTION, Table, config_names, described, differing
from figures.token_runs import (
    CONCEPT,
    PLACEMENT,
    SITES,
    Row,
    Seeded,
    Study,
    common,
    fraction,
    is_route,
    missing,
    studies,
    treatments,
)

METHODS = ("route", "hard", "filter", "ascent", "misdirect", "distil", "lora")
RIVALS = ("ascent", "misdirect", "distil")
FOUND = (  # of a model, what all methods share; adapters and experts belong to a method
    "model.kind", "model.layers", "model.width", "model.heads", "model.mlp", "model.precision",
)  # fmt: skip
SAME = ("world.", "measure.", "seeds.")
LOSE = ("route", "hard", "lora")  # methods whose region is ablated; others are measured whole
BEFORE = ("calibrated", "raw")  # the treatment of the network that is used, before any attack


class Cell(NamedTuple):
    """One config of a method at one label fraction; `settings` are all that a method may choose."""

    method: str
    p: float
    settings: tuple[tuple[str, Any], ...]


class Search(NamedTuple):
    """All configs of every method on one world, model and concept, at the seeds that all have."""

    study: Study
    fractions: Sequence[float]
    before: str
    lengths: Lengths
    missing: str

    @property
    def parts(self) -> Halves:
        """Which of the seeds select and which report; all do where there is nothing to choose."""
        every = np.arange(len(self.study.seeds))
        return halves(self.study.seeds) if self.chooses else Halves(every, every)

    @property
    def chooses(self) -> bool:
        """Whether any method has several configs at a label fraction."""
        tried = Counter((cell.method, cell.p) for cell in self.study.cells)
        return any(tried[method, p] > 1 for method in METHODS for p in self.fractions)

    def configs(self, method: str, p: float) -> dict[str, Seeded]:
        """The configs of a method in words, such as "rate=0.001", with their runs."""
        found = {c.settings: runs for c, runs in self.study.cells.items()
                 if c.method == method and c.p == p}  # fmt: skip
        return dict(zip(in_words_each(list(found)), found.values(), strict=True))

    def reference(self, p: float) -> Seeded:
        """Ordinary training without a share p of the concept's data; filtered data are the same."""
        for method in ("std", "filter"):
            for cell, runs in self.study.cells.items():
                if (cell.method, cell.p) == (method, p):
                    return runs
        return {}


def searches(table: Table) -> list[Search]:
    """Every search in which a rival stands."""
    free = [n for n in config_names(table) if not (n.startswith(SAME) or n in (CONCEPT, *FOUND))]
    found = studies(table, free, lambda row: cell_of(row, free), not_shortened(table))
    with_rivals = [s for s in found if any(cell.method in RIVALS for cell in s.cells)]
    lengths = ordinary(table)
    return [search_of(study, lengths.get(kin(study.first), {})) for study in with_rivals]


def sorted_out(found: Sequence[Search], partial: bool) -> tuple[list[Search], list[str]]:
    """The searches to draw, and in words why the others are not."""
    drawn, left_out = [], []
    for search in found:
        why = "" if partial else search.missing
        if len(search.study.seeds) < 2:
            why = "one seed cannot select and report"
        elif not search.before:
            why = search.missing
        if why:
            left_out.append(f"{search.study.apart or 'runs'}: {why}")
        else:
            drawn.append(search)
    return drawn, left_out


def cell_of(row: Row, free: Sequence[str]) -> Cell | None:
    """The config of a run; None for an arm that is no method."""
    method = method_of(row)
    if method is None:
        return None
    settings = () if method == "std" else tuple(
        (name, row.get(name)) for name in free if name not in (ARM, FRACTION)
    )  # fmt: skip
    return Cell(method, fraction(row), settings)


def method_of(row: Row) -> str | None:
    """What removes the concept in a run."""
    if row[ARM] == "rival":
        return str(row["rival.kind"])
    if "adapter" in str(row[SITES]):
        return "lora" if is_route(row) else None
    if row[ARM] == "route" and not is_route(row):
        return None
    return row[ARM] if row[ARM] in ("route", "hard", "filter", "std") else None


def search_of(study: Study, lengths: Lengths) -> Search:
    """A study with its label fractions, and what of it is not there."""
    configs: dict[tuple, list[float]] = {}
    for cell in study.cells:
        if cell.method != "std":
            configs.setdefault((cell.method, cell.settings), []).append(cell.p)
    fractions = [p for p in common(list(configs.values())) if p > 0]
    wanted = [Cell(m, p, settings) for m, settings in configs for p in fractions]
    there = {cell.method for cell in study.cells}
    absent = [method for method in METHODS if method not in there]
    lacking = [f"no runs of {', '.join(absent)}"] if absent else []
    short = missing(study, wanted, lambda c: f"{c.method} at p = {c.p:g}", study.seeds)
    seen = treatments(study.rows)
    before = next((t for t in BEFORE if t in seen), "")
    lacking += [short] if short else []
    if "elicited" not in seen or not before:
        lacking.append("no losses after relearning or none before")
    return Search(study, fractions, before, lengths, "; ".join(lacking))


def elicited_in_words(search: Search) -> str:
    """What the forget loss after relearning is the least of."""
    row = search.study.first
    kinds = ", ".join(json.loads(str(row.get("measure.attack_kinds") or "[]")))
    epochs = int(row.get("measure.refit_epochs") or 0)
    refit = f" and a head refitted on training data for {epochs} epochs" if epochs else ""
    return (
        f"the attack set ({kinds}; rates {row['measure.attack_rates']}, forget examples"
        f" {row['measure.attack_examples']}, {row['measure.attack_steps']} steps){refit}"
    )


def kept_in_words(search: Search) -> str:
    """Which methods keep the units that routing adds, or "" where it adds none."""
    methods = {c.method for c in search.study.cells
               for row in search.study.cells[c].values() if row[PLACEMENT] == "added"}  # fmt: skip
    lose = [m for m in METHODS if m in methods and m in LOSE]
    keep = [m for m in (*METHODS, "std") if m in methods and m not in LOSE]
    if not (lose and keep):
        return ""
    return (
        f" Capacity is not equal: {', '.join(lose)} lose the added units when they are ablated;"
        f" {', '.join(keep)} are measured whole and keep them."
    )


def choice_in_words(search: Search, what: str) -> str:
    """On which seeds configs are chosen, and over which they are reported."""
    if not search.chooses:
        n = len(search.study.seeds)
        return f" One config of each method, means and 95 % t intervals over all {n} seeds"
    return (
        f" {what} {len(search.parts.select)} seeds, with means and 95 % t intervals over the other"
        f" {len(search.parts.report)}"
    )


def in_words_each(settings: Sequence[tuple[tuple[str, Any], ...]]) -> list[str]:
    """Configs by the settings in which they differ."""
    each = [dict(one) for one in settings]
    names = differing(each)
    return [described(one, names) or "one config" for one in each]


def losses(configs: Mapping[str, Seeded], column: str, seeds: Sequence[int]) -> np.ndarray:
    """One column of every config, shape (configs, seeds); NaN where a run did not end well."""
    of = [{s: r for s, r in runs.items() if r["status"] == "ok"} for runs in configs.values()]
    rows = [[runs[s].get(column) if s in runs else None for s in seeds] for runs in of]
    return np.array(rows, dtype=float).reshape(len(configs), len(seeds))

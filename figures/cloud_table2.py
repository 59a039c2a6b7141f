"""Table 2 of Cloud et al. 2024 again: the certificates' losses beside the published ones."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from absorb.errors import AbsorbError
from absorb.stats.intervals import Interval, mean_t, undefined
from figures.cloud_draw import draw_certificates
from figures.cloud_settings import COLUMNS, ORDER, TABLE, Contrast
from figures.marks import Mark, mark, spoken
from figures.page import Page, Pages
from figures.select import COMPARED, Group, Table, groups, plain, suffix, telling

PART = {"0-4": "retain", "5-9": "forget"}  # the concept is 5-9
HALVES = {"region": "half meant for 5–9", "rest": "half meant for 0–4"}
ERRORS = ("squared", "absolute")


class Cloud(NamedTuple):
    """One experiment: the finished runs of each setting by seed, and what there is of it.

    `row_of[setting][seed]` is a row of `columns`; `missing` says what is not there, or "".
    """

    group: Group
    columns: Mapping[str, np.ndarray]
    row_of: Mapping[int, Mapping[int, int]]
    runs: str
    missing: str


class Verdict(NamedTuple):
    """Whether one setting orders as published: "yes", "no" or "undecided", and what decided."""

    setting: int
    answer: str
    contrasts: tuple[tuple[Contrast, Interval], ...]


def pages(table: Table, partial: bool) -> Pages:
    """A figure for each experiment in the table that is whole, or for all if `partial`."""
    found = clouds(table)
    drawn = [c for c in found if partial or not c.missing]
    left_out = [f"{world_of(c)}: {c.missing}" for c in found if c not in drawn]
    names = telling_besides_world(drawn)
    made, said = [], []
    for cloud in drawn:
        end = f"-{world_of(cloud)}{suffix(cloud.group.settings, names)}"
        verdicts = [verdict(cloud, setting) for setting in ORDER]
        made += [page(cloud, verdicts, error, end) for error in ERRORS]
        said.append(in_words(cloud, verdicts))
    return Pages(made, "\n\n".join(said), left_out)


def telling_besides_world(found: Sequence[Cloud]) -> list[str]:
    """What tells apart experiments on the same world."""
    per_world: dict[str, list[Mapping[str, Any]]] = {}
    for one in found:
        per_world.setdefault(world_of(one), []).append(one.group.settings)
    return list(dict.fromkeys(name for group in per_world.values() for name in telling(group)))


def clouds(table: Table) -> list[Cloud]:
    """Every group of runs with certificates in which two settings of the table or more stand."""
    if not set(COLUMNS) <= set(table) or "certificate.region.retain.squared" not in table:
        return []
    found = (cloud(g, g.of(table)) for g in groups(table, (*COMPARED, *COLUMNS)))
    return [one for one in found if len(one.row_of) > 1]


def cloud(group: Group, columns: Mapping[str, np.ndarray]) -> Cloud:
    """The runs of one group, sorted by setting and seed."""
    rows: dict[int, dict[int, int]] = {}
    known = {tuple(s.as_run().values()): s.number for s in TABLE}
    for row, seed in enumerate(columns["seed"].tolist()):
        number = known.get(tuple(comparable(columns[name][row]) for name in COLUMNS))
        if number is None or columns["routing.label_fraction"][row] != 1:
            continue
        if seed in rows.setdefault(number, {}):
            raise AbsorbError(f"two runs of setting {number} with seed {seed}")
        rows[number][seed] = row
    status = columns["status"]
    finished = {
        number: {seed: row for seed, row in of.items() if status[row] == "ok"}
        for number, of in sorted(rows.items())
    }
    return Cloud(group, columns, finished, counts(rows, status), absent(rows))


def comparable(value: Any) -> Any:
    """A stored setting as a plain value."""
    return plain(value.item() if isinstance(value, np.generic) else value)


def counts(rows: Mapping[int, Mapping[int, int]], status: np.ndarray) -> str:
    """Runs, seeds, diverged and failed ones, in words."""
    ended = [str(status[row]) for of in rows.values() for row in of.values()]
    seeds = len({seed for of in rows.values() for seed in of})
    return (
        f"{len(ended)} runs, {seeds} seeds, {ended.count('diverged')} diverged,"
        f" {ended.count('failed')} failed"
    )


def absent(rows: Mapping[int, Mapping[int, int]]) -> str:
    """What is missing of ten settings with all seeds, in words, or ""."""
    seeds = {seed for of in rows.values() for seed in of}
    short = [s.number for s in TABLE if len(rows.get(s.number, {})) < len(seeds)]
    there = sum(len(of) for of in rows.values())
    numbers = ", ".join(map(str, short))
    total = len(TABLE) * len(seeds)
    return f"{there} of {total} runs, short of settings {numbers}" if short else ""


def losses(cloud: Cloud, setting: int, column: str, seeds: Sequence[int]) -> np.ndarray:
    """One column of one setting for these seeds."""
    rows = cloud.row_of[setting]
    return np.array([cloud.columns[column][rows[seed]] for seed in seeds], float)


def estimate(cloud: Cloud, contrast: Contrast) -> Interval:
    """A weighted sum of squared losses of the region's certificate, paired by seed, with t."""
    settings = {setting for _, setting, _ in contrast.terms}
    if empty := [s for s in sorted(settings) if not cloud.row_of.get(s)]:
        return undefined(0, f"no finished run of setting {', '.join(map(str, empty))}")
    seeds = sorted(set.intersection(*(set(cloud.row_of[s]) for s in settings)))
    total_S = np.zeros(len(seeds))
    for weight, setting, digits in contrast.terms:
        column = f"certificate.region.{PART[digits]}.squared"
        total_S += weight * losses(cloud, setting, column, seeds)
    return mean_t(total_S)


def verdict(cloud: Cloud, setting: int) -> Verdict:
    """Yes if the interval of every contrast is above 0, no if that of any is below."""
    found = tuple((contrast, estimate(cloud, contrast)) for contrast in ORDER[setting])
    if all(x.low > 0 for _, x in found):
        return Verdict(setting, "yes", found)
    return Verdict(setting, "no" if any(x.high < 0 for _, x in found) else "undecided", found)


def certificate_marks(cloud: Cloud, error: str) -> list[Mark]:
    """Both certificates on both groups of digits in every setting, and the published values."""
    found = []
    for half in HALVES:
        for digits, part in PART.items():
            column = f"certificate.{half}.{part}.{error}"
            for setting in cloud.row_of:
                seeds = sorted(cloud.row_of[setting])
                value = mean_t(losses(cloud, setting, column, seeds))
                found.append(mark(panel(half, error), digits, setting, value))
    return found + (published(panel("region", error)) if error == "squared" else [])


def published(name: str) -> list[Mark]:
    """The published means as marks; their intervals pool digits and runs and are left out."""
    nan = float("nan")
    return [
        Mark(name, f"{digits} published", s.number, value, nan, nan, 20)
        for s in TABLE
        for digits, value in (("0-4", s.published_0_4), ("5-9", s.published_5_9))
    ]


def panel(half: str, error: str) -> str:
    """What a panel's marks carry."""
    return f"certificate of the {HALVES[half]}, {error} error"


def page(cloud: Cloud, verdicts: Sequence[Verdict], error: str, end: str) -> Page:
    """One figure: both halves' certificates, with the verdicts where the error is the published."""
    name = "cloud_table2" if error == "squared" else "cloud_table2_absolute"
    shown = verdicts if error == "squared" else ()
    marks = [*certificate_marks(cloud, error), *verdict_marks(shown)]
    note = note_of(cloud, error)
    answers = {v.setting: v.answer for v in shown}
    names = [panel(half, error) for half in HALVES]
    return Page(f"{name}{end}", lambda: draw_certificates(marks, names, answers, note), marks, note)


def verdict_marks(verdicts: Sequence[Verdict]) -> list[Mark]:
    """Every contrast behind the verdicts, for the table beside the figure."""
    name = "orders as published: contrasts, above 0 if so"
    return [
        mark(name, contrast.words, v.setting, x, v.answer)
        for v in verdicts
        for contrast, x in v.contrasts
    ]


def note_of(cloud: Cloud, error: str) -> str:
    """Runs, settings and signs, below the figure."""
    get = {name: cloud.columns[name][0] for name in cloud.columns}
    part = f" PARTIAL: {cloud.missing}." if cloud.missing else ""
    lines = [
        f"{get.get('world.kind')}, autoencoder {get.get('model.widths')}, latent"
        f" {get.get('model.latent')}, {get.get('train.epochs')} epochs, batch"
        f" {get.get('train.batch')}: {cloud.runs}.{part}",
        "Held-out loss of a decoder that sees one half of the latent; 95 % t intervals over seeds.",
    ]
    if error == "squared":
        lines.append(
            "Published: MNIST, 20 runs. As published: every ordering stated beside this figure"
            " holds (✓), one is contradicted (✗), or seeds do not tell (?)."
        )
    return "\n".join(lines)


def world_of(cloud: Cloud) -> str:
    """The world's kind, such as "mnist"."""
    return str(cloud.columns["world.kind"][0])


def in_words(cloud: Cloud, verdicts: Sequence[Verdict]) -> str:
    """The finding for the terminal: each setting's losses and whether it orders as published."""
    region = panel("region", "squared")
    marks = {(m.series, m.at): m for m in certificate_marks(cloud, "squared") if m.panel == region}
    lines = [f"Cloud et al. table 2 on {world_of(cloud)}: {cloud.runs}"]
    lines.append(f"  {'':2}  {'':36}  {'0-4':24}  {'5-9':24}  as published")
    answers = {v.setting: v for v in verdicts}
    for s in TABLE:
        one, other = (spoken(marks[d, s.number]) if (d, s.number) in marks else "–" for d in PART)
        v = answers[s.number]
        lines.append(f"  {s.number:2}  {s.words:36}  {one:24}  {other:24}  {v.answer}{doubts(v)}")
    return "\n".join(lines)


def doubts(v: Verdict) -> str:
    """The contrasts that do not hold, in words."""
    failing = [f"{c.words} {spoken(mark('', '', 0, x))}" for c, x in v.contrasts if not x.low > 0]
    return f": {'; '.join(failing)}" if failing else ""

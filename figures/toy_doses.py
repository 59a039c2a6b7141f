"""Toy experiments with the arms of absorption, their measures as plain columns."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from absorb.stats.geometry import alignment
from absorb.stats.runs import TREATMENTS
from figures.experiments import Experiment, experiment, fractions_of
from figures.induced_runs import concept, routes_a_pair, twins_of
from figures.select import PARTS as CONFIG_PARTS
from figures.select import Group, Table, groups
from figures.toy_rows import FEATURES, MECHANISM, Row, toy_rows, weights

PARTS = ("concept", "twins", "others")
SETTINGS = tuple(f"{part}." for part in CONFIG_PARTS)


def doses(table: Table) -> list[Experiment]:
    """Every group of toys in which `route` stands at several label fractions among other arms."""
    rows = toy_rows(table, lambda row: row[MECHANISM] != "none" and not routes_a_pair(row))
    if not rows:
        return []
    plain = [plain_row(row) for row in rows]
    names = list(dict.fromkeys(name for row in plain for name in row))
    columns = {name: [row.get(name) for row in plain] for name in names}
    found = [experiment(group, own_columns(group, columns)) for group in groups(columns)]
    return [e for e in found if len(fractions_of(e.columns, "route")) > 1 and other_arms(e)]


def own_columns(group: Group, columns: Table) -> Mapping[str, np.ndarray]:
    """The group's columns without those that it has not."""
    own = group.of(columns)
    return {name: column for name, column in own.items() if any(x is not None for x in column)}


def other_arms(e: Experiment) -> bool:
    """Whether anything stands beside `route`."""
    return bool(set(e.columns["routing.arm"].tolist()) - {"route"})


def treatments_of(columns: Mapping[str, Any]) -> tuple[str, ...]:
    """The treatments whose single features were measured."""
    return tuple(t for t in TREATMENTS if f"{t}.forget" in columns)


def plain_row(row: Row) -> dict[str, Any]:
    """A run with one number per measure: losses and places of concept, twins and others.

    `forget` is the concept's loss and `retain` that of the others. Examples are drawn without end:
    the concept's own count as 1, so that numbers of examples are shares.
    """
    parts = parts_of(row)
    kept = {n: v for n, v in row.items() if n in ("seed", "status") or n.startswith(SETTINGS)}
    kept["forget_train_count"] = 1.0
    if row["status"] != "ok":
        return kept
    for treatment in ("whole", *TREATMENTS):
        if row.get(f"{treatment}.features") is not None:
            loss_F = np.asarray(row[f"{treatment}.features"], float)
            mean = {part: float(loss_F[list(own)].mean()) for part, own in parts.items()}
            kept |= {f"{treatment}.{part}": value for part, value in mean.items()}
            kept |= {f"{treatment}.forget": mean["concept"], f"{treatment}.retain": mean["others"]}
    share_F = alignment(weights(row).w_MF)[: int(row["routing.units"])].sum(axis=0)
    return kept | {f"place.{part}": float(share_F[list(i)].mean()) for part, i in parts.items()}


def parts_of(row: Row) -> dict[str, Sequence[int]]:
    """The features of the concept, those of its group without labels, and the others."""
    own, twins = concept(row), twins_of(row)
    others = tuple(i for i in range(int(row[FEATURES])) if i not in (*own, *twins))
    found = zip(PARTS, (own, twins, others), strict=True)
    return {part: features for part, features in found if features}

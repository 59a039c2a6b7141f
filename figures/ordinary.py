"""Ordinary networks, trained on everything for more and less long: what a retain loss is worth."""

from collections.abc import Callable, Mapping

import numpy as np

from absorb.stats.compute import training_kept
from absorb.stats.intervals import Interval, undefined
from figures.select import ARM, Table
from figures.token_runs import CONCEPT, Row, Seeded, fraction, paired, token_rows

EPOCHS = "train.epochs"
SAME = ("model.kind", "model.layers", "model.width", "model.heads", "model.mlp", CONCEPT)
RETAIN = "whole.retain"

Lengths = Mapping[float, Seeded]  # runs by epochs


def is_ordinary(row: Row) -> bool:
    """Whether a run was trained on all data, without a region: the arm `std` lacking none."""
    return row[ARM] == "std" and fraction(row) == 0


def kin(row: Row) -> tuple:
    """What runs share with the ordinary networks that they are compared with."""
    names = sorted(n for n in row if n.startswith("world.") and n != "world.path")
    return tuple((name, row.get(name)) for name in (*names, *SAME))


def ordinary(table: Table) -> Mapping[tuple, Lengths]:
    """The ordinary networks by kin and by epochs, the shortest training first."""
    found: dict[tuple, dict[float, dict[int, Row]]] = {}
    for row in sorted(token_rows(table, is_ordinary), key=lambda row: float(row.get(EPOCHS) or 0)):
        lengths = found.setdefault(kin(row), {})
        lengths.setdefault(float(row.get(EPOCHS) or 0), {}).setdefault(int(row["seed"]), row)
    return found


def not_shortened(table: Table) -> Callable[[Row], bool]:
    """Whether a run is no ordinary network trained for less long than others of its kin."""
    longest = {key: max(lengths) for key, lengths in ordinary(table).items()}
    return lambda row: not is_ordinary(row) or float(row.get(EPOCHS) or 0) == longest[kin(row)]


def kept(lengths: Lengths, runs: Seeded, column: str) -> Interval:
    """The share of ordinary training that the runs' retain loss in `column` is worth."""
    if len(lengths) < 2:
        return undefined(0, "no ordinary networks of two lengths of training")
    columns = [column, *[RETAIN] * len(lengths)]
    loss_S, *ordinary_KS = paired(columns, [runs, *lengths.values()])
    return training_kept(loss_S, np.stack(ordinary_KS, axis=1), np.array(list(lengths)))

"""Which rows of a store belong together: runs that differ in nothing but what a figure compares.

A table is a mapping from column names to sequences, one entry per run. Rows of any number of
experiments may lie in it; two groups are never mixed.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

PARTS = ("world", "model", "routing", "gate", "train", "rival", "measure", "seeds")
ARM = "routing.arm"
FRACTION = "routing.label_fraction"
RERUN = "seeds.rerun"
COMPARED = (ARM, FRACTION)  # what differs within every group, besides the seed

_NOISE = ("routing.false_positive", "routing.false_negative", "routing.covariate_strength")
# Settings that cannot matter to an arm stand at 0 in its rows, so such a row serves every group.
UNUSED = {"std": _NOISE, "placebo": _NOISE, "capacity": (*_NOISE, "routing.retain_fraction")}

Table = Mapping[str, Sequence[Any] | np.ndarray]
Key = tuple[Any, ...]


class Group(NamedTuple):
    """Rows of one experiment, with the settings in which it may differ from other groups."""

    settings: Mapping[str, Any]
    rows: np.ndarray

    def of(self, table: Table) -> dict[str, np.ndarray]:
        """The table's columns at this group's rows."""
        return {name: one_each([column[i] for i in self.rows]) for name, column in table.items()}


def one_each(column: Sequence[Any] | np.ndarray) -> np.ndarray:
    """A column as an array with one entry per run, also where the entries are lists."""
    if not any(isinstance(value, list) for value in column):
        return np.asarray(column)
    array = np.empty(len(column), dtype=object)
    for i, value in enumerate(column):
        array[i] = value
    return array


def config_names(table: Table) -> list[str]:
    """The columns that hold settings, not measures; the seed itself is not one of them."""
    return [name for name in table if name.split(".")[0] in PARTS and "." in name]


def groups(table: Table, free: Collection[str] = COMPARED) -> list[Group]:
    """The rows grouped by every setting that is not `free`, in the order of their first rows.

    A seed for initialisation, data order or labels counts as a setting only where it is not the
    run's own. The path of a data set is none where a checksum says which it is.
    """
    names = [name for name in config_names(table) if name not in free]
    settings = {name: setting(table, name) for name in names}
    varying = {name: column for name, column in settings.items() if len(set(column)) > 1}
    keys: list[Key] = list(zip(*varying.values(), strict=True)) if varying else []
    keys = keys or [()] * len(table["seed"])
    own, shared = split_by_arm(table, keys)
    by_key: dict[Key, list[int]] = {}
    for row in own:
        by_key.setdefault(keys[row], []).append(row)
    found = []
    for key, rows in by_key.items():
        serve = [row for row in shared if serves(table[ARM][row], keys[row], key, list(varying))]
        found.append(Group(dict(zip(varying, key, strict=True)), np.array(sorted(rows + serve))))
    return found


def row_groups(
    table: Table, rows: Sequence[int], free: Collection[str]
) -> list[list[dict[str, Any]]]:
    """These rows as mappings, in groups that differ in nothing but what is `free`; see `groups`."""
    if not rows:
        return []
    columns = {name: [plain(column[i]) for i in rows] for name, column in table.items()}
    return [
        [{name: column[i] for name, column in columns.items()} for i in group.rows]
        for group in groups(columns, free)
    ]


def split_by_arm(table: Table, keys: Sequence[Key]) -> tuple[list[int], list[int]]:
    """Rows that found a group, and rows of arms that one row of may serve several groups.

    Where there are no rows but such, they found the groups themselves.
    """
    arms = table.get(ARM, [""] * len(keys))
    shared = [row for row in range(len(keys)) if arms[row] in UNUSED]
    own = [row for row in range(len(keys)) if arms[row] not in UNUSED]
    return (own, shared) if own else (shared, [])


def serves(arm: str, row_key: Key, group_key: Key, names: Sequence[str]) -> bool:
    """Whether a run of `arm` belongs to a group: equal in every setting that acts on the arm."""
    return row_key == group_key or all(
        mine == theirs or (name in UNUSED[arm] and mine == 0)
        for name, mine, theirs in zip(names, row_key, group_key, strict=True)
    )


def setting(table: Table, name: str) -> list[Any]:
    """One setting per row, comparable: see `groups` for seeds and paths."""
    column = [plain(value) for value in table[name]]
    if name.startswith("seeds.") and name != RERUN:
        pairs = zip(column, table["seed"], strict=True)
        return ["own" if value is None or value == seed else value for value, seed in pairs]
    if name == "world.path":
        return [None if is_known(table, row) else path for row, path in enumerate(column)]
    return column


def is_known(table: Table, row: int) -> bool:
    """Whether a checksum says which data a run had, wherever they lay."""
    kind, sha256, any_ = (
        plain(table[name][row]) if name in table else None
        for name in ("world.kind", "world.sha256", "world.any_checksum")
    )
    return bool(sha256) or (kind == "mnist" and any_ is not None and not any_)


def plain(value: Any) -> Any:
    """A value that equals itself: NaN, as columns of other experiments read, is None."""
    return None if isinstance(value, float) and value != value else value


def differing(settings: Sequence[Mapping[str, Any]]) -> list[str]:
    """The names of the settings in which these differ."""
    names = dict.fromkeys(name for one in settings for name in one)
    return [name for name in names if len({one.get(name) for one in settings}) > 1]


def telling(settings: Sequence[Mapping[str, Any]]) -> list[str]:
    """As few names as tell these settings apart; those of the model last."""
    names: list[str] = []

    def apart(some: Sequence[str]) -> int:
        return len({tuple(one.get(name) for name in some) for one in settings})

    for name in sorted(differing(settings), key=lambda name: name.startswith("model.")):
        if apart([*names, name]) > apart(names):
            names.append(name)
    return names


def described(settings: Mapping[str, Any], names: Sequence[str]) -> str:
    """These settings in words, such as "routing.cross=False, seed=0"."""
    return ", ".join(f"{name}={settings.get(name)}" for name in names)


def suffix(settings: Mapping[str, Any], names: Sequence[str]) -> str:
    """These settings as a part of a file name, such as "-mechanism_parameter-cross_False"."""
    words = [f"{name.split('.')[-1]} {settings.get(name)}" for name in names]
    return "".join("-" + re.sub(r"[^\w.]+", "_", word).strip("_") for word in words)

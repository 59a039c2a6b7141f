"""Axes of a sweep: each value turned into the leaves that it changes, without the product."""

import copy
import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from hydra.core.config_loader import ConfigLoader
from omegaconf import DictConfig, OmegaConf

from sweeps.compose import assign, check_known, compose_config, plain, without_hydra
from sweeps.overrides import Setting


class Axis(NamedTuple):
    """Dotted names of the leaves that an axis changes; their values, step by step of the axis."""

    names: tuple[str, ...]
    rows: Sequence[Any]  # tuples like `names`, or bare values where there is one name

    def row(self, index: int) -> tuple[Any, ...]:
        """Values of `names` at one step."""
        return self.rows[index] if len(self.names) != 1 else (self.rows[index],)


class Block(NamedTuple):
    """One composed config as leaves by dotted name, and the axes whose product is taken over it."""

    base: dict[str, Any]
    axes: tuple[Axis, ...]


def blocks_of(loader: ConfigLoader, settings: Mapping[str, Setting]) -> Iterator[Block]:
    """A block for each combination of structural values: Hydra composes once for each."""
    everything = list(settings.values())
    swept = [s for s in everything if s.structural and s.swept]
    moving = _moving(everything)
    for combination in itertools.product(*(s.values for s in swept)):
        chosen = {s.key: s._replace(values=[v]) for s, v in zip(swept, combination, strict=True)}
        fixed = [chosen.get(s.key, s) for s in everything if s not in moving]
        yield block_of(compose_config(loader, fixed), moving)


def _moving(settings: Sequence[Setting]) -> list[Setting]:
    """Value settings that are swept, and those within or around them, whose order matters."""
    swept = [s.key for s in settings if s.swept and not s.structural]
    return [s for s in settings if not s.structural and any(_nested(s.key, k) for k in swept)]


def _nested(a: str, b: str) -> bool:
    return a == b or a.startswith(f"{b}.") or b.startswith(f"{a}.")


def block_of(config: DictConfig, moving: Sequence[Setting]) -> Block:
    """The block of a composed config under the axes `moving`."""
    for setting in moving:
        check_known(config, setting.key)
    base = leaves(plain(config))
    interpolates = _interpolates(config)
    groups = [[s] for s in moving]
    axes = [_axis(config, base, group, interpolates) for group in groups]
    while (pair := _clash(axes)) is not None:  # two axes that change a leaf together are one axis
        groups[pair[0]] = sorted(groups[pair[0]] + groups.pop(pair[1]), key=moving.index)
        axes.pop(pair[1])
        axes[pair[0]] = _axis(config, base, groups[pair[0]], interpolates)
    return Block(base, tuple(axes))


def _clash(axes: Sequence[Axis]) -> tuple[int, int] | None:
    for (i, a), (j, b) in itertools.combinations(enumerate(axes), 2):
        if set(a.names) & set(b.names):
            return i, j
    return None


def _axis(config: DictConfig, base: dict, group: Sequence[Setting], interpolates: bool) -> Axis:
    key, values = group[0].key, group[0].values
    if len(group) == 1 and not interpolates and key in base and not any(map(_is_deep, values)):
        return Axis((key,), values)
    steps = itertools.product(*(setting.values for setting in group))
    changed = [_leaves_under(config, group, step) for step in steps]
    names = tuple(sorted({name for row in changed for name in row if _differs(row, base, name)}))
    names = names or (key,) if key in base else names
    rows = [tuple(row.get(name, base.get(name)) for name in names) for row in changed]
    return Axis(names, [row[0] for row in rows] if len(names) == 1 else rows)


def _is_deep(value: Any) -> bool:
    """Whether a value may change more than the leaf that it is given to."""
    return not isinstance(value, (int, float)) and (isinstance(value, dict) or "${" in str(value))


def _leaves_under(
    config: DictConfig, group: Sequence[Setting], step: Sequence[Any]
) -> dict[str, Any]:
    changed = copy.deepcopy(config)
    for setting, value in zip(group, step, strict=True):
        assign(changed, setting.key, value)
    return leaves(plain(changed))


def _differs(row: Mapping[str, Any], base: Mapping[str, Any], name: str) -> bool:
    return name not in base or repr(row[name]) != repr(base[name])


def _interpolates(config: DictConfig) -> bool:
    raw = OmegaConf.to_container(without_hydra(config), resolve=False)
    return any("${" in str(leaf) for leaf in leaves(raw).values())  # type: ignore[arg-type]


def leaves(mapping: Mapping[str, Any], path: str = "") -> dict[str, Any]:
    """Leaves of a nested mapping by dotted name; lists are leaves."""
    found: dict[str, Any] = {}
    for key, value in mapping.items():
        if isinstance(value, dict) and value:
            found |= leaves(value, f"{path}{key}.")
        else:
            found[f"{path}{key}"] = value
    return found

"""All points of a sweep, streamed: configs and run ids at a few microseconds each."""

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any, NamedTuple

from hydra.core.config_loader import ConfigLoader

from absorb.checksums import with_checksum
from absorb.config import Config, Spec, spec_of
from absorb.errors import AbsorbError
from absorb.identity import canonical, run_id
from absorb.load import load_part, load_setting, nearest
from absorb.rules import check_together
from sweeps.axes import Block, blocks_of
from sweeps.overrides import MAX_VALUES, NOT_OF_A_RUN, Setting

PARTS = tuple(f.name for f in fields(Config))
_SEEDS = ("seed", "seeds")
_CACHED = 8192


class Point(NamedTuple):
    """One run of a sweep: its id, its canonical config, and the number of its program."""

    run_id: str
    config: Config
    program: int


class Points:
    """The points of several blocks, in order, duplicates included; iterate as often as needed."""

    def __init__(self, blocks: Iterable[Block]) -> None:
        self.blocks = list(blocks)
        self.specs: list[Spec] = []  # by program number
        self._programs: dict[Spec, int] = {}
        if len(self) > MAX_VALUES:
            raise AbsorbError(f"{len(self):,} points: a sweep must have at most {MAX_VALUES:,}")

    def __len__(self) -> int:
        return sum(_size(block) for block in self.blocks)

    def __iter__(self) -> Iterator[Point]:
        for block in self.blocks:
            yield from _Walk(block, self.program_of)

    def shared(self) -> Iterator[dict[str, Any]]:
        """What each block says of where results go and how to launch, which no axis may change."""
        for block in self.blocks:
            moved = [name for axis in block.axes for name in axis.names if _is_shared(name)]
            if moved:
                raise AbsorbError(f"{moved[0]}: is one for the whole sweep; it follows what varies")
            own = _nested({name: v for name, v in block.base.items() if _is_shared(name)})
            yield {key: own.get(key) for key in NOT_OF_A_RUN}

    def program_of(self, spec: Spec) -> int:
        """The number of a spec's program: its place among those met so far."""
        number = self._programs.setdefault(spec, len(self._programs))
        if number == len(self.specs):
            self.specs.append(spec)
        return number


def points_of(loader: ConfigLoader, branches: Iterable[Mapping[str, Setting]]) -> Points:
    """The points of sub-sweeps, each the product of its settings."""
    return Points(itertools.chain.from_iterable(blocks_of(loader, branch) for branch in branches))


def _is_shared(name: str) -> bool:
    return name.split(".")[0] in NOT_OF_A_RUN


def _size(block: Block) -> int:
    size = 1
    for axis in block.axes:
        size *= len(axis.rows)
    return size


class _Walk:
    """A walk over one block's product that loads a part of a config only where it changes."""

    def __init__(self, block: Block, program_of: Any) -> None:
        self.axes, self.program_of = block.axes, program_of
        self.base = _nested(block.base)
        for key in self.base:
            if key not in PARTS + NOT_OF_A_RUN:
                raise AbsorbError(f"{key}: no such setting{nearest(key, PARTS)}")
        self.touching = {part: self._touching(part) for part in PARTS}
        static = {a for part in PARTS if part not in _SEEDS for a in self.touching[part]}
        self.static = tuple(sorted(static))
        self.parts: dict[str, dict[tuple, Any]] = {part: {} for part in PARTS}
        self.programs: dict[tuple, int] = {}
        self.samples: dict[str, Any] = {}  # sections of which all that moves can be loaded alone
        self.settings: dict[tuple[str, int, int], Any] = {}

    def _touching(self, part: str) -> tuple[int, ...]:
        heads = [{name.split(".")[0] for name in axis.names} for axis in self.axes]
        return tuple(i for i, head in enumerate(heads) if part in head)

    def __iter__(self) -> Iterator[Point]:
        for at in itertools.product(*(range(len(axis.rows)) for axis in self.axes)):
            config = Config(*[self._part(part, at) for part in PARTS])
            program = self._program(config, at)
            config = canonical(config)
            yield Point(run_id(config), config, program)

    def _part(self, part: str, at: Sequence[int]) -> Any:
        key = tuple([at[i] for i in self.touching[part]])
        cache = self.parts[part]
        if key not in cache:
            _keep_small(cache)
            cache[key] = with_checksum(self._load(part, at))
        return cache[key]

    def _load(self, part: str, at: Sequence[int]) -> Any:
        if part not in self.samples:
            whole = self._load_whole(part, at)
            if all(self._is_setting(part, name) for name, _, _ in self._values(part, at)):
                self.samples[part] = whole
            return whole
        changed = {}
        for name, axis, value in self._values(part, at):
            key = (name, axis, at[axis])
            if key not in self.settings:
                _keep_small(self.settings)
                setting = name.split(".")[1]
                self.settings[key] = load_setting(self.samples[part], part, setting, value)
            changed[name.split(".")[1]] = self.settings[key]
        return replace(self.samples[part], **changed)

    def _is_setting(self, part: str, name: str) -> bool:
        """Whether a name is one plain setting of a section, so that it can be loaded alone."""
        head, *rest = name.split(".")
        return head == part and len(rest) == 1 and rest[0] not in ("kind", "weights")

    def _values(self, part: str, at: Sequence[int]) -> Iterator[tuple[str, int, Any]]:
        for i in self.touching[part]:
            for name, value in zip(self.axes[i].names, self.axes[i].row(at[i]), strict=True):
                if name.split(".")[0] == part:
                    yield name, i, value

    def _load_whole(self, part: str, at: Sequence[int]) -> Any:
        if part not in self.base:
            raise AbsorbError(f"{part}: missing")
        changed = {part: _copied(self.base[part])}
        for name, _, value in self._values(part, at):
            _put(changed, name.split("."), value)
        return load_part(part, changed[part])

    def _program(self, config: Config, at: Sequence[int]) -> int:
        key = tuple([at[i] for i in self.static])
        if key not in self.programs:
            _keep_small(self.programs)
            check_together(config)
            self.programs[key] = self.program_of(spec_of(config))
        return self.programs[key]


def _keep_small(cache: dict) -> None:
    if len(cache) >= _CACHED:
        cache.clear()


def _nested(flat: Mapping[str, Any]) -> dict[str, Any]:
    nested: dict[str, Any] = {}
    for name, value in flat.items():
        _put(nested, name.split("."), value)
    return nested


def _put(nested: dict[str, Any], path: Sequence[str], value: Any) -> None:
    for name in path[:-1]:
        nested = nested.setdefault(name, {})
    nested[path[-1]] = value


def _copied(value: Any) -> Any:
    return {k: _copied(v) for k, v in value.items()} if isinstance(value, dict) else value

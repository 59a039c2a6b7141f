"""What makes two runs the same run: the canonical form of a config, and its hash."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from functools import lru_cache
from typing import Any, get_origin, get_type_hints

from absorb.config import KINDS, Config, Mnist, Rival, Routing, Text, Told
from absorb.world_config import TOLD_AT_ONCE

CONFIG_VERSION = 3  # raised where a setting is added, renamed or means something else
SCIENCE_VERSION = 1  # raised where the same config would give other numbers on purpose

Scalar = float | int | bool | str | None

_LABELS = ("label_fraction", "retain_fraction", "false_positive", "false_negative")
# as conf/rival/none.yaml has it
_NO_RIVAL = Rival(kind="none", steps=100, rate=1e-3, strength=1.0, hold=None)
_SEEDS = ("init", "order", "labels")
_NOISE = ("false_positive", "false_negative", "covariate_strength")


def canonical(config: Config) -> Config:
    """The config with what cannot matter set to one value, so that equal runs are equal configs.

    Null seeds become the run's own seed, except the number of a rerun, which is none. Without
    routing, the arm `capacity` uses no label, unless labels gate the region, weigh the loss, order
    the data or choose the decoder; the arm `std` states exactly how many examples are left, so
    label noise does not touch it. A rival that does nothing has no settings; only misdirection
    holds.
    """
    own = {name: config.seed for name in _SEEDS if getattr(config.seeds, name) is None}
    if own:
        config = replace(config, seeds=replace(config.seeds, **own))
    rival = _canonical_rival(config.rival)
    if rival != config.rival:
        config = replace(config, rival=rival)
    unused = unused_settings(config)
    if not any(getattr(config.routing, name) for name in unused):
        return config
    return replace(config, routing=_zeroed(config.routing, unused))


def unused_settings(config: Config) -> tuple[str, ...]:
    """Names of the settings of `routing` that cannot matter to this config."""
    if config.routing.arm in ("std", "placebo"):
        return _NOISE
    if config.routing.arm == "capacity" and not _labels_matter(config):
        return (*_LABELS, "covariate_strength")
    return ()


def _canonical_rival(rival: Rival) -> Rival:
    if rival.kind == "none":
        return _NO_RIVAL
    if rival.hold is not None and (rival.kind != "misdirect" or rival.hold == 1):
        return replace(rival, hold=None)
    return rival


def _labels_matter(config: Config) -> bool:
    weighs = len(set(config.routing.keep)) > 1 or config.train.loss == "group_mean"
    orders = config.routing.granularity == "batch"  # batches are gathered by label
    decodes = getattr(config.model, "separate_decoders", False)
    return weighs or orders or decodes or config.gate.kind == "hard"


@lru_cache(maxsize=4096)
def _zeroed(routing: Routing, names: tuple[str, ...]) -> Routing:
    return replace(routing, **dict.fromkeys(names, 0.0))


def flat(config: Config) -> dict[str, Scalar]:
    """Every setting under its dotted name; lists as JSON text. Not made canonical."""
    return dict(_leaves("", config))


def _leaves(path: str, value: Any) -> Iterator[tuple[str, Scalar]]:
    if is_dataclass(value):
        for f in fields(value):
            yield from _leaves(f"{path}.{f.name}" if path else f.name, getattr(value, f.name))
    else:
        yield path, _json(value) if isinstance(value, tuple) else value


def unflat(row: Mapping[str, Scalar]) -> dict[str, Any]:
    """The nested mapping behind `flat`; other columns of a row are passed over.

    Only what `absorb.load.load` then accepts is a config: a column of another kind of model that
    shares the table is null and is left out here.
    """
    heads = {f.name for f in fields(Config)}
    lists = lists_of(str(row.get("world.kind")), str(row.get("model.kind")))
    nested: dict[str, Any] = {}
    for name, value in row.items():
        head, *rest = name.split(".")
        if head in heads and (value is not None or head == "seeds"):
            _put(nested, [head, *rest], list_in(value) if name in lists else value)
    return nested


def _put(nested: dict[str, Any], path: list[str], value: Any) -> None:
    for name in path[:-1]:
        nested = nested.setdefault(name, {})
    nested[path[-1]] = value


def list_in(value: Any) -> Any:
    """The list in a JSON text; anything else as it is, which `load` then refuses by name."""
    try:
        return json.loads(value)
    except (TypeError, ValueError):
        return value


@lru_cache
def lists_of(world: str, model: str) -> frozenset[str]:
    """Dotted names of the settings that are lists, where these are the kinds of world and model."""
    return frozenset(_lists("", Config, {"world": world, "model": model}))


def _lists(path: str, section: Any, kinds: Mapping[str, str]) -> Iterator[str]:
    for name, hint in get_type_hints(section).items():
        where = f"{path}.{name}" if path else name
        kind = KINDS[name].get(kinds[name]) if name in kinds else hint
        if get_origin(hint) is tuple:
            yield where
        elif is_dataclass(kind):
            yield from _lists(where, kind, kinds)


def canonical_json(config: Config) -> str:
    """The canonical config as JSON: sorted keys, no spaces, numbers in their shortest form."""
    config = canonical(config)
    parts = (f'"{name}":{_part_json(getattr(config, name))}' for name in _PARTS)
    return "{" + ",".join(parts) + "}"


def run_id(config: Config) -> str:
    """64 hexadecimal digits that name a run: same digits, same numbers.

    Hashes the canonical config with the versions of the schema and of the science; paths of
    results, launcher and git revision are not in it.
    """
    text = f'{{"config":{canonical_json(config)},{_versions()}}}'
    return hashlib.sha256(text.encode()).hexdigest()


def training_id(config: Config) -> str:
    """64 hexadecimal digits that name a training: who shares them differs in `measure` alone."""
    config = canonical(config)
    names = [name for name in _PARTS if name != "measure"]
    parts = [f'"{name}":{_part_json(getattr(config, name))}' for name in names]
    text = f'{{"training":{{{",".join(parts)}}},{_versions()}}}'
    return hashlib.sha256(text.encode()).hexdigest()


def _versions() -> str:
    return f'"config_version":{CONFIG_VERSION},"science_version":{SCIENCE_VERSION}'


_PARTS = tuple(sorted(f.name for f in fields(Config)))


@lru_cache(maxsize=65536)
def _cached_json(part: Any) -> str:
    plain = _plain(replace(part, path="") if known_by_checksum(part) else part)
    counts = ("train_count", "validation_count", "test_count")
    if isinstance(part, Told) and max(plain[name] for name in counts) > TOLD_AT_ONCE:
        plain["told_at_once"] = TOLD_AT_ONCE  # which decides what the stories are
    return _json(plain)


def known_by_checksum(part: Any) -> bool:
    """Whether checksums, and not a path, say which files a world has."""
    if isinstance(part, Mnist):
        return not part.any_checksum or bool(part.sha256)
    return isinstance(part, Text) and bool(part.sha256)


def _part_json(part: Any) -> str:
    return _cached_json(part) if is_dataclass(part) else _json(part)


def _plain(value: Any) -> Any:
    """As mappings; what is null is left out, so that a new setting which is null keeps old ids."""
    if is_dataclass(value):
        every = {f.name: _plain(getattr(value, f.name)) for f in fields(value)}
        return {name: plain for name, plain in every.items() if plain is not None}
    return value


def _json(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)

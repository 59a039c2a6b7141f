"""Whether the stored run that training starts from is there and fits, asked before any work."""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from absorb.config import Config, Text, spec_of
from absorb.errors import AbsorbError
from absorb.identity import Scalar, flat

# Settings of a model that say how it is computed, or what routing adds to it.
MAY_DIFFER = ("model.adapters", "model.rank", "model.precision", "model.remat")
EXPERTS = ("model.experts", "model.expert_width")  # a start without any may be given some
OF_TEXT = ("sha256", "column", "tokenizer", "vocabulary")  # which character is which token
OF_PAIRS = ("split_seed", "validation", "test")  # which text the byte pairs are learned from


class Start(NamedTuple):
    """A stored run: its row, and the parameters that it kept."""

    row: Mapping[str, Scalar]
    parameters: dict[str, Any]


def start_checker(path: str) -> Callable[[Config], None]:
    """A check of `train.start` against the store at `path`, done once for each network.

    Errors: AbsorbError for an id that the store does not have, a run that kept no parameters or
    did not end well, one of another network, and parameters that do not fit the network.
    """
    seen: set[Any] = set()

    def check(config: Config) -> None:
        key = (config.train.start, config.model, config.world, config.routing.placement,
               config.routing.units, config.routing.sites, config.gate)  # fmt: skip
        if not config.train.start or key in seen:
            return
        from absorb.train.starts import check_start

        found = start_of(config.train.start, path)
        check_network(config, found.row)
        check_start(spec_of(config), found.parameters)
        seen.add(key)

    return check


def check_network(config: Config, row: Mapping[str, Scalar]) -> None:
    """Refuse a start whose parameters mean something else: AbsorbError naming the setting."""
    mine = flat(config)
    for name in settings_of_network(config, row):
        if row.get(name) != mine[name]:
            raise AbsorbError(
                f"train.start={config.train.start!r}: that run has {name}="
                f"{_said(row.get(name))}, this one {_said(mine[name])}; they must be equal"
            )


def settings_of_network(config: Config, row: Mapping[str, Scalar]) -> Iterator[str]:
    """Names of the settings that must be the start's: those of the world first, then the model's.

    A text's tokens are its file's own, so that no other text has them.
    """
    yield "world.kind"
    world = config.world
    if isinstance(world, Text):
        of_pairs = (*OF_PAIRS, "length") if world.tokenizer == "pairs" else ()
        yield from (f"world.{name}" for name in (*OF_TEXT, *of_pairs))
    free = MAY_DIFFER if row.get("model.experts") else (*MAY_DIFFER, *EXPERTS)
    names = [name for name in flat(config) if name.startswith("model.")]
    yield from (name for name in ["model.kind", *names] if name not in free)


def _said(value: Scalar) -> str:
    return "none" if value is None else json.dumps(value).strip('"')


def start_of(start: str, path: str) -> Start:
    """The run that `train.start` names. Errors: AbsorbError naming `train.start`."""
    from absorb.store import Store, is_there

    if not is_there(path):
        raise AbsorbError(f"train.start={start!r}: store={path} does not exist yet")
    store = Store(path, create=False)
    try:
        row, found = store.row(start), store.arrays(start)
    except AbsorbError as error:
        raise AbsorbError(
            f"train.start={start!r}: must be the id of a run in this store that was trained with "
            f"measure.parameters=true ({error})"
        ) from error
    if row["status"] != "ok":
        raise AbsorbError(f"train.start={start!r}: that run {row['status']}; its status must be ok")
    return Start(row, found)

"""Whether the stored run that training starts from is there and fits, asked before any work."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from absorb.config import Config, spec_of
from absorb.errors import AbsorbError


def start_checker(path: str) -> Callable[[Config], None]:
    """A check of `train.start` against the store at `path`, done once for each network.

    Errors: AbsorbError for an id that the store does not have, a run that kept no parameters or
    did not end well, and parameters that do not fit the network.
    """
    seen: set[Any] = set()

    def check(config: Config) -> None:
        key = (config.train.start, config.model, config.world, config.routing.placement,
               config.routing.units, config.routing.sites, config.gate)  # fmt: skip
        if not config.train.start or key in seen:
            return
        from absorb.train.starts import check_start

        check_start(spec_of(config), parameters_of(config.train.start, path))
        seen.add(key)

    return check


def parameters_of(start: str, path: str) -> dict[str, Any]:
    """The parameters that a run kept. Errors: AbsorbError naming `train.start`."""
    from absorb.store import Store

    if not Path(path).exists():
        raise AbsorbError(f"train.start={start!r}: store={path} does not exist yet")
    store = Store(path, create=False)
    try:
        status = store.row(start)["status"]
        found = store.arrays(start)
    except AbsorbError as error:
        raise AbsorbError(
            f"train.start={start!r}: must be the id of a run in this store that was trained with "
            f"measure.parameters=true ({error})"
        ) from error
    if status != "ok":
        raise AbsorbError(f"train.start={start!r}: that run {status}; its status must be ok")
    return found

"""The Hydra entry: a command line to one composed config, or to all points of a sweep."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from absorb.config import Config
from absorb.load import is_unicode, load
from sweeps.launch import Launch, load_launch, one_launch, one_of

if TYPE_CHECKING:
    from sweeps.plan import HasSpecs
    from sweeps.points import Points


class Request(NamedTuple):
    """What a command line asks for: all points, where results go, and how to launch."""

    points: "HasSpecs"
    store: str
    launch: Launch
    overrides: tuple[str, ...]

    @property
    def names_runs(self) -> bool:
        """Whether the command line says more than where results go and how to launch."""
        return bool(self.naming)

    @property
    def naming(self) -> tuple[str, ...]:
        """The overrides that say which runs, not where or how."""
        return tuple(
            t for t in self.overrides if not t.startswith(("store=", "launch.", "launch="))
        )


def compose(overrides: Sequence[str] = (), *, config_dir: str | None = None) -> Config:
    """The one config under `overrides`, found from any working directory; for tests, notebooks.

    Errors: AbsorbError for overrides that are wrong or that sweep, and for a text that is not
    there, since its checksum belongs to the config.
    """
    from absorb.checksums import with_checksum

    config = compose_unread(overrides, config_dir=config_dir)
    return replace(config, world=with_checksum(config.world))


def compose_unread(overrides: Sequence[str] = (), *, config_dir: str | None = None) -> Config:
    """As `compose`, but of a text only what the overrides say: its file need not be there."""
    from absorb.errors import AbsorbError
    from sweeps.compose import compose_config, make_loader, plain
    from sweeps.overrides import parse

    loader = make_loader(config_dir)
    settings = parse(overrides, loader)
    for setting in settings.values():
        if setting.swept:
            raise AbsorbError(f"{setting.key}: sweeps over {len(setting.values)} values; give one")
    mapping = plain(compose_config(loader, list(settings.values())))
    return load({key: mapping[key] for key in mapping if key not in ("store", "launch")})


def run_sweeper(
    overrides: Sequence[str], task: Callable[[Request], Any], *, config_dir: str | None = None
) -> Any:
    """Let Hydra's configured sweeper hand the request of a command line to `task`, once.

    Hydra's job directories, logging and callbacks are not set up: the store has all there is.
    """
    from hydra.core.plugins import Plugins
    from hydra.types import HydraContext

    from sweeps.compose import compose_config, make_loader

    loader = make_loader(config_dir)
    context = HydraContext(config_loader=loader, callbacks=None)  # type: ignore[arg-type]
    sweeper = Plugins.instance().instantiate_sweeper(
        config=compose_config(loader, []), hydra_context=context, task_function=task
    )
    return sweeper.sweep(list(overrides))


def request_of(
    points: "Points", overrides: Sequence[str], said: Sequence[Mapping[str, Any]]
) -> Request:
    """The request whose store and launch settings are what every part of a sweep has `said`.

    Errors: AbsorbError for what parts say differently, naming the key and what they say.
    """
    store = one_of("store", [checked_store(each.get("store")) for each in said])
    launch = one_launch([load_launch(each.get("launch")) for each in said])
    return Request(points, store, launch, tuple(overrides))


def checked_store(store: Any) -> str:
    """The path of a store as a config has it."""
    from absorb.errors import AbsorbError

    if not isinstance(store, str) or not store.strip() or "\0" in store:
        raise AbsorbError(f"store={store!r}: must be the path of a directory")
    if not is_unicode(store):  # it stands in the provenance of every shard
        raise AbsorbError(f"store={store!r}: must be text that UTF-8 has bytes for")
    return store

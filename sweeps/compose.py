"""Composition: from settings to one resolved config, through Hydra and with errors of one line."""

from collections.abc import Iterator, Sequence
from copy import deepcopy
from functools import lru_cache
from pathlib import Path
from typing import Any

import hydra.version
import yaml
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.config_search_path_impl import ConfigSearchPathImpl
from hydra.core.config_loader import ConfigLoader
from hydra.core.plugins import Plugins
from hydra.core.utils import JobRuntime, setup_globals
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from absorb.errors import AbsorbError
from absorb.load import nearest
from sweeps.checked_yaml import check_keys, one_line
from sweeps.overrides import Setting

CONF = Path(__file__).resolve().parent.parent / "conf"  # beside this package, also in a wheel


def make_loader(config_dir: str | None = None) -> ConfigLoader:
    """Hydra's loader over the package's `conf`, and over a directory of the user's behind it.

    The package's own files are read once in a process, a user's at every call.
    """
    if config_dir is None:
        return _package_loader()
    if not Path(config_dir).is_dir():
        raise AbsorbError(f"--config-dir {config_dir}: no such directory")
    return _loader(Path(config_dir).resolve())


@lru_cache(maxsize=1)
def _package_loader() -> ConfigLoader:
    return _loader(None)


def _loader(own: Path | None) -> ConfigLoader:
    hydra.version.setbase("1.3")
    setup_globals()
    JobRuntime().set("name", "absorb")
    Plugins.instance()  # finds the source for checked:// and the sweeper
    path = ConfigSearchPathImpl()
    path.append("hydra", "pkg://hydra.conf")
    path.append("main", f"checked://{CONF}")
    if own is not None:
        path.append("user", f"checked://{own}")
    path.append("schema", "structured://")
    return ConfigLoaderImpl(path)


def compose_config(loader: ConfigLoader, settings: Sequence[Setting]) -> DictConfig:
    """The config under settings of one value each, with Hydra's own node.

    Errors: AbsorbError in one line, with the nearest name for an unknown key.
    """
    try:
        texts = tuple(s.text(s.values[0]) for s in settings if s.structural)
        config = deepcopy(_loaded(loader, texts))
        for setting in settings:
            if not setting.structural:
                assign(config, setting.key, setting.values[0])
    except (HydraException, OmegaConfBaseException, yaml.YAMLError) as error:
        raise AbsorbError(_reason(error)) from None
    return config


@lru_cache(maxsize=64)
def _loaded(loader: ConfigLoader, texts: tuple[str, ...]) -> DictConfig:
    """Hydra's composition, kept: copy it before it is changed.

    To Hydra a list of defaults that makes no sense is no HydraException.
    """
    try:
        return loader.load_configuration("config", list(texts), run_mode=RunMode.MULTIRUN)
    except RecursionError:
        reason = "the defaults of a file lead back to it"
    except ValueError as error:
        if isinstance(error, (AbsorbError, OmegaConfBaseException)):
            raise
        reason = one_line(error)
    raise AbsorbError(f"{' '.join(texts)}: {reason}")


def assign(config: DictConfig, key: str, value: Any) -> None:
    """Set `key` as Hydra would, in place; AbsorbError with the nearest name where there is none."""
    check_known(config, key)
    OmegaConf.update(config, key, value, merge=True)


def check_known(config: DictConfig, key: str) -> None:
    """Raise AbsorbError unless `key` is one of the config's."""
    node: Any = config
    for name in key.split("."):
        if not isinstance(node, DictConfig) or name not in node:
            names = [n for n in _names(config, "") if not n.startswith("hydra")]
            raise AbsorbError(f"{key}: no such setting{_hint(key, names)}")
        node = node._get_node(name)


def _names(node: DictConfig, path: str) -> Iterator[str]:
    for key in node:
        yield f"{path}{key}"
        child = node._get_node(key)
        if isinstance(child, DictConfig) and not child._is_none():
            yield from _names(child, f"{path}{key}.")


def _hint(key: str, names: Sequence[str]) -> str:
    hint = nearest(key, names)
    if hint.startswith(" ("):
        return hint
    by_last = {name.rsplit(".", 1)[-1]: name for name in names}
    hint = nearest(key.rsplit(".", 1)[-1], by_last)
    if hint.startswith(" ("):
        last = hint.removeprefix(" (did you mean ").removesuffix("?)")
        return f" (did you mean {by_last[last]}?)"
    return f"; there are {', '.join(n for n in names if '.' not in n)}"


def plain(config: DictConfig) -> dict[str, Any]:
    """The config as nested plain data, interpolations resolved, without Hydra's node."""
    own = without_hydra(config)
    try:
        mapping = OmegaConf.to_container(own, resolve=True, throw_on_missing=True)
    except OmegaConfBaseException as error:
        raise AbsorbError(_reason(error)) from None
    assert isinstance(mapping, dict)
    check_keys(mapping, "config")
    return mapping  # type: ignore[return-value]


def without_hydra(config: DictConfig) -> DictConfig:
    """A copy of a composed config without Hydra's own node."""
    return OmegaConf.masked_copy(config, [str(key) for key in config if key != "hydra"])


def _reason(error: BaseException) -> str:
    """The innermost reason, since Hydra wraps what OmegaConf says in less telling words."""
    while error.__cause__ is not None:
        error = error.__cause__
    if isinstance(error, OmegaConfBaseException) and error.msg:
        where = f"{error.full_key}: " if error.full_key else ""
        return where + error.msg.splitlines()[0]
    noise = ("full_key:", "object_type=", "reference_type=")
    lines = [line for line in str(error).splitlines() if not line.strip().startswith(noise)]
    return one_line(" ".join(lines)) or type(error).__name__

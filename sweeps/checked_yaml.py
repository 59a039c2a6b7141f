"""The YAML files of configs, read with suspicion: plain data, small, and inside their directory."""

import os
from collections.abc import Iterator
from typing import Any

import yaml
from hydra._internal.core_plugins.file_config_source import FileConfigSource
from hydra.plugins.config_source import ConfigResult
from omegaconf import OmegaConf

from absorb.errors import AbsorbError

MAX_BYTES = 1 << 20
MAX_DEPTH = 32


class CheckedYaml(FileConfigSource):
    """Hydra's source for `checked://DIRECTORY`: files are looked through before they are used."""

    @staticmethod
    def scheme() -> str:
        """The scheme of search paths that this source reads."""
        return "checked"

    def load_config(self, config_path: str) -> ConfigResult:
        """The config at `config_path`; AbsorbError if it leaves the directory or is not plain."""
        check_file(self.path, os.path.join(self.path, self._normalize_file_name(config_path)))
        result = super().load_config(config_path)
        content = OmegaConf.to_container(result.config, resolve=False)
        check_keys(content, config_path)
        check_sweeper(content, config_path)
        return result


def check_file(root: str, path: str) -> None:
    """Raise AbsorbError unless `path` is a small YAML file of plain data inside `root`."""
    real = os.path.realpath(path)
    if not real.startswith(os.path.realpath(root) + os.sep):
        raise AbsorbError(f"{path}: lies outside of {root}")
    try:
        if os.path.getsize(real) > MAX_BYTES:
            raise AbsorbError(f"{path}: larger than {MAX_BYTES} bytes")
        with open(real, encoding="utf-8") as file:
            _check_events(yaml.parse(file, Loader=yaml.SafeLoader), path)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise AbsorbError(f"{path}: not YAML: {one_line(error)}") from None
    except OSError as error:
        raise AbsorbError(f"{path}: {error.strerror}") from None


def _check_events(events: Iterator[yaml.Event], path: str) -> None:
    depth = 0
    for event in events:
        where = f"{path}, line {event.start_mark.line + 1}" if event.start_mark else path
        if isinstance(event, yaml.AliasEvent):
            raise AbsorbError(f"{where}: YAML aliases are refused; write the value out")
        if getattr(event, "tag", None) is not None:
            raise AbsorbError(f"{where}: YAML tags ({event.tag}) are refused")  # type: ignore[attr-defined]
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            raise AbsorbError(f"{where}: nested deeper than {MAX_DEPTH}")


def check_keys(value: Any, where: str) -> None:
    """Raise AbsorbError for a key such as `_target_` or 3 anywhere in `value`."""
    for key in value if isinstance(value, dict) else ():
        if not isinstance(key, str):
            raise AbsorbError(f"{where}: {key!r}: no setting has such a name; names are text")
        if key.startswith("_") and key.endswith("_"):
            raise AbsorbError(f"{where}: {key} is refused; a config holds values, never code")
    for child in value.values() if isinstance(value, dict) else value:
        if isinstance(child, (dict, list)):
            check_keys(child, where)


def check_sweeper(content: Any, where: str) -> None:
    """Raise AbsorbError where Hydra's own node, or the sweeper in it, has not the shape it needs.

    Hydra checks less: null, and text that stands for a whole group, would be met much later.
    """
    node = content
    for name in ("hydra", "sweeper"):
        node = node.get(name, {}) if isinstance(node, dict) else {}
        if not isinstance(node, dict):
            raise AbsorbError(f"{where}: {name}={node!r}: must be a group of settings")
    if not isinstance(params := node.get("params", {}), dict):
        raise AbsorbError(f"{where}: params={params!r}: must be a group of settings")
    if not isinstance(union := node.get("union", []), list):
        raise AbsorbError(f"{where}: union={union!r}: must be a list of groups of settings")


def one_line(error: object) -> str:
    """The text of an error in one line of at most 300 characters."""
    text = " ".join(str(error).split())
    return text if len(text) <= 300 else f"{text[:297]}..."

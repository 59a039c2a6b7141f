"""From a plain nested mapping to a validated `Config`; every refusal names key, value and bound."""

import difflib
import sys
import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import lru_cache
from typing import Any, get_args, get_origin, get_type_hints

from absorb.config import KINDS, Config
from absorb.errors import AbsorbError


def load(mapping: Mapping[str, Any]) -> Config:
    """The config that a complete nested mapping describes.

    Errors: AbsorbError for an unknown or missing key, a wrong type, a value out of range, NaN, or
    values that cannot go together.
    """
    from absorb.rules import check_together

    config = _section(Config, mapping, "")
    check_together(config)
    return config


def load_part(name: str, value: Any) -> Any:
    """One top-level part of a `Config`, such as its section `train` or its `seed`.

    What parts may not go together is not looked at. Errors: as `load`.
    """
    return _field(Config, name, value, "")


def load_setting(section: Any, part: str, name: str, value: Any) -> Any:
    """One setting of a section of this type, called `part` in a `Config`. Errors: as `load`."""
    return _field(type(section), name, value, part)


def _section(cls: type, mapping: Any, path: str) -> Any:
    if not isinstance(mapping, Mapping):
        raise AbsorbError(f"{path}={mapping!r}: must be a group of settings")
    known = _hints(cls)
    for key in mapping:
        if key not in known:
            raise AbsorbError(f"{_join(path, key)}: no such setting{nearest(key, known)}")
    for name, (_, meta) in known.items():
        if name not in mapping and not meta.get("optional"):
            raise AbsorbError(f"{_join(path, name)}: missing")
    return cls(**{name: _field(cls, name, mapping.get(name), path) for name in known})


def _field(cls: type, name: str, value: Any, path: str) -> Any:
    hint, meta = _hints(cls)[name]
    where = _join(path, name)
    section = _section_type(name, hint, value, where)
    if section is None:
        return check_value(where, value, hint, meta)
    return _section(section, value, where)


@lru_cache
def _hints(cls: type) -> dict[str, tuple[Any, Mapping[str, Any]]]:
    """Type and range of each field; cached, since a sweep loads the same classes very often."""
    hints = get_type_hints(cls)
    return {f.name: (hints[f.name], f.metadata) for f in fields(cls)}


def _section_type(name: str, hint: Any, value: Any, path: str) -> type | None:
    if name not in KINDS:
        return hint if is_dataclass(hint) else None  # type: ignore[return-value]
    kind = value.get("kind") if isinstance(value, Mapping) else value
    if not isinstance(kind, str) or kind not in KINDS[name]:
        raise AbsorbError(f"{path}.kind={kind!r}: must be one of {', '.join(KINDS[name])}")
    return KINDS[name][kind]


def check_value(path: str, value: Any, hint: Any, meta: Mapping[str, Any]) -> Any:
    """One setting's value in its own type, or AbsorbError naming key, value and bound."""
    if value is None and meta["optional"]:
        return None
    if get_origin(hint) is tuple:
        return _tuple(path, value, get_args(hint)[0], meta)
    if get_origin(hint) is types.UnionType:
        hint = get_args(hint)[0]
    return _scalar(path, value, hint, meta)


def _tuple(path: str, value: Any, element: type, meta: Mapping[str, Any]) -> tuple:
    if not isinstance(value, (list, tuple)):
        raise AbsorbError(f"{path}={value!r}: must be a list")
    fewest, most = meta["length"]
    if not fewest <= len(value) <= most:
        raise AbsorbError(f"{path}={list(value)!r}: must have {fewest} to {most} entries")
    return tuple(_scalar(path, v, element, meta) for v in value)


def _scalar(path: str, value: Any, hint: type, meta: Mapping[str, Any]) -> Any:
    value = _typed(path, value, hint)
    if meta["choices"] and value not in meta["choices"]:
        near = nearest(value, meta["choices"])
        hint_text = near if near.startswith(" (") else ""  # the choices are named anyway
        raise AbsorbError(
            f"{path}={value!r}: must be one of {', '.join(meta['choices'])}{hint_text}"
        )
    low, high = meta["low"], meta["high"]
    if low is not None and not low <= value <= high:
        ends = [str(end) if isinstance(end, int) else f"{end:g}" for end in (low, high)]
        bound = f"must be {ends[0]}" if low == high else f"must lie in [{', '.join(ends)}]"
        raise AbsorbError(f"{path}={value!r}: {bound}{', or null' * meta['optional']}")
    return value


def _typed(path: str, value: Any, hint: type) -> Any:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if hint is float and number:
        if not abs(value) <= sys.float_info.max:
            raise AbsorbError(f"{path}={value!r}: must be a finite number")
        return float(value) + 0.0  # -0.0 becomes 0.0
    if hint is int and number and (isinstance(value, int) or value.is_integer()):
        return int(value)
    if hint is str and isinstance(value, str) and not is_unicode(value):
        raise AbsorbError(f"{path}={value!r}: must be text that UTF-8 has bytes for")
    if hint in (bool, str) and type(value) is hint:
        return value
    words = {float: "a number", int: "a whole number", bool: "true or false", str: "text"}
    raise AbsorbError(f"{path}={value!r}: must be {words[hint]}")


def is_unicode(text: str) -> bool:
    """Whether a text can be stored: Python keeps bytes of other encodings as half characters."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def nearest(name: Any, known: Any) -> str:
    """' (did you mean X?)' for the shortest known name so begun or the nearest, or all of them."""
    names = [str(k) for k in known]
    begun = sorted((k for k in names if name and k.startswith(str(name))), key=len)
    close = begun or difflib.get_close_matches(str(name), names, n=1, cutoff=0.5)
    return f" (did you mean {close[0]}?)" if close else f"; there are {', '.join(known)}"


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else str(name)

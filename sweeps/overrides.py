"""Overrides in Hydra's grammar, read with Hydra's own parser into settings."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from math import ceil
from typing import Any, NamedTuple

from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, OverrideType, RangeSweep, Sweep
from hydra.errors import HydraException

from absorb.errors import AbsorbError
from absorb.load import nearest
from sweeps.checked_yaml import check_keys, one_line

MAX_VALUES = 10**7  # of one key, and points of one sweep
LONGEST_KEY = 200
NOT_OF_A_RUN = ("store", "launch")


class Setting(NamedTuple):
    """One key with the values that it takes; more than one value makes an axis of the sweep.

    A *structural* setting chooses a config group, adds or removes keys: Hydra composes anew for
    each of its values, which are kept as text. Values of other settings are plain data.
    """

    key: str
    values: Sequence[Any]
    swept: bool
    structural: bool
    prefix: str = ""

    def text(self, value: Any) -> str:
        """A structural setting with one value, as Hydra reads it."""
        return self.prefix + self.key + ("" if value is None else f"={value}")


def parse(texts: Iterable[str], loader: ConfigLoader) -> dict[str, Setting]:
    """Settings by key, the last of each; AbsorbError for what is refused or not grammar."""
    parser = OverridesParser.create(config_loader=loader)
    settings = {}
    for text in texts:
        setting = _setting(_override(parser, text), text, loader)
        settings.pop(setting.key, None)  # Hydra lets the last one win, in the last place
        settings[setting.key] = setting
    return settings


def texts_of(params: Mapping[str, Any] | None, where: str) -> list[str]:
    """The overrides that `params` of an experiment stand for: `key: text after the equals sign`."""
    texts = []
    for key, value in (params or {}).items():
        if isinstance(value, (list, dict)) or value is None:
            raise AbsorbError(f"{where}.{key}={value!r}: must be text such as '0,0.1,1'")
        texts.append(f"{key}={str(value).lower() if isinstance(value, bool) else value}")
    return texts


def _override(parser: OverridesParser, text: str) -> Override:
    if "=" not in text and not text.startswith("~"):
        raise AbsorbError(f"{text}: must look like key=value")
    try:
        return parser.parse_overrides([text])[0]
    except HydraException as error:
        reason = str(error).splitlines()[0].removeprefix("LexerNoViableAltException: ")
        hint = "odd characters need quotes within quotes, as in \"key='value'\""
        raise AbsorbError(f"{text}: not in Hydra's override grammar ({reason}; {hint})") from None
    except ValueError as error:  # a number of more digits than Python reads
        raise AbsorbError(f"{text[:LONGEST_KEY]}...: {one_line(error)}") from None


def _setting(override: Override, text: str, loader: ConfigLoader) -> Setting:
    key = override.get_key_element().lstrip("+~")
    if len(key) > LONGEST_KEY:
        raise AbsorbError(f"{key[:40]}...: no such setting; the name has {len(key)} characters")
    _refuse(override, key, text)
    grouped = _is_group(override, loader)
    structural = grouped or override.type is not OverrideType.CHANGE
    prefix = override.get_key_element()[: -len(key)]
    swept = override.is_sweep_override()
    if swept and override.type is not OverrideType.CHANGE:
        raise AbsorbError(f"{text}: a key that is added or removed cannot be swept")
    values = _swept_values(override, structural, text) if swept else _single(override, structural)
    if grouped:
        _check_options(override.key_or_group, values, loader)
    return Setting(key, values, swept, structural, prefix)


def _refuse(override: Override, key: str, text: str) -> None:
    if override.is_sweep_override() and not override.is_discrete_sweep():
        raise AbsorbError(f"{text}: an interval has no end of values; use range or a list")
    check_keys(dict.fromkeys(key.replace("/", ".").replace("@", ".").split(".")), text)
    check_keys(_given(override), text)
    if override.is_hydra_override():
        raise AbsorbError(f"{text}: Hydra's own settings are not changed from here")
    if override.is_sweep_override() and key.split(".")[0] in (*NOT_OF_A_RUN, "hydra"):
        raise AbsorbError(f"{text}: {key} is one for the whole sweep")


def _single(override: Override, structural: bool) -> list[Any]:
    if not structural:
        return [override.value()]
    return [None if override.is_delete() and override.value() is None
            else override.get_value_element_as_str()]  # fmt: skip


def _swept_values(override: Override, structural: bool, text: str) -> Sequence[Any]:
    value = override.value()
    try:
        if isinstance(value, RangeSweep) and not value.shuffle and not structural:
            values = exact_range(value, text)
        elif structural:
            values = list(override.sweep_string_iterator())
        else:
            values = [Override._convert_value(value) for value in override.sweep_iterator()]
    except HydraException as error:
        raise AbsorbError(f"{text}: {one_line(error)}") from None
    if not values:
        raise AbsorbError(f"{text}: an empty sweep; there is no value to run")
    return values


def exact_range(sweep: RangeSweep, text: str) -> Sequence[int | float]:
    """Hydra's range in decimal steps: binary ones would let range(0,0.4,0.1) reach 0.4."""
    start, stop, step = (Decimal(str(x)) for x in (sweep.start, sweep.stop, sweep.step))
    if not step or not (stop - start).is_finite() or (stop - start) / step > MAX_VALUES:
        raise AbsorbError(f"{text}: must have at most {MAX_VALUES:,} values")
    numbers = range(max(0, ceil((stop - start) / step)))
    if all(isinstance(x, int) for x in (sweep.start, sweep.stop, sweep.step)):
        return range(int(start), int(stop), int(step))
    return [float(start + i * step) for i in numbers]


def _check_options(group: str, values: Sequence[Any], loader: ConfigLoader) -> None:
    known = _options(loader, group)
    for value in values:
        if value is not None and value not in known:
            near = nearest(value, known)
            hint = near if near.startswith(" (") else ""
            raise AbsorbError(f"{group}={value}: must be one of {', '.join(known)}{hint}")


def _is_group(override: Override, loader: ConfigLoader) -> bool:
    """Whether a file is chosen; as in Hydra, braces change values in the file chosen elsewhere."""
    key = override.key_or_group
    if "." in key or any(isinstance(value, dict) for value in _given(override)):
        return False
    return key == "experiment" or bool(_options(loader, key))


@lru_cache(maxsize=1024)
def _options(loader: ConfigLoader, group: str) -> Sequence[str]:
    return loader.get_group_options(group)


def _given(override: Override) -> list[Any]:
    value = override.value()
    given = getattr(value, "list", None) if isinstance(value, Sweep) else [value]
    return [Override._convert_value(each) for each in given or []]

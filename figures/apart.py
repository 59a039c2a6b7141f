"""How studies of one figure are told apart: by the settings in which their runs differ."""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

from figures.select import ARM, UNUSED, config_names, described, setting, telling
from figures.token_runs import Row

Settings = Mapping[str, Any]


def told_apart(names: Sequence[Hashable], each: Sequence[Sequence[Row]]) -> list[tuple[int, str]]:
    """The places of studies by their names and runs, and what tells each from others of its name.

    Studies of one name stand together, in the order of their settings; the words are "" for one
    that has its name alone.
    """
    found = []
    for name in dict.fromkeys(names):
        own = [i for i, other in enumerate(names) if other == name]
        if len(own) == 1:
            found.append((own[0], ""))
            continue
        settings = dict(zip(own, settings_of_each([each[i] for i in own]), strict=True))
        said = telling(list(settings.values()))
        own.sort(key=lambda i: [in_order(settings[i].get(key)) for key in said])
        found += [(i, described(settings[i], said)) for i in own]
    return found


def settings_of_each(each: Sequence[Sequence[Row]]) -> Sequence[Settings]:
    """What all runs of each study agree on, or, where that tells none apart, all they have."""
    every = [settings_of(rows) for rows in each]
    one = [name for name in every[0] if all(len(own.get(name, ())) == 1 for own in every)]
    agreed = [{name: own[name][0] for name in one} for own in every]
    if len(each) == len({tuple(map(str, own.values())) for own in agreed}):
        return agreed
    return [{name: " or ".join(map(str, of)) for name, of in own.items()} for own in every]


def settings_of(rows: Sequence[Row]) -> dict[str, list[Any]]:
    """The values of each setting; arms on which some of them do not act count where alone."""
    own = [row for row in rows if row.get(ARM) not in UNUSED] or list(rows)
    names = dict.fromkeys(name for row in own for name in config_names(row))
    table = {name: [row.get(name) for row in own] for name in (*own[0], *names)}
    return {name: sorted(set(setting(table, name)), key=in_order) for name in names}


def in_order(value: Any) -> tuple[bool, float, str]:
    """A setting by which to sort: numbers by their size, before words."""
    number = isinstance(value, int | float)
    return not number, float(value) if number else 0.0, str(value)


def full_name(name: str, words: str) -> str:
    """A study's name with what tells it from others, if anything does."""
    return f"{name}; {words}" if words else name


def headed(words: str, text: str) -> str:
    """A caption or a finding below what tells its study from others, if anything does."""
    return f"{words}\n{text}" if words else text


def in_lines(name: str) -> str:
    """A name of `full_name` over as many lines as it has parts, for a title."""
    return name.replace("; ", "\n")

"""Words of a command that are its own, not overrides of a config."""

from collections.abc import Sequence

from absorb.store.quotes import unquoted


def apart(words: Sequence[str], key: str) -> tuple[str | None, list[str]]:
    """The last value of `key=VALUE` among the words, or None, and the other words.

    Quotes around the value are read as in overrides, so that a store has one spelling everywhere.
    """
    values = [word.removeprefix(f"{key}=") for word in words if word.startswith(f"{key}=")]
    rest = [word for word in words if not word.startswith(f"{key}=")]
    return (unquoted(values[-1]) if values else None), rest

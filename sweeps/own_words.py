"""Words of a command that are its own, not overrides of a config."""

from collections.abc import Sequence


def apart(words: Sequence[str], key: str) -> tuple[str | None, list[str]]:
    """The last value of `key=VALUE` among the words, or None, and the other words."""
    values = [word.removeprefix(f"{key}=") for word in words if word.startswith(f"{key}=")]
    rest = [word for word in words if not word.startswith(f"{key}=")]
    return (values[-1] if values else None), rest

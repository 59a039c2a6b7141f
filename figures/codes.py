"""Runs by several versions of the code: said of every figure that is drawn from such a table."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from figures.page import Page

SHOWN = 12  # letters of a version


def mixed(table: Mapping[str, Sequence[Any]]) -> str:
    """How many of a table's runs are by which version, or "" where all are by one.

    A run whose version is not known counts as by one of its own.
    """
    counts = Counter(str(code or "unknown")[:SHOWN] for code in table.get("code", ()))
    if len(counts) < 2:
        return ""
    each = ", ".join(f"{n} by {code}" for code, n in counts.most_common())
    return f"The runs that were read are by {len(counts)} versions of the code: {each}."


def confessed(page: Page, table: Mapping[str, Sequence[Any]]) -> Page:
    """The page, its caption saying so where the table's runs are by several versions."""
    return page._replace(caption=f"{page.caption}\n{said}") if (said := mixed(table)) else page

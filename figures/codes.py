"""Runs by several versions of the code: said of every figure that is drawn from such a table."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from figures.page import Page

SHOWN = 8  # letters of a version
NAMED = re.compile(r'"(?:sources|revision)": "(\w+)"')  # in a stored version


def mixed(table: Mapping[str, Sequence[Any]]) -> str:
    """How many of the runs of a table are by which version, or "" where all are by one."""
    counts = Counter(str(code or "") for code in table.get("code", ()))
    if len(counts) < 2:
        return ""
    each = ", ".join(f"{n} by {named(code)}" for code, n in counts.most_common())
    return f"The runs that were read are by {len(counts)} versions of the code: {each}."


def named(code: str) -> str:
    """The first letters of a version, which is JSON or as it was given; or that there is none."""
    found = NAMED.search(code)
    return (found[1] if found else code)[:SHOWN] or "an unknown one"


def confessed(page: Page, table: Mapping[str, Sequence[Any]]) -> Page:
    """The page, its caption saying so where the runs of the table are by several versions."""
    return page._replace(caption=f"{page.caption}\n{said}") if (said := mixed(table)) else page

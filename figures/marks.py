"""What is drawn: one Mark per value with its interval. Figures draw marks, tables list them."""

import math
from typing import NamedTuple


class Mark(NamedTuple):
    """One drawn value.

    `panel` names where it stands, `series` what it belongs to (an arm, a null, a published table),
    `at` its place on the other axis. An end at infinity is an open interval, a NaN `value` a
    measure that does not exist, for the reason in `why`. `censored` ("above", "below"): the truth
    lies beyond `value`. `flag` is "damaged" where the retain loss is above tolerance, "claim" where
    the test claims absorption, or "".
    """

    panel: str
    series: str
    at: float
    value: float
    low: float
    high: float
    n: int
    censored: str = ""
    flag: str = ""
    why: str = ""

    @property
    def drawn(self) -> bool:
        """Whether there is a value to draw."""
        return math.isfinite(self.value)


def mark(panel: str, series: str, at: float, interval, flag: str = "") -> Mark:
    """A Mark of a `stats` Interval."""
    value, low, high, n, _, censored, why = interval
    return Mark(panel, series, at, value, low, high, n, censored, flag, why)


def series_of(marks: list[Mark], series: str) -> list[Mark]:
    """The marks of one series that have a value, in the order of their places."""
    return sorted((m for m in marks if m.series == series and m.drawn), key=lambda m: m.at)


def number(x: float) -> str:
    """Three significant digits, for a reader."""
    if math.isnan(x):
        return "–"
    if math.isinf(x):
        return "∞" if x > 0 else "−∞"
    x = x + 0.0  # −0 is 0
    text = f"{x:#.3g}" if abs(x) < 999.5 else f"{x:.0f}"
    return text.rstrip(".").replace("-", "−").replace("e−0", "e−")


def without_zero(text: str) -> str:
    """A number without the 0 before its point, and with a minus to read."""
    size = text.removeprefix("-")
    shown = size[1:] if size.startswith("0.") else size
    return f"−{shown}" if text.startswith("-") else shown


def spoken(m: Mark) -> str:
    """A value with its interval, such as "0.31 [0.12, 0.55]"; "≥" or "≤" where it is censored."""
    if not m.drawn:
        return "–"
    bound = {"above": "≥ ", "below": "≤ "}.get(m.censored, "")
    return f"{bound}{number(m.value)} [{number(m.low)}, {number(m.high)}]"

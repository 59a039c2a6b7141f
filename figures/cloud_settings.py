"""The ten settings of table 2 of Cloud et al. 2024, its numbers, and what its order claims.

A. Cloud, J. Goldman-Wetzler, E. Wybitul, J. Miller, A. M. Turner: Gradient Routing: Masking
Gradients to Localize Computation in Neural Networks, arXiv 2410.04332, 2024. The table holds the
validation loss of the certificate that sees the half of the latent meant for 5-9. What it calls
absolute error is squared error.
"""

from typing import NamedTuple


class Penalties(NamedTuple):
    """Strengths of the regularisers: correlation, L1 on the half meant for 5-9, on the other."""

    correlation: float
    region: float
    rest: float


REGULARISED = Penalties(0.1, 3e-3, 3e-3)
NO_CORRELATION = Penalties(0.0, 3e-3, 3e-3)
UNREGULARISED = Penalties(0.0, 0.0, 0.0)
WEAK = Penalties(0.0, 1e-3, 1e-3)
STRONG_REST = Penalties(0.1, 3e-3, 2e-2)

BOTH, FIRST, SECOND = "[1.0,1.0]", "[1.0,0.0]", "[0.0,1.0]"  # weights to the region, to the rest
ALL, HALF = "[1.0,1.0,1.0]", "[1.0,1.0,0.0]"  # weights in the loss: HALF trains on 5-9 alone


class Setting(NamedTuple):
    """One row of the table: its training, as settings of a run, and its published losses."""

    number: int
    words: str
    published_0_4: float
    published_5_9: float
    penalties: Penalties
    forget: str = FIRST
    retain: str = SECOND
    keep: str = ALL
    separate: bool = False

    def as_run(self) -> dict[str, float | str | bool]:
        """The settings of its runs, by column name."""
        return {
            "routing.weights.forget": self.forget,
            "routing.weights.retain": self.retain,
            "routing.keep": self.keep,
            "train.correlation": self.penalties.correlation,
            "train.l1_region": self.penalties.region,
            "train.l1_rest": self.penalties.rest,
            "model.separate_decoders": self.separate,
        }


TABLE = (
    Setting(1, "routed", 0.32, 0.08, REGULARISED),
    Setting(2, "routed, separate decoders", 0.33, 0.07, REGULARISED, separate=True),
    Setting(3, "routed, no correlation penalty", 0.28, 0.11, NO_CORRELATION),
    Setting(4, "routed, no regularisation", 0.32, 0.32, UNREGULARISED),
    Setting(5, "as 4, separate decoders", 0.09, 0.08, UNREGULARISED, separate=True),
    Setting(6, "routed, half for 0–4 trained on all", 0.23, 0.13, STRONG_REST, BOTH),
    Setting(7, "not routed, weak L1, only 5–9", 0.27, 0.11, WEAK, BOTH, BOTH, HALF),
    Setting(8, "as 7, no regularisation", 0.08, 0.08, UNREGULARISED, BOTH, BOTH, HALF),
    Setting(9, "not routed, regularised", 0.13, 0.13, REGULARISED, BOTH, BOTH),
    Setting(10, "not routed, no regularisation", 0.08, 0.09, UNREGULARISED, BOTH, BOTH),
)
COLUMNS = tuple(TABLE[0].as_run())

# Published gaps between 0–4 and 5–9, as parts of setting 1's, are .42 or more where the paper says
# that the halves split, and .04 or less where it says that they do not.
SPLIT = 0.25


class Contrast(NamedTuple):
    """A claim that a sum of mean losses is above 0; terms are (weight, setting, digits)."""

    words: str
    terms: tuple[tuple[float, int, str], ...]


def gap(setting: int, weight: float = 1.0) -> tuple[tuple[float, int, str], ...]:
    """How much worse the half meant for 5–9 does on 0–4."""
    return ((weight, setting, "0-4"), (-weight, setting, "5-9"))


def less(one: int, other: int, digits: str) -> Contrast:
    """The loss of `one` is below that of `other` on these digits."""
    return Contrast(f"{digits}: {one} below {other}", ((1, other, digits), (-1, one, digits)))


def split(setting: int) -> Contrast:
    """Its gap is above a quarter of setting 1's."""
    return Contrast(f"{setting} splits", (*gap(setting), *gap(1, -SPLIT)))


def no_split(setting: int) -> Contrast:
    """Its gap is below a quarter of setting 1's."""
    return Contrast(f"{setting} does not split", (*gap(1, SPLIT), *gap(setting, -1)))


def wider(one: int, other: int) -> Contrast:
    """The gap of `one` is above that of `other`."""
    return Contrast(f"{one} splits more than {other}", (*gap(one), *gap(other, -1)))


ORDER: dict[int, tuple[Contrast, ...]] = {
    1: (Contrast("1 splits", gap(1)), wider(1, 8)),
    2: (split(2),),
    3: (split(3), wider(1, 3)),
    4: (no_split(4), less(1, 4, "5-9")),
    5: (no_split(5), less(5, 1, "0-4")),
    6: (split(6), wider(1, 6)),
    7: (split(7), wider(1, 7)),
    8: (no_split(8), less(8, 1, "0-4")),
    9: (no_split(9), less(9, 1, "0-4")),
    10: (no_split(10), less(10, 1, "0-4")),
}

"""Which concepts live in the region, and do runs that share no seed agree on it?"""

from collections.abc import Sequence

import numpy as np

from absorb.stats.coabsorption import CoAbsorption, Null, co_absorption
from absorb.stats.home_agreement import home_agreement
from absorb.stats.intervals import binomial, undefined
from absorb.stats.localisation import UNKNOWN, localisation
from figures.marks import Mark, mark, spoken
from figures.token_runs import Row

HOUSED, AGREEMENT = "lives in the region", "agreement of homes"
REGION = 0  # the home of a concept; 1 is the rest, −1 not told, −2 not known
LOST = "not known: a loss is not finite, as where a block of test examples has none of it"


def homes_of(runs: Sequence[Row], concepts: int) -> np.ndarray:
    """Where each concept lives, (runs, concepts)."""
    loss = [np.array(run["homes.loss"], float).reshape(4, concepts, -1) for run in runs]
    return np.array([localisation(loss_PCB).home_C for loss_PCB in loss])


def known(home_RC: np.ndarray) -> np.ndarray:
    """The concepts whose homes are known in all runs."""
    return np.flatnonzero((home_RC != UNKNOWN).all(axis=0))


def housed(name: str, home_RC: np.ndarray, routed: Sequence[int]) -> list[Mark]:
    """In how many runs each concept lives in the region, and how far these runs agree."""
    own, runs = known(home_RC), len(home_RC)
    marks = [
        mark(HOUSED, name, c, binomial(int((home_C == REGION).sum()), runs) if c in own
             else undefined(runs, LOST)) for c, home_C in enumerate(home_RC.T)
    ]  # fmt: skip
    others = [c for c in own if c not in routed]
    said = f"{name}, all but the concept"
    return marks + agreements(name, home_RC[:, own]) + agreements(said, home_RC[:, others])


def agreements(name: str, home_RC: np.ndarray) -> list[Mark]:
    """Whether runs house concepts alike, by name and by division, and house the same together."""
    agree, together = home_agreement(home_RC), co_absorption(home_RC)
    found = {
        "Fleiss κ": (agree.kappa.value, agree.kappa.null),
        "Rand index": (agree.rand.value, agree.rand.null),
        "co-absorption": (together.apart, together),
    }
    return [
        mark(AGREEMENT, f"{word}, {name}", 0, value, null_words(null))
        for word, (value, null) in found.items()
    ]


def null_words(null: Null | CoAbsorption) -> str:
    """What permuted homes read, in a word."""
    mean = null.null_apart if isinstance(null, CoAbsorption) else null.mean
    return f"permuted homes {mean:.3f}, P = {null.p:.2g}"


def agreement_lines(name: str, marks: Sequence[Mark]) -> list[str]:
    """The coefficients of one series for the terminal."""
    own = [m for m in marks if m.panel == AGREEMENT and name in m.series.split(", ")]
    return [f"  homes, {m.series}: {spoken(m)} ({m.flag})" for m in own]


def concept_lines(name: str, marks: Sequence[Mark], words: Sequence[str]) -> str:
    """Each concept with the share of runs that house it in the region."""
    own = [m for m in marks if m.panel == HOUSED and m.series == name]
    each = ", ".join(
        f"{words[int(m.at)]} {f'in {m.value:.0%}' if m.drawn else 'not known'}" for m in own
    )
    return f"  in the region: {each}"

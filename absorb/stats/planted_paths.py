"""Planted truth for homes and for fine-tunability."""

from collections.abc import Iterator

import numpy as np

from absorb.stats.cases import Case, Claim
from absorb.stats.coabsorption import co_absorption
from absorb.stats.finetunability import judged, proxy
from absorb.stats.home_agreement import fleiss_kappa, home_agreement, mean_rand
from absorb.stats.intervals import Interval, jackknife_t
from absorb.stats.localisation import localisation
from absorb.stats.simulate_paths import homes_world

NETWORKS = 4  # of each kind and seed
CONCEPTS, BLOCKS = 8, 6
DRAWS = 199
FAITHFUL = 0.7  # chance that a concept has its usual home
USUAL_C = (0, 1, 2) * 3


def distances(rng: np.random.Generator, seeds: int, gap: float) -> tuple[np.ndarray, np.ndarray]:
    """Taught and never taught networks `gap` standard deviations apart, (seeds, networks) each."""
    taught_SN, never_SN = rng.standard_normal((2, seeds, NETWORKS))
    return taught_SN, never_SN + gap


def housed(rng: np.random.Generator, runs: int, alike: float) -> np.ndarray:
    """Homes (runs, concepts) in one of three regions: a share `alike` of them the usual one."""
    usual_C = np.arange(CONCEPTS) % 3
    random_RC = rng.integers(0, 3, (runs, CONCEPTS))
    return np.where(rng.random((runs, CONCEPTS)) < alike, usual_C, random_RC)


def ablated(rng: np.random.Generator, cost: float) -> np.ndarray:
    """Losses (subsets, concepts, blocks) of two regions; the first costs `cost`, the other none."""
    loss_PCB = np.zeros((4, CONCEPTS, BLOCKS))
    loss_PCB[[1, 3]] = cost
    return loss_PCB + rng.standard_normal(loss_PCB.shape)


def cases() -> Iterator[Case]:
    """Distances as a test, and how far runs agree on homes."""
    yield from distance_cases()
    many_RC = homes_world(np.random.default_rng(0), 1000, USUAL_C, 3, FAITHFUL)
    truths = {"κ": FAITHFUL**2, "Rand index": mean_rand(many_RC)}
    for name, statistic in {"κ": fleiss_kappa, "Rand index": mean_rand}.items():

        def agreed(rng: np.random.Generator, n: int, statistic=statistic) -> Interval:
            return jackknife_t(statistic, homes_world(rng, n, USUAL_C, 3, FAITHFUL))

        yield Case(f"{name} of homes, {FAITHFUL:g} faithful", truths[name], agreed)


def distance_cases() -> Iterator[Case]:
    """A distance as a test, where it says something and where it does not."""
    from scipy.stats import norm

    for gap in (0.0, 1.0, 3.2, 4.2):

        def auc(rng: np.random.Generator, n: int, gap=gap) -> Interval:
            return proxy(*distances(rng, n, gap)).auc

        def precision(rng: np.random.Generator, n: int, gap=gap) -> Interval:
            return judged(*distances(rng, n, gap), gap / 2, 0.95)[0]

        def recall(rng: np.random.Generator, n: int, gap=gap) -> Interval:
            return judged(*distances(rng, n, gap), gap / 2, 0.95)[1]

        right = float(norm.cdf(gap / 2))  # of either kind, on its side of the middle
        yield Case(f"AUC of a distance, gap {gap:g}", float(norm.cdf(gap / np.sqrt(2))), auc)
        yield Case(f"precision at the middle, gap {gap:g}", right, precision)
        yield Case(f"recall at the middle, gap {gap:g}", right, recall)

    def chosen(rng: np.random.Generator, n: int) -> Interval:
        return proxy(*distances(rng, n, 0.0)).precision

    yield Case("precision where chosen, gap 0", 0.5, chosen)


def claims() -> Iterator[Claim]:
    """Homes that agree, and a concept that lives in a region, each beside its null."""
    for alike in (0.0, 0.3):

        def kappa(rng: np.random.Generator, n: int, alike=alike) -> bool:
            return home_agreement(housed(rng, n, alike), DRAWS).kappa.null.p <= 0.05

        def together(rng: np.random.Generator, n: int, alike=alike) -> bool:
            return co_absorption(housed(rng, n, alike), DRAWS).p <= 0.05

        yield Claim(f"κ of homes, {alike:g} alike", alike == 0, kappa)
        yield Claim(f"co-absorption, {alike:g} alike", alike == 0, together)
    for cost in (0.0, 3.0):

        def home(rng: np.random.Generator, _: int, cost=cost) -> bool:
            return bool(localisation(ablated(rng, cost)).home_C[0] >= 0)

        yield Claim(f"a home, cost {cost:g} SD", cost == 0, home)

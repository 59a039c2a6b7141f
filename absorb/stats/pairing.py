"""Which features of a toy model become antipodal partners, over runs, against random matching.

`partner_RF` holds one run per row: the partner of each feature, or −1. With m hidden dimensions and
2m equal features, m antipodal pairs fit: a perfect matching. Features that nothing tells apart are
matched at random, so that any two are partners with probability 1/(2m−1).
"""

from typing import NamedTuple

import numpy as np

from absorb.errors import AbsorbError
from absorb.stats.geometry import ANTIPODAL, alignment, cosines, dimensionality, partners
from absorb.stats.intervals import Interval, binomial, mean_t
from absorb.stats.toy_exact import pairing_rate

PARALLEL = -ANTIPODAL  # the cosine above which two features share a direction
FEWEST_EXPECTED = 5  # of a pair in all runs, for the chi-square to hold


class PairRates(NamedTuple):
    """How often two features are partners, one Bernoulli trial per run, beside random matching.

    `pair` is over all runs, `pair_if_matched` over those in which every feature has a partner (the
    share `matched` of all). `any_pair` is the mean over all pairs of features, with runs as
    clusters: it is exactly `null` in every perfect matching, whoever pairs with whom, so it tells
    how many features pair and nothing else. `p_value`: two-sided exact binomial test of
    `pair_if_matched` against `null`; NaN without such runs.
    """

    pair: Interval
    pair_if_matched: Interval
    matched: Interval
    any_pair: Interval
    null: float
    p_value: float

    @property
    def agrees(self) -> bool:
        """Whether random matching lies in the interval of the runs that are perfect matchings."""
        rate = self.pair_if_matched
        return bool(np.isfinite(rate.value)) and not rate.excludes(self.null)


class Uniformity(NamedTuple):
    """The test that all perfect matchings are equally likely: chi-square, its degrees, p-value.

    `runs` are the perfect matchings it was made from; `why` says why `p_value` is NaN.
    """

    statistic: float
    degrees: int
    p_value: float
    runs: int
    why: str = ""


class PairShape(NamedTuple):
    """How two features lie in each run: a rate over runs, and means over runs with t intervals.

    `parallel`: how often their cosine is above `PARALLEL`, so that they share a direction and not
    just a line; `cosine` is −1 for an antipodal pair and 0 where one is dropped; `dimensionality`
    the mean of both features', 1/2 for a digon; `region` the share of their squared lengths in the
    first hidden dimensions.
    """

    parallel: Interval
    cosine: Interval
    dimensionality: Interval
    region: Interval


def partners_of(w_RMF: np.ndarray) -> np.ndarray:
    """Each run's antipodal partners, shape (runs, features); see `geometry.partners`."""
    w_RMF = np.asarray(w_RMF, float)
    if w_RMF.ndim != 3:
        raise AbsorbError(f"weights have shape {w_RMF.shape}; need (runs, hidden, features)")
    return np.array([partners(w_MF) for w_MF in w_RMF], int).reshape(len(w_RMF), w_RMF.shape[2])


def pair_rates(partner_RF: np.ndarray, i: int, j: int, level: float = 0.95) -> PairRates:
    """How often i and j are partners, and how often features pair at all."""
    runs, features = np.shape(partner_RF)
    paired_R, matched_R = partner_RF[:, i] == j, matched(partner_RF)
    null, both = pairing_rate(features // 2), paired_R & matched_R
    share_R = (partner_RF >= 0).sum(axis=1) / (features * (features - 1))
    return PairRates(
        pair=binomial(int(paired_R.sum()), runs, level),
        pair_if_matched=binomial(int(both.sum()), int(matched_R.sum()), level),
        matched=binomial(int(matched_R.sum()), runs, level),
        any_pair=mean_t(share_R, level),
        null=null,
        p_value=binomial_p(int(both.sum()), int(matched_R.sum()), null),
    )


def matched(partner_RF: np.ndarray) -> np.ndarray:
    """Which runs are perfect matchings, shape (runs,)."""
    return np.all(np.asarray(partner_RF) >= 0, axis=1)


def binomial_p(successes: int, trials: int, rate: float) -> float:
    """The two-sided exact binomial test; NaN without trials."""
    from scipy.stats import binomtest

    return float(binomtest(successes, trials, rate).pvalue) if trials else float("nan")


def pair_counts(partner_RF: np.ndarray) -> np.ndarray:
    """In how many runs i and j are partners, shape (features, features), symmetric."""
    feature_F = np.arange(np.shape(partner_RF)[1])
    return (np.asarray(partner_RF)[:, :, None] == feature_F).sum(axis=0)


def uniformity(partner_RF: np.ndarray) -> Uniformity:
    """Whether the perfect matchings among these runs are spread evenly over all that there are.

    The pairs of one matching exclude each other, so their counts O around E = R/(2m−1) have a
    covariance that is λ times a projection onto m(2m−3) dimensions, λ = (2m−2)/((2m−1)(2m−3)):
    Σ (O − E)²/(Rλ) over pairs is chi-square with m(2m−3) degrees. (For m = 2 it is Pearson's test
    over the three matchings.)
    """
    from scipy.stats import chi2

    own_RF = np.asarray(partner_RF)[matched(partner_RF)]
    runs, features = own_RF.shape
    degrees = features // 2 * (features - 3)
    expected = runs * pairing_rate(features // 2)
    if features < 4 or expected < FEWEST_EXPECTED:
        least = FEWEST_EXPECTED * (features - 1)
        why = f"{runs} perfect matchings, needs {least}" if features >= 4 else "one matching alone"
        return Uniformity(float("nan"), degrees, float("nan"), runs, why)
    scale = runs * (features - 2) / ((features - 1) * (features - 3))
    above = np.triu_indices(features, k=1)
    statistic = float(((pair_counts(own_RF)[above] - expected) ** 2).sum() / scale)
    return Uniformity(statistic, degrees, float(chi2.sf(statistic, degrees)), runs)


def pair_shape(w_RMF: np.ndarray, i: int, j: int, units: int = 1, level: float = 0.95) -> PairShape:
    """Direction, dimensionality and place of two features over runs."""
    w_RMF, pair = np.asarray(w_RMF, float), [i, j]
    region_RF = region_shares(w_RMF, units)
    cosine_R = np.array([cosines(w_MF)[i, j] for w_MF in w_RMF])
    return PairShape(
        binomial(int((cosine_R > PARALLEL).sum()), len(cosine_R), level),
        mean_t(cosine_R, level),
        mean_t(np.array([dimensionality(w_MF)[pair].mean() for w_MF in w_RMF]), level),
        mean_t(region_RF[:, pair].mean(axis=1), level),
    )


def region_shares(w_RMF: np.ndarray, units: int = 1) -> np.ndarray:
    """The share of each feature's squared length in the first `units` dimensions, (runs, features).

    On average units/M where nothing picks a basis; 0 where the feature is dropped.
    """
    w_RMF = np.asarray(w_RMF, float)
    shares = [alignment(w_MF)[:units].sum(axis=0) for w_MF in w_RMF]
    return np.array(shares, float).reshape(len(w_RMF), w_RMF.shape[2])


def loss_excess(loss_R: np.ndarray, unrouted_R: np.ndarray, level: float = 0.95) -> Interval:
    """How far these runs' loss is above the least of the unrouted ones', as a part of it.

    The least of k is taken as it is, so the interval is over the runs of `loss_R` alone; compare
    with what the unrouted runs themselves exceed their best by.
    """
    unrouted_R = np.asarray(unrouted_R, float)
    best = unrouted_R[np.isfinite(unrouted_R)].min(initial=np.inf)
    if not np.isfinite(best) or best <= 0:
        return mean_t(np.full(len(loss_R), np.nan), level)._replace(why="no unrouted runs")
    return mean_t(np.asarray(loss_R, float) / best - 1, level)

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.metrics import precision_recall_curve, roc_auc_score

from absorb.errors import AbsorbError
from absorb.stats.finetunability import distance, proxy, rates
from absorb.stats.frontier import halves

INF = float("inf")


def test_the_distance_is_the_least_budget_whose_best_attack_is_there():
    validation = np.array([3.0, 1.0, 2.0, 0.5])
    test = np.array([3.0, 1.2, 0.1, 0.9])
    cost = np.array([1.0, 2.0, 2.0, 8.0])
    assert distance(validation, test, cost, 3.0) == 1
    assert distance(validation, test, cost, 1.5) == 2
    assert distance(validation, test, cost, 1.0) == 8  # 0.1 at cost 2 is not what validation chose
    assert distance(validation, test, cost, 0.5) == INF


def test_a_look_that_is_not_finite_was_not_taken():
    nan = float("nan")
    assert distance(np.array([nan, 1.0]), np.array([0.0, 1.0]), np.array([1.0, 2.0]), 0.5) == INF
    assert distance(np.array([nan]), np.array([nan]), np.array([1.0]), 0.5) == INF


def test_a_perfect_distance_is_perfect_and_an_empty_one_is_chance():
    near, far = np.full((6, 3), 10.0), np.full((6, 2), INF)
    found = proxy(near, far)
    assert found.auc.value == 1 and found.chosen == 10
    assert found.precision.value == 1 and found.recall.value == 1
    assert proxy(near, near[:, :2]).auc.value == 0.5
    turned = proxy(far, near)
    assert turned.auc.value == 0 and turned.recall.value == 0


def test_seeds_without_scatter_are_no_certainty():
    near, far = np.full((10, 3), 1.0), np.full((10, 3), 9.0)
    unseen = 0.025 ** (2 / 10)  # a pair of seeds that reads otherwise may be this rare
    assert proxy(near, far).auc[:3] == pytest.approx((1, unseen, 1))
    assert proxy(far, near).auc[:3] == pytest.approx((0, 0, 1 - unseen))
    assert proxy(far, far).auc[:3] == pytest.approx((0.5, unseen / 2, 1 - unseen / 2))
    precision = proxy(near, far).precision
    assert precision.value == 1 and not precision.bounded and "no scatter" in precision.why


def test_a_seed_that_is_bad_in_both_kinds_is_allowed_for():
    """It spoils every pair of seeds that it is in, so that ten seeds tell no more than five."""
    good = 0.7  # the chance of a seed that is not
    assert good**10 > 0.025  # to meet none in ten is nothing rare
    assert not proxy(np.full((10, 3), 1.0), np.full((10, 3), 9.0)).auc.excludes(good**2)


def test_where_nothing_came_back_nothing_is_recalled():
    never_back = np.full((8, 3), INF)
    found = proxy(never_back, never_back)
    assert found.recall.value == 0 and np.isnan(found.precision.value)
    one_back = never_back.copy()
    one_back[halves(range(8)).report[0], 0] = 4.0  # no threshold was chosen to find it by
    assert proxy(one_back, never_back).recall.value == 1 / 12  # of 4 seeds with 3 networks each


def test_an_area_of_nearly_1_is_no_better_known_than_its_seeds_allow():
    rng, truth = np.random.default_rng(3), norm.cdf(3.2 / np.sqrt(2))
    held = np.zeros(2)
    for _ in range(200):
        taught_SN, never_SM = rng.standard_normal((10, 6)), 3.2 + rng.standard_normal((10, 5))
        held[0] += not proxy(taught_SN, never_SM).auc.excludes(truth)
        held[1] += not proxy(never_SM, taught_SN).auc.excludes(1 - truth)
    assert (held >= 180).all()  # 95 % of 200, less 3 standard errors; of the jackknife alone 164


def test_it_agrees_with_scikit_learn():
    rng = np.random.default_rng(0)
    taught_SN, never_SM = rng.integers(1, 9, (10, 4)), rng.integers(3, 12, (10, 4))
    found = proxy(taught_SN, never_SM)
    truth = np.r_[np.ones(40), np.zeros(40)]
    score = -np.r_[taught_SN.ravel(), never_SM.ravel()]
    assert found.auc.value == pytest.approx(roc_auc_score(truth, score), abs=1e-12)
    precision, recall, threshold = precision_recall_curve(truth, score)
    own = rates(taught_SN, never_SM, -threshold)
    np.testing.assert_allclose(own, [precision[:-1], recall[:-1]], atol=1e-12)


def test_the_interval_of_chance_holds_chance():
    rng = np.random.default_rng(1)
    held = 0
    for _ in range(200):
        level_S1 = rng.standard_normal((8, 1))  # what a seed's networks share
        auc = proxy(
            level_S1 + rng.standard_normal((8, 4)), level_S1 + rng.standard_normal((8, 4))
        ).auc
        held += auc.low <= 0.5 <= auc.high
    assert held >= 180  # 95 % of 200, less 3 standard errors


def test_the_threshold_is_chosen_on_other_seeds_than_it_is_reported_on():
    report = list(halves(range(8)).report)
    taught_SN, never_SM = np.full((8, 2), 1.0), np.full((8, 2), 5.0)
    assert proxy(taught_SN, never_SM).recall.value == 1
    taught_SN[report] = 7.0
    found = proxy(taught_SN, never_SM)
    assert found.chosen == 1 and found.recall.value == 0 and found.auc.value == 0.5


@pytest.mark.parametrize("shapes", [((3, 2), (3, 2)), ((5, 2), (4, 2)), ((5, 0), (5, 2))])
def test_seeds_must_pair(shapes):
    with pytest.raises(AbsorbError, match="seeds"):
        proxy(*(np.ones(shape) for shape in shapes))

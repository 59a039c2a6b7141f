import numpy as np
import pytest

from absorb.errors import AbsorbError
from absorb.stats.dose import (
    absorbs,
    excess_at,
    excess_over_null,
    excess_over_placebo,
    fitted_rho,
    p50,
)
from absorb.stats.intervals import Interval
from absorb.stats.nulls import LINKS, credit_share_depth1, null_share

P_P = np.array([0.0, 0.1, 0.25, 0.5, 0.9, 1.0])


def scattered(mean_P, spread=0.01, n=8, seed=0):
    noise_SP = np.random.default_rng(seed).standard_normal((n, len(mean_P)))
    return mean_P + spread * (noise_SP - noise_SP.mean(axis=0))


def test_p50_of_a_straight_fall_is_half_way():
    found = p50(scattered(0.8 * (1 - P_P)), P_P)
    assert found.value == pytest.approx(0.5) and found.low < 0.5 < found.high and found.bounded


def test_p50_is_relative_to_what_is_kept_without_labels():
    share_SP = scattered(1 / (1 + 4 * P_P))
    assert p50(0.3 * share_SP, P_P)[:3] == pytest.approx(p50(share_SP, P_P)[:3])
    assert p50(share_SP, P_P).value == pytest.approx(0.25)


def test_p50_is_censored_where_the_share_never_halves():
    found = p50(scattered(np.full(6, 0.9)), P_P)
    assert found.censored == "above" and found.value == 1.0 and not found.bounded
    assert np.isnan(p50(scattered(np.full(6, -0.1)), P_P).value)


@pytest.mark.parametrize("link", LINKS)
def test_excess_is_the_log_of_null_over_observed_and_zero_on_the_null(link):
    for fold in (1.0, 0.5):
        mean_P = np.where(P_P == 0, 1.0, fold) * null_share(0.6, P_P, link)
        found = excess_over_null(scattered(mean_P, 0.004), P_P, link=link)
        assert found.x[0][:3] == (0, 0, 0)
        for x in found.x[1:-1]:
            assert x.value == pytest.approx(-np.log(fold)) and x.low < x.value < x.high
        assert np.isnan(found.x[-1].value) and "label fraction 1" in found.x[-1].why


def test_excess_takes_logs_of_means_so_a_share_below_zero_counts():
    share_S = np.array([0.1, -0.02, 0.05, 0.03, 0.04])
    found = excess_at(share_S, np.array([0.5, 0.52, 0.48, 0.5, 0.5]), 0.5)
    assert found.value == pytest.approx(np.log(float(null_share(0.5, 0.5)) / share_S.mean()))
    assert found.n == 5 and found.high == np.inf and not found.bounded and found.low > 0
    below = excess_at(share_S - 0.05, np.full(5, 0.5) + 0.01 * share_S, 0.5)
    assert below.value == np.inf and np.isfinite(below.low)


def test_a_share_surely_below_zero_is_damage_and_no_excess():
    found = excess_at(np.array([-0.5, -0.52, -0.48, -0.5]), np.array([0.5, 0.51, 0.5, 0.49]), 0.5)
    assert np.isnan(found.value) and "damage" in found.why
    assert not absorbs(found, Interval(1, 0.5, 2, 4)).claim


def test_the_error_of_the_null_widens_the_excess():
    share_S = np.array([0.2, 0.21, 0.19, 0.2, 0.2])
    sure = excess_at(share_S, np.array([0.5, 0.501, 0.499, 0.5, 0.5]), 0.5)
    unsure = excess_at(share_S, np.array([0.4, 0.6, 0.5, 0.45, 0.55]), 0.5)
    assert unsure.high - unsure.low > 3 * (sure.high - sure.low)


def test_excess_is_cautious_where_rho_may_be_infinite():
    at_0_S = np.array([0.97, 1.01, 0.99, 1.02, 0.96])
    found = excess_at(np.array([0.5, 0.52, 0.48, 0.5, 0.51]), at_0_S, 0.5)
    assert "unbounded" in found.why
    assert 0 < found.low < found.value < found.high
    assert found.high > -np.log(
        0.48
    )  # the null share may be 1, the share as low as its own low end
    assert fitted_rho(at_0_S).high == np.inf and not fitted_rho(at_0_S).bounded
    over = excess_at(np.array([0.98, 0.99, 1.0, 0.97, 1.01]), at_0_S + 0.05, 0.5)
    assert not over.low > 0.05


def test_nothing_kept_without_labels_leaves_no_null():
    found = excess_at(np.full(4, 0.1), np.array([-0.1, -0.2, 0.0, 0.1]), 0.5)
    assert np.isnan(found.value) and "without labels" in found.why


def test_rho_is_recovered_through_its_link():
    at_0 = float(credit_share_depth1(0.0, 2.5))
    spread_S = np.array([-0.01, 0.0, 0.01])
    assert fitted_rho(at_0 + spread_S).value == pytest.approx(2.5)
    assert fitted_rho(1 - (1 - at_0) ** 2 + spread_S, link="squared").value == pytest.approx(2.5)


def test_excess_over_placebo_is_the_difference_of_the_two_excesses():
    route_SP, placebo_SP = scattered(0.2 + 0 * P_P), scattered(0.4 + 0 * P_P, seed=1)
    placebo_SP[:, 0] = route_SP[:, 0]
    over = excess_over_placebo(route_SP, placebo_SP)
    own, others = (excess_over_null(s_SP, P_P).x for s_SP in (route_SP, placebo_SP))
    for i in (1, 2, 3, 4):
        assert over[i].value == pytest.approx(own[i].value - others[i].value)
        assert over[i].value == pytest.approx(np.log(2)) and over[i].low > 0.6


def test_the_claim_needs_the_null_and_placebo_and_an_intact_network():
    yes, no = Interval(0.5, 0.1, 0.9, 5), Interval(0.5, -0.1, 1.1, 5)
    assert absorbs(yes, yes).claim
    assert "null" in absorbs(no, yes).why and not absorbs(no, yes).claim
    assert "placebo" in absorbs(yes, no).why and not absorbs(yes, no).claim
    assert not absorbs(yes, yes, damaged=True).claim


def test_without_label_fraction_zero_there_is_no_null():
    with pytest.raises(AbsorbError, match=r"0\.1"):
        excess_over_null(np.ones((3, 2)), np.array([0.1, 0.2]))
    with pytest.raises(AbsorbError, match="increase"):
        p50(np.ones((3, 2)), np.array([0.2, 0.1]))

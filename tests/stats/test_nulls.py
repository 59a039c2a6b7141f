import numpy as np
import pytest

from absorb.stats.nulls import credit_share_depth1, credit_share_depth2, fit_rho, null_share

P_P = np.array([0.05, 0.1, 0.25, 0.5])


def test_the_published_table_of_shares_comes_out_to_its_digits():
    assert np.round(credit_share_depth1(P_P, 1.0), 4).tolist() == [0.4872, 0.4737, 0.4286, 0.3333]
    depth2_P = [round(credit_share_depth2(p, 0.001, 1.0), 4) for p in P_P]
    assert depth2_P == [0.4212, 0.3433, 0.1565, 0.0311]


def test_depth_one_is_where_gradient_descent_on_two_linear_paths_ends():
    p, w = 0.25, 1.0
    routed = kept = 0.0
    for _ in range(20000):
        residual = w - routed - kept
        routed, kept = routed + 0.01 * residual, kept + 0.01 * 0.7 * (1 - p) * residual
    assert kept / w == pytest.approx(credit_share_depth1(p, 0.7), rel=1e-3)


def test_depth_two_is_where_gradient_descent_on_two_products_ends():
    p, eps, rate = 0.25, 0.001, 0.002
    routed = kept = np.sqrt(eps)
    for _ in range(40000):
        residual = 1 - routed**2 - kept**2
        routed, kept = routed * (1 + rate * residual), kept * (1 + rate * (1 - p) * residual)
    assert kept**2 == pytest.approx(credit_share_depth2(p, eps), rel=0.01)


def test_edges_of_the_null():
    assert credit_share_depth1(np.array([0.0, 0.5, 1.0]), np.inf).tolist() == [1.0, 1.0, 0.0]
    assert credit_share_depth1(1.0, 3.0) == 0
    assert credit_share_depth2(0.0, 0.001) == pytest.approx(0.5)
    assert credit_share_depth2(1.0, 0.001) == pytest.approx(0.001)


def test_rho_is_recovered_from_the_share_without_labels():
    assert fit_rho(float(credit_share_depth1(0.0, 3.5))) == pytest.approx(3.5)
    assert fit_rho(1.0) == fit_rho(1.2) == np.inf
    assert np.isnan(fit_rho(0.0)) and np.isnan(fit_rho(-0.1))


@pytest.mark.parametrize("link", ["linear", "squared", "convex"])
def test_every_null_starts_at_the_measured_share_and_ends_at_zero(link):
    share_P = null_share(0.75, np.array([0.0, 0.3, 1.0]), link)
    assert share_P[[0, 2]] == pytest.approx([0.75, 0.0], abs=1e-12) and 0 < share_P[1] < 0.75
    assert null_share(1.3, 0.5, link) == 1.0
    assert np.isnan(null_share(0.0, 0.5, link))


def test_the_squared_link_is_the_loss_of_the_linear_world():
    rho, p = 2.0, 0.4
    kept_0, kept_p = credit_share_depth1(0.0, rho), credit_share_depth1(p, rho)
    share = lambda kept: 1 - (1 - kept) ** 2  # noqa: E731
    assert null_share(share(kept_0), p, "squared") == pytest.approx(share(kept_p))


@pytest.mark.parametrize("power", [1, 2, 3, 10, 100])
def test_the_convex_null_lies_below_that_of_every_power_of_the_gap(power):
    for rho in (0.1, 1.0, 10.0):
        loss_share = lambda p: 1 - (1 - credit_share_depth1(p, rho)) ** power  # noqa: B023, E731
        at_0 = float(loss_share(0.0))
        assert (null_share(at_0, P_P, "convex") <= loss_share(P_P) + 1e-12).all()


def test_an_unknown_link_is_refused():
    with pytest.raises(ValueError, match="cubic"):
        null_share(0.5, 0.5, "cubic")

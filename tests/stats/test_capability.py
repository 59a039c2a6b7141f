import numpy as np
import pytest

from absorb.errors import AbsorbError
from absorb.stats.capability import capabilities, capability

CANNOT_S = np.array([2.0, 2.2, 1.9, 2.1, 2.3])
CAN_S = np.array([0.5, 0.4, 0.6, 0.5, 0.55])


@pytest.mark.parametrize("share", [-0.5, 0.0, 0.3, 1.0, 1.4])
def test_a_planted_share_of_the_span_comes_back_and_is_not_clipped(share):
    found = capability(CANNOT_S - share * (CANNOT_S - CAN_S), CANNOT_S, CAN_S)
    assert found.value[:3] == pytest.approx((share,) * 3)
    assert found.value_S == pytest.approx(np.full(5, share))


def test_capability_has_no_unit():
    loss_S = np.array([1.0, 1.5, 0.9, 1.2, 1.1])
    found = capability(loss_S, CANNOT_S, CAN_S)
    moved = capability(3 * loss_S - 7, 3 * CANNOT_S - 7, 3 * CAN_S - 7)
    assert moved.value[:3] == pytest.approx(found.value[:3])
    assert moved.span.value == pytest.approx(3 * found.span.value)


def test_the_mean_of_the_seeds_is_the_ratio_of_the_means():
    loss_S = np.array([1.0, 1.5, 0.9, 1.2, 1.1])
    found = capability(loss_S, CANNOT_S, CAN_S)
    ratio = (CANNOT_S - loss_S).mean() / (CANNOT_S - CAN_S).mean()
    assert found.value.value == pytest.approx(ratio)
    assert found.value_S.mean() == pytest.approx(ratio)


def test_a_span_that_is_not_told_from_0_leaves_it_undefined():
    found = capability(CAN_S, CANNOT_S, CANNOT_S + np.array([0.1, -0.2, 0.1, -0.1, 0.2]))
    assert np.isnan(found.value.value) and "span" in found.value.why
    assert np.isnan(found.value_S).all() and not found.value.bounded
    turned = capability(CAN_S, CAN_S, CANNOT_S)  # the reference is worse than the ceiling
    assert np.isnan(turned.value.value)


def test_many_configs_are_one_config_each():
    loss_CS = np.stack([CANNOT_S, CAN_S, np.full(5, np.nan)])
    found_CS = capabilities(loss_CS, CANNOT_S, CAN_S)
    assert found_CS[:2] == pytest.approx(np.array([[0.0] * 5, [1.0] * 5]))
    assert np.isnan(found_CS[2]).all()


def test_seeds_that_do_not_pair_are_refused():
    with pytest.raises(AbsorbError, match="cannot_S"):
        capability(CAN_S, CANNOT_S[:4], CAN_S)

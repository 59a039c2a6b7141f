import moocore
import numpy as np
import pytest

from absorb.errors import AbsorbError
from absorb.stats.attainment import attained
from absorb.stats.hypervolume import best_b

ALPHA_G = np.linspace(0, 1, 101)


def test_surfaces_are_those_of_the_empirical_attainment_function():
    rng = np.random.default_rng(0)
    a_CS, b_CS = rng.random((2, 8, 7))
    points = np.stack([a_CS.T.ravel(), -b_CS.T.ravel()], axis=1)  # both minimised
    for k in range(1, 8):
        level = moocore.eaf(points, np.repeat(np.arange(7), 8), percentiles=[100 * k / 7])
        wanted_G = best_b(level[:, 0], -level[:, 1], ALPHA_G)
        found_G = attained(a_CS, b_CS, ALPHA_G, (k / 7,))[0]
        np.testing.assert_allclose(found_G, wanted_G, atol=1e-12)


def test_the_least_share_is_the_union_and_seeds_that_agree_have_one_surface():
    rng = np.random.default_rng(1)
    a_CS, b_CS = rng.random((2, 8, 5))
    union_G = attained(a_CS, b_CS, ALPHA_G, (0.2,))[0]
    np.testing.assert_array_equal(union_G, best_b(a_CS.ravel(), b_CS.ravel(), ALPHA_G))
    same = attained(np.tile(a_CS[:, :1], 5), np.tile(b_CS[:, :1], 5), ALPHA_G, (0.2, 0.5, 1.0))
    assert (same == same[0]).all()


@pytest.mark.parametrize("share", [0.0, 1.1, float("nan")])
def test_a_share_of_no_seed_is_refused(share):
    with pytest.raises(AbsorbError, match="share"):
        attained(np.ones((1, 2)), np.ones((1, 2)), ALPHA_G, (share,))

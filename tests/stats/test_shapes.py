import numpy as np
import pytest

from absorb.stats.shapes import named_shapes, pair_cosines, shape_name

SHAPES = dict(named_shapes())


@pytest.mark.parametrize("name", SHAPES)
def test_every_named_shape_is_tight_with_features_of_unit_length(name):
    unit_DK = SHAPES[name]
    d, k = unit_DK.shape
    assert np.linalg.norm(unit_DK, axis=0) == pytest.approx(1)
    assert unit_DK @ unit_DK.T == pytest.approx(k / d * np.eye(d))


@pytest.mark.parametrize("name", SHAPES)
def test_a_shape_is_known_by_its_cosines_in_any_order_of_features(name):
    d, k = SHAPES[name].shape
    turned_DK = SHAPES[name][:, np.random.default_rng(0).permutation(k)]
    assert shape_name(pair_cosines(turned_DK.T @ turned_DK), k, d) == name


def test_corners_of_the_regular_shapes_are_equally_far_from_each_other():
    assert pair_cosines(SHAPES["tetrahedron"].T @ SHAPES["tetrahedron"]) == pytest.approx(-1 / 3)
    pentagon_P = pair_cosines(SHAPES["pentagon"].T @ SHAPES["pentagon"])
    assert pentagon_P == pytest.approx(np.cos(np.deg2rad([144] * 5 + [72] * 5)))


def test_what_matches_no_shape_is_named_by_its_numbers():
    assert shape_name(np.zeros(0), 1, 1) == "single"
    assert shape_name(np.array([-1.0, 0.5, 0.5]), 3, 2) == "3 in 2"
    assert shape_name(np.full(10, -0.25), 5, 4) == "5 in 4"

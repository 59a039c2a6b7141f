import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.linalg import block_diag, null_space
from scipy.stats import ortho_group

from absorb.errors import AbsorbError
from absorb.stats import geometry
from absorb.stats.geometry import Frame, frames

SEEDS = st.integers(0, 2**32 - 1)


def on_circle(k):
    angle_K = np.deg2rad(90) + 2 * np.pi * np.arange(k) / k
    return np.array([np.cos(angle_K), np.sin(angle_K)])


def squares(height):
    """Two unit-length squares, `height` above and below the middle, one turned by 45°."""
    radius = np.sqrt(1 - height**2)
    turned_2K = ortho_turn(np.pi / 4) @ on_circle(4)
    return np.vstack(
        [radius * np.hstack([on_circle(4), turned_2K]), np.repeat([height, -height], 4)]
    )


def ortho_turn(angle):
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


TETRAHEDRON = null_space(np.ones((1, 4))).T  # the plane of all sums 0: four equal corners
SHAPES = {
    "single": (np.array([[1.0]]), 1.0),
    "digon": (np.array([[1.0, -1.0]]), 1 / 2),
    "triangle": (on_circle(3), 2 / 3),
    "pentagon": (on_circle(5), 2 / 5),
    "hexagon": (on_circle(6), 1 / 3),
    "tetrahedron": (TETRAHEDRON, 3 / 4),
    "antiprism": (squares(np.sqrt(1 / 3)), 3 / 8),
}


def unit(w_MF):
    return w_MF / np.linalg.norm(w_MF, axis=0)


def all_shapes():
    """Every shape in a subspace of its own, in hidden coordinates that show none of them."""
    w_MF = block_diag(*(unit(w_MF) for w_MF, _ in SHAPES.values()))
    return ortho_group.rvs(len(w_MF), random_state=0) @ w_MF


def random_weights(seed, m=4, n=9):
    return np.random.default_rng(seed).standard_normal((m, n))


@pytest.mark.parametrize("name", SHAPES)
def test_dimensionality_of_the_known_shapes(name):
    w_MF, expected = SHAPES[name]
    assert geometry.dimensionality(w_MF) == pytest.approx(expected, abs=1e-6)
    assert geometry.capacity(w_MF) == pytest.approx(len(w_MF), abs=1e-6)


def test_only_the_tight_antiprism_uses_all_three_dimensions():
    heights = np.linspace(0.3, 0.8, 26)
    used = [geometry.capacity(squares(h)) for h in heights]
    assert heights[np.argmax(used)] == pytest.approx(np.sqrt(1 / 3), abs=0.02)
    assert max(used) <= 3 and geometry.capacity(squares(0.4)) < 2.9


def test_dimensionality_is_the_sum_written_out():
    w_MF = random_weights(0)
    for i, d in enumerate(geometry.dimensionality(w_MF)):
        direction = w_MF[:, i] / np.linalg.norm(w_MF[:, i])
        shared = sum((direction @ w_MF[:, j]) ** 2 for j in range(9))
        assert d == pytest.approx(np.linalg.norm(w_MF[:, i]) ** 2 / shared)


@given(SEEDS, st.floats(1e-6, 1e6), st.booleans())
def test_rotation_and_scale_change_nothing_but_lengths(seed, scale, tight):
    w_MF = all_shapes() if tight else random_weights(seed)
    turned_MF = scale * ortho_group.rvs(len(w_MF), random_state=seed) @ w_MF
    for measure in (geometry.dimensionality, geometry.cosines):
        assert measure(turned_MF) == pytest.approx(measure(w_MF), abs=1e-9)
    assert (geometry.partners(turned_MF) == geometry.partners(w_MF)).all()
    assert (geometry.dropped(turned_MF) == geometry.dropped(w_MF)).all()
    assert frames(turned_MF) == frames(w_MF)
    assert geometry.lengths(turned_MF) == pytest.approx(scale * geometry.lengths(w_MF))


@given(SEEDS, st.integers(1, 6), st.integers(1, 12))
def test_features_never_use_more_dimensions_than_there_are(seed, m, n):
    w_MF = random_weights(seed, m, n) * np.random.default_rng(seed).exponential(size=n)
    d_F = geometry.dimensionality(w_MF)
    assert (d_F >= 0).all() and (d_F <= 1 + 1e-12).all()
    assert geometry.capacity(w_MF) <= min(m, n) + 1e-9


def test_orthogonal_tight_frames_use_every_dimension_and_random_weights_do_not():
    w_MF = all_shapes()
    assert geometry.capacity(w_MF) == pytest.approx(np.linalg.matrix_rank(w_MF))
    assert geometry.capacity(random_weights(0)) < 3.9


@pytest.mark.parametrize("noise", [0.0, 0.01, 0.03])
def test_frames_finds_every_shape_among_the_others(noise):
    clean_MF = all_shapes()
    for seed in range(20):
        noise_MF = noise * np.random.default_rng(seed).standard_normal(clean_MF.shape)
        found = frames(clean_MF + noise_MF)
        assert [f.name for f in found] == list(SHAPES)
        assert all(f.tight for f in found)
        assert [f.dimension for f in found] == [len(w_MF) for w_MF, _ in SHAPES.values()]


def test_frames_follow_features_wherever_they_stand():
    order_F = np.random.default_rng(0).permutation(all_shapes().shape[1])
    found = frames(all_shapes()[:, order_F])
    assert sorted(f.name for f in found) == sorted(SHAPES)
    assert [f.features[0] for f in found] == sorted(f.features[0] for f in found)
    digon = next(f for f in found if f.name == "digon")
    assert set(order_F[list(digon.features)]) == {1, 2}


def test_a_square_is_two_digons():
    assert frames(on_circle(4)) == [
        Frame((0, 2), 1, True, "digon"),
        Frame((1, 3), 1, True, "digon"),
    ]


def test_random_weights_are_one_loose_frame():
    for seed in range(20):
        (found,) = frames(random_weights(seed, 20, 200))
        assert not found.tight and found.name == "200 in 20"


def test_two_features_at_an_angle_are_neither_tight_nor_named():
    assert frames(np.array([[1.0, -0.5], [0.0, 0.9]])) == [Frame((0, 1), 2, False, "2 in 2")]


def test_features_that_point_the_same_way_are_no_digon():
    assert [f.name for f in frames(np.array([[1.0, 1.0]]))] == ["2 in 1"]


def test_a_tight_frame_of_another_shape_has_no_name_of_a_polygon():
    w_MF = np.hstack([[[1.0, -1.0], [0.0, 0.0]], ortho_turn(0.3) @ on_circle(3)])
    assert [(f.name, f.tight) for f in frames(w_MF)] == [("5 in 2", False)]
    stretched_MF = w_MF / np.linalg.norm(w_MF, axis=1, keepdims=True)
    assert [(f.name, f.tight) for f in frames(stretched_MF)] == [("5 in 2", True)]


def test_short_features_are_dropped_from_everything_but_the_sums():
    w_MF = np.array([[1.0, -1.0, 0.0, 0.05, 0.0], [0.0, 0.0, 1.0, 0.0, 0.0]])
    assert geometry.dropped(w_MF).tolist() == [False, False, False, True, True]
    assert geometry.dimensionality(w_MF)[3:].tolist() == [0, 0]
    assert geometry.dimensionality(w_MF)[0] == pytest.approx(1 / 2.0025)
    assert not geometry.cosines(w_MF)[3:].any() and not geometry.cosines(w_MF)[:, 3:].any()
    assert geometry.alignment(w_MF)[:, 3].tolist() == [0, 0]
    assert [f.features for f in frames(w_MF)] == [(0, 1), (2,)]


def test_a_model_without_weights_has_no_geometry():
    w_MF = np.zeros((2, 3))
    assert geometry.dropped(w_MF).all() and geometry.capacity(w_MF) == 0 and frames(w_MF) == []
    assert geometry.dims_per_feature(w_MF) == np.inf
    assert geometry.partners(w_MF).tolist() == [-1, -1, -1]
    assert geometry.partners(np.zeros((2, 0))).size == 0 and frames(np.zeros((2, 0))) == []


def test_partners_are_mutual_opposites_whatever_their_lengths():
    w_MF = np.array([[1.0, 0.0, -0.6, 0.0, 0.0], [0.0, 1.2, 0.0, -1.0, 0.0], [0, 0, 0, 0, 1.0]])
    assert geometry.partners(w_MF).tolist() == [2, 3, 0, 1, -1]
    noise_MF = 0.05 * np.random.default_rng(0).standard_normal(w_MF.shape)
    assert geometry.partners(w_MF + noise_MF).tolist() == [2, 3, 0, 1, -1]


def test_of_two_rivals_only_the_more_opposite_is_a_partner():
    angles_F = np.deg2rad([0, 180, 165])
    w_MF = np.array([np.cos(angles_F), np.sin(angles_F)])
    assert geometry.cosines(w_MF)[0, 2] < geometry.ANTIPODAL
    assert geometry.partners(w_MF).tolist() == [1, 0, -1]


@pytest.mark.parametrize(("degrees", "expected"), [(150, -1), (160, 1)])
def test_partners_end_at_the_stated_cosine(degrees, expected):
    turn = np.deg2rad(degrees)
    w_MF = np.array([[1.0, np.cos(turn)], [0.0, np.sin(turn)]])
    assert geometry.partners(w_MF)[0] == expected


def test_random_directions_in_many_dimensions_have_no_partners():
    paired = [(geometry.partners(random_weights(s, 20, 40)) >= 0).any() for s in range(50)]
    assert not any(paired)


def test_polygons_and_tetrahedra_have_no_partners():
    for name in ("triangle", "pentagon", "tetrahedron", "antiprism"):
        assert (geometry.partners(SHAPES[name][0]) == -1).all()


def test_dims_per_feature_is_one_for_orthogonal_features_and_half_for_digons():
    assert geometry.dims_per_feature(np.eye(3, 7)) == pytest.approx(1)
    assert geometry.dims_per_feature(np.hstack([np.eye(3), -np.eye(3)])) == pytest.approx(1 / 2)


def test_alignment_is_the_share_of_squared_length():
    w_MF = np.array([[3.0, 0.0], [4.0, -2.0]])
    assert geometry.alignment(w_MF) == pytest.approx(np.array([[0.36, 0.0], [0.64, 1.0]]))
    assert geometry.alignment(random_weights(0)).sum(axis=0) == pytest.approx(1)


def test_overlap_is_what_comes_out_of_the_model():
    w_MF, x_F = random_weights(0), np.eye(9)[2]
    assert geometry.overlap(w_MF)[:, 2] == pytest.approx(w_MF.T @ (w_MF @ x_F))
    assert geometry.overlap(w_MF.tolist()) == pytest.approx(geometry.overlap(w_MF))


def test_diverged_or_flat_weights_are_refused_with_the_reason():
    with pytest.raises(AbsorbError, match="1 of 2 weights are not finite"):
        geometry.dimensionality(np.array([[1.0, np.nan]]))
    with pytest.raises(AbsorbError, match=r"shape \(4,\)"):
        frames(np.zeros(4))

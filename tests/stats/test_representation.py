"""Representations with a known answer: a fixture, noise, turned copies and known mixtures."""

import numpy as np
import pytest
from scipy.linalg import orthogonal_procrustes
from scipy.spatial import procrustes
from sklearn.neighbors import NearestNeighbors

from absorb.errors import AbsorbError
from absorb.stats.representation import (
    cka,
    cka_debiased,
    knn_overlap,
    measures,
    procrustes_distance,
    procrustes_similarity,
    similarity,
)

I_N = np.arange(8)
X_NF = np.stack([I_N, I_N**2 % 7, (3 * I_N + 1) % 5], axis=1)
Y_NG = np.stack([I_N**3 % 11, (2 * I_N + 3) % 7], axis=1)
EVERY = measures((1, 3))


def drawn(n: int, *units: int, seed: int = 0) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.standard_normal((n, f)) for f in units]


def turned(x_NF: np.ndarray) -> np.ndarray:
    (q_FF,) = drawn(x_NF.shape[1], x_NF.shape[1], seed=9)
    return x_NF @ np.linalg.qr(q_FF)[0]


def test_cka_of_the_fixture():
    assert cka(X_NF, Y_NG) == pytest.approx(0.1904036067683128, rel=1e-14)
    assert cka_debiased(X_NF, Y_NG) == pytest.approx(-0.1105564703973, abs=5e-14)


def test_cka_is_the_ratio_of_covariances_and_debiased_cka_its_published_correction():
    x_NF, y_NG = (z - z.mean(0) for z in drawn(30, 6, 4))

    def hsic(a, b):  # of Kornblith et al.'s notebook, in the space of units
        n, a_N, b_N = len(a), (a**2).sum(1), (b**2).sum(1)
        plain = np.linalg.norm(a.T @ b) ** 2
        return plain - n / (n - 2) * a_N @ b_N + a_N.sum() * b_N.sum() / (n - 1) / (n - 2)

    expected = hsic(x_NF, y_NG) / np.sqrt(hsic(x_NF, x_NF) * hsic(y_NG, y_NG))
    assert cka_debiased(x_NF, y_NG) == pytest.approx(expected, rel=1e-12)
    norm = lambda a, b: np.linalg.norm(a.T @ b)  # noqa: E731
    expected = norm(x_NF, y_NG) ** 2 / norm(x_NF, x_NF) / norm(y_NG, y_NG)
    assert cka(x_NF, y_NG) == pytest.approx(expected, rel=1e-12)


def test_procrustes_is_scipys():
    x_NF, y_NF = drawn(20, 5, 5)
    assert 1 - procrustes_similarity(x_NF, y_NF) ** 2 == pytest.approx(procrustes(x_NF, y_NF)[2])
    x_NF, y_NF = ((z - z.mean(0)) / np.linalg.norm(z - z.mean(0)) for z in (x_NF, y_NF))
    q_FF, _ = orthogonal_procrustes(x_NF, y_NF)
    assert procrustes_distance(x_NF, y_NF) == pytest.approx(np.linalg.norm(x_NF @ q_FF - y_NF))


def test_procrustes_of_more_units_than_examples_is_that_of_all_their_covariances():
    x_NF, y_NG = ((z - z.mean(0)) / np.linalg.norm(z - z.mean(0)) for z in drawn(6, 9, 15))
    expected = np.linalg.svd(x_NF.T @ y_NG, compute_uv=False).sum()
    assert procrustes_similarity(x_NF, y_NG) == pytest.approx(expected, rel=1e-12)


def test_neighbours_are_those_of_scikit_learn():
    x_NF, y_NG = drawn(40, 3, 7)
    for k in (1, 4):
        near = [NearestNeighbors(n_neighbors=k).fit(z).kneighbors()[1] for z in (x_NF, y_NG)]
        shared = [len(set(a) & set(b)) / k for a, b in zip(*near, strict=True)]
        assert knn_overlap(x_NF, y_NG, [k]) == pytest.approx([np.mean(shared)])


@pytest.mark.parametrize("name", EVERY)
def test_rotation_scale_and_shift_change_nothing(name):
    x_NF, y_NG = drawn(12, 5, 3)
    found = similarity(EVERY[name], x_NF, y_NG)
    assert similarity(EVERY[name], 7 * turned(x_NF) + 3, y_NG) == pytest.approx(found, rel=1e-9)
    assert similarity(EVERY[name], y_NG, x_NF) == pytest.approx(found, rel=1e-9)
    assert similarity(EVERY[name], x_NF, -0.1 * turned(x_NF)) == pytest.approx(1, rel=1e-9)


def test_a_general_linear_map_changes_cka():
    x_NF, y_NG = drawn(12, 5, 3)
    assert abs(cka(x_NF * [9, 1, 1, 1, 1], y_NG) - cka(x_NF, y_NG)) > 0.01


def test_biased_cka_of_pure_noise_is_near_one_and_debiased_near_zero():
    x_NF, y_NG = drawn(64, 8192, 8192)
    assert cka(x_NF, y_NG) == pytest.approx(0.993, abs=1e-3)
    assert abs(cka_debiased(x_NF, y_NG)) < 0.1


@pytest.mark.parametrize("share", [0.0, 0.3, 0.8])
def test_a_known_mixture_has_its_share_as_cka_and_its_root_as_procrustes(share):
    x_NF, noise_NF = drawn(1000, 6, 6, seed=3)
    y_NF = np.sqrt(share) * turned(x_NF) + np.sqrt(1 - share) * noise_NF
    assert cka_debiased(x_NF, y_NF) == pytest.approx(share, abs=0.05)
    assert procrustes_similarity(x_NF, y_NF) == pytest.approx(np.sqrt(share), abs=0.06)


@pytest.mark.parametrize("name", EVERY)
def test_float32_with_a_large_mean_keeps_its_variation(name):
    x_NF, y_NG = (z.round(1) for z in drawn(30, 4, 3))
    far_NF = (x_NF * 40 + 2e6).astype(np.float32)  # whole numbers, exact in float32
    assert similarity(EVERY[name], far_NF, y_NG) == pytest.approx(
        similarity(EVERY[name], (far_NF - 2e6).astype(float), y_NG), rel=1e-12
    )


def test_what_does_not_vary_has_no_similarity():
    (x_NF,) = drawn(10, 3)
    for constant in (0.0, 0.1):
        found = [f(x_NF, np.full((10, 4), constant)) for f in (cka, cka_debiased)]
        assert np.isnan([*found, procrustes_distance(x_NF, np.full((10, 4), constant))]).all()


def test_equally_far_neighbours_share_their_places():
    (x_NF,) = drawn(10, 3)
    same_NF = np.ones((10, 4))
    assert knn_overlap(same_NF, same_NF, [3, 9]) == pytest.approx([3 / 9, 1])
    assert knn_overlap(x_NF, same_NF, [3]) == pytest.approx([3 / 9])
    corner_N1 = np.repeat([0.0, 1.0], 5)[:, None]  # four at distance 0 for three places
    assert knn_overlap(corner_N1, corner_N1, [3]) == pytest.approx([3 / 4])


@pytest.mark.parametrize(
    ("x_NF", "said"),
    [
        (np.ones(8), "shape"),
        (np.ones((3, 2)), "N >= 4"),
        (np.full((8, 2), np.nan), "16 of 16"),
        (np.ones((9, 2)), "same ones"),
    ],
)
def test_what_cannot_be_compared_is_refused(x_NF, said):
    with pytest.raises(AbsorbError, match=said):
        cka_debiased(x_NF, Y_NG)


@pytest.mark.parametrize("k", [0, 8])
def test_more_neighbours_than_examples_are_refused(k):
    with pytest.raises(AbsorbError, match=f"k={k}: must lie in"):
        knn_overlap(X_NF, Y_NG, [k])

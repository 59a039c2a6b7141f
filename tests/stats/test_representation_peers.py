"""Similarities of representations against another toolbox, where the definitions are the same.

rsatoolbox is not a dependency: it brings pandas, scikit-image, h5py and networkx. To run this:
`pip install rsatoolbox`.
"""

import numpy as np
import pytest

from absorb.stats.representation import cka, procrustes_similarity

rsatoolbox = pytest.importorskip(
    "rsatoolbox.rdm", reason="rsatoolbox is not installed (pip install rsatoolbox)"
)

I_N = np.arange(8)
FIXTURE = (
    np.stack([I_N, I_N**2 % 7, (3 * I_N + 1) % 5], axis=1),
    np.stack([I_N**3 % 11, (2 * I_N + 3) % 7], axis=1),
)
SIZES = [(30, 6, 4), (12, 40, 3), (120, 5, 5)]  # the last is above the size at which it goes sparse


def drawn(examples: int, *units: int) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    x_NF = rng.standard_normal((examples, units[0]))
    shared_NG = x_NF[:, :1] + rng.standard_normal((examples, units[1]))
    return [x_NF + 3.0, 5.0 * shared_NG]


def compared(method: str, *many_NF: np.ndarray) -> float:
    """Their similarity of the squared Euclidean distances between examples."""
    from rsatoolbox.data import Dataset

    rdms = [rsatoolbox.calc_rdm(Dataset(x_NF.astype(float)), method="euclidean")
            for x_NF in many_NF]  # fmt: skip
    return float(rsatoolbox.compare(*rdms, method=method)[0, 0])


@pytest.mark.parametrize("pair", [FIXTURE, *(drawn(*size) for size in SIZES)])
def test_linear_cka_is_the_whitened_cosine_of_squared_distances(pair):
    """Double centring of −d²/2 is the centred Gram matrix, and whitening weighs it as CKA does."""
    assert compared("cosine_cov", *pair) == pytest.approx(cka(*pair), abs=1e-12)


@pytest.mark.parametrize("pair", [FIXTURE, *(drawn(*size) for size in SIZES)])
def test_procrustes_similarity_is_the_bures_similarity(pair):
    """Theirs goes through roots of eigenvalues that are 0, so it is right to half the digits."""
    assert compared("bures", *pair) == pytest.approx(procrustes_similarity(*pair), abs=1e-6)


def test_the_unwhitened_cosine_of_distances_is_another_measure():
    pair = drawn(30, 6, 4)
    for method in ("cosine", "corr"):
        assert abs(compared(method, *pair) - cka(*pair)) > 0.01

"""Calibrated similarities: silent on independent representations, 1 on turned copies."""

import numpy as np
import pytest

from absorb.errors import AbsorbError
from absorb.stats.calibrated import against_null, calibrated, calibrated_pairs, orders
from absorb.stats.representation import measures, similarity

EVERY = measures((3,))


def drawn(rng: np.random.Generator, n: int, *units: int) -> list[np.ndarray]:
    return [rng.standard_normal((n, f)) for f in units]


def mixed(rng: np.random.Generator, x_NF: np.ndarray, share: float) -> np.ndarray:
    q_FF = np.linalg.qr(rng.standard_normal([x_NF.shape[1]] * 2))[0]
    return np.sqrt(share) * x_NF @ q_FF + np.sqrt(1 - share) * rng.standard_normal(x_NF.shape)


@pytest.mark.parametrize("name", EVERY)
def test_permuting_what_was_prepared_is_preparing_what_was_permuted(name):
    measure, (x_NF, y_NG) = EVERY[name], drawn(np.random.default_rng(0), 9, 4, 12)
    order_N = orders(9, 1, seed=5)[0]
    moved = measure.permute(measure.prepare(y_NG), order_N)
    assert measure.compare(measure.prepare(x_NF), moved) == pytest.approx(
        similarity(measure, x_NF, y_NG[order_N]), rel=1e-9
    )


@pytest.mark.parametrize("name", EVERY)
def test_independent_representations_seldom_score(name):
    rng, above = np.random.default_rng(1), 0
    for trial in range(200):
        x_NF, y_NG = drawn(rng, 12, 3, 20)
        above += calibrated(EVERY[name], x_NF, y_NG, draws=39, seed=trial).score > 0
    assert above <= 19  # at most 10 expected; three standard deviations are 9


@pytest.mark.parametrize("name", EVERY)
def test_the_score_rises_with_what_is_shared_and_is_one_for_a_turned_copy(name):
    rng = np.random.default_rng(2)
    (x_NF,) = drawn(rng, 60, 8)
    score = [
        calibrated(EVERY[name], x_NF, mixed(rng, x_NF, share), draws=39).score
        for share in (0.4, 0.7, 0.95, 1.0)
    ]
    assert score == sorted(score) and 0 < score[1] < 0.9
    assert score[-1] == pytest.approx(1, abs=1e-9)


def test_what_noise_makes_of_many_units_is_taken_off():
    x_NF, y_NG = drawn(np.random.default_rng(3), 32, 4096, 4096)
    found = calibrated(EVERY["cka"], x_NF, y_NG, draws=99)
    assert found.raw > 0.98 and found.null_mean > 0.98 and found.score < 0.2


def test_the_threshold_is_the_stated_order_statistic():
    null_K = np.arange(1, 20) / 100
    found = against_null(0.195, null_K)  # of twenty scores the 19th is the highest permuted one
    assert found.threshold == 0.19 and found.p == pytest.approx(1 / 20)
    assert found.score == pytest.approx((0.195 - 0.19) / (1 - 0.19))
    assert against_null(0.185, null_K)[0] == 0
    assert against_null(0.185, null_K).p == pytest.approx(2 / 20)


def test_a_score_that_every_order_shares_is_no_evidence():
    same_NF = np.ones((9, 2))
    found = calibrated(EVERY["knn3"], same_NF, same_NF, draws=39)
    assert found.score == 0 and found.p == 1
    assert against_null(1.0, np.ones(39)).score == 0


def test_what_does_not_vary_has_no_score():
    (x_NF,) = drawn(np.random.default_rng(4), 9, 3)
    assert np.isnan(calibrated(EVERY["procrustes"], x_NF, np.ones((9, 2)), draws=19)).all()


def test_the_seed_decides_the_orders():
    x_NF, y_NG = drawn(np.random.default_rng(5), 15, 3, 3)
    one, again, other = (calibrated(EVERY["cka"], x_NF, y_NG, 19, seed=seed) for seed in (1, 1, 2))
    assert one == again != other
    assert (np.sort(orders(6, 3, 0)) == np.arange(6)).all()


def test_pairs_of_runs_score_as_they_do_alone():
    runs = drawn(np.random.default_rng(6), 15, 3, 5)
    runs.append(mixed(np.random.default_rng(7), runs[0], 0.9))
    found = calibrated_pairs(EVERY["cka_debiased"], runs, draws=19)
    for i, j in ((1, 0), (2, 0), (2, 1)):
        alone = calibrated(EVERY["cka_debiased"], runs[i], runs[j], draws=19)
        assert (found.score_RR[i, j], found.raw_RR[j, i]) == alone[:2]
    assert np.isnan(np.diag(found.raw_RR)).all()


@pytest.mark.parametrize(("draws", "alpha"), [(18, 0.05), (19, 0.0), (0, 0.5)])
def test_too_few_orders_to_ever_score_are_refused(draws, alpha):
    x_NF, y_NG = drawn(np.random.default_rng(8), 9, 3, 3)
    with pytest.raises(AbsorbError, match=r"draws=|alpha="):
        calibrated(EVERY["cka"], x_NF, y_NG, draws, alpha)

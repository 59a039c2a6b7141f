import numpy as np
import pytest

from absorb.errors import AbsorbError
from absorb.stats.localisation import localisation, shapley

RNG_LOSS = np.random.default_rng(0).normal(size=(2**4, 3))
SUBSETS = np.arange(2**4)


def test_costs_sum_to_that_of_ablating_all():
    for regions in range(2, 7):
        loss_PC = np.random.default_rng(regions).normal(size=(2**regions, 3))
        assert shapley(loss_PC).sum(axis=0) == pytest.approx(loss_PC[-1] - loss_PC[0])


def test_a_region_costs_its_mean_over_all_orders_of_ablating():
    a, b, both = 1.0, 4.0, 7.0
    assert shapley(np.array([0, a, b, both])) == pytest.approx(
        [(a + both - b) / 2, (b + both - a) / 2]
    )
    third = (SUBSETS[:8] == 7).astype(float)  # only all three together matter
    assert shapley(third) == pytest.approx([1 / 3] * 3)


def test_where_regions_only_add_up_each_costs_what_it_costs_alone():
    cost_G = np.array([0.5, -1.0, 2.0, 0.0])
    loss_P = 3 + (SUBSETS[:, None] >> np.arange(4) & 1) @ cost_G
    assert shapley(loss_P) == pytest.approx(cost_G)


def test_a_region_that_never_matters_costs_nothing():
    dummy_PC = RNG_LOSS[SUBSETS & ~0b100]  # region 2 changes no loss
    assert shapley(dummy_PC)[2] == pytest.approx(0)


def test_regions_that_are_alike_cost_the_same():
    swapped = SUBSETS & 0b1100 | (SUBSETS & 1) << 1 | SUBSETS >> 1 & 1
    cost_GC = shapley(RNG_LOSS + RNG_LOSS[swapped])
    assert cost_GC[0] == pytest.approx(cost_GC[1])
    assert shapley(RNG_LOSS[swapped]) == pytest.approx(shapley(RNG_LOSS)[[1, 0, 2, 3]])


def test_each_concept_lives_where_it_costs_most():
    found = localisation(np.array([[0, 0.0], [3, 0.1], [1, 0.1], [4, 0.2]]), least=0.5)
    assert found.cost_CG == pytest.approx(np.array([[3, 1], [0.1, 0.1]]))
    assert found.home_C.tolist() == [0, -1]  # the second costs less than can be told
    assert found.share_CG[0] == pytest.approx([0.75, 0.25]) and np.isnan(found.share_CG[1]).all()
    entropy = -(0.75 * np.log2(0.75) + 0.25 * np.log2(0.25))
    assert found.entropy_C[0] == pytest.approx(entropy) and np.isnan(found.entropy_C[1])


def test_entropy_runs_from_one_region_to_all_alike_and_alike_is_no_home():
    alone, alike = (SUBSETS & 1).astype(float), (SUBSETS == 15).astype(float)
    found = localisation(np.stack([alone, alike], axis=1), least=0.1)
    assert found.entropy_C == pytest.approx([0, 1], abs=1e-12)
    assert found.home_C.tolist() == [0, -1]


def test_the_home_is_not_known_where_a_loss_is_not_finite():
    found = localisation(np.array([[0.0], [1.0], [np.nan], [2.0]]), least=0.0)
    assert found.home_C.tolist() == [-2] and np.isnan(found.entropy_C).all()
    blocks_PCB = np.zeros((4, 2, 3))
    blocks_PCB[:, 0, 1] = np.nan  # no test data of the concept in one block
    assert localisation(blocks_PCB).home_C.tolist() == [-2, -1]


def test_blocks_that_scatter_do_not_make_a_home():
    rng, housed = np.random.default_rng(3), 0
    for _ in range(100):
        housed += (localisation(rng.normal(size=(8, 4, 8))).home_C >= 0).sum()
    assert housed / 400 < 0.05  # 0.025 expected: one side of a level of 0.95


def test_blocks_that_agree_make_a_home():
    noise_PCE = np.random.default_rng(4).normal(size=(4, 2, 8))
    cost_PC = np.array([[0, 0], [0, 5], [5, 0], [5, 5.0]])
    found = localisation(cost_PC[:, :, None] + 0.1 * noise_PCE)
    assert found.home_C.tolist() == [1, 0]


@pytest.mark.parametrize("shape", [(1, 3), (2, 3), (6, 3), (128, 3), (4,), (4, 3, 2)])
def test_losses_that_are_not_of_all_subsets_are_refused(shape):
    with pytest.raises(AbsorbError, match="loss"):
        localisation(np.zeros(shape), least=0.0)


def test_without_a_least_cost_there_must_be_blocks():
    with pytest.raises(AbsorbError, match="blocks"):
        localisation(np.zeros((4, 3)))

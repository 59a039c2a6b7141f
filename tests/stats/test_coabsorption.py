import numpy as np
import pytest

from absorb.errors import AbsorbError
from absorb.stats.coabsorption import both_apart, co_absorption, permuted


def test_the_same_homes_in_every_run_are_seen():
    home_RC = np.tile([0, 0, 1, 1, 2, 2], (10, 1))
    found = co_absorption(home_RC, draws=200)
    assert found.agreement == pytest.approx(3 / 15)  # three of fifteen pairs, always
    assert found.agreement > found.null_high and found.p < 0.01
    assert found.together_CC[0, 1] == 1 and found.together_CC[0, 2] == 0


def test_what_the_regions_are_called_does_not_matter():
    home_RC = np.tile([0, 0, 1, 1, 2, 2], (10, 1))
    renamed = np.stack(
        [np.random.default_rng(i).permutation(3)[row] for i, row in enumerate(home_RC)]
    )
    assert co_absorption(renamed, draws=50).agreement == co_absorption(home_RC, draws=50).agreement


def test_random_homes_are_called_alike_as_seldom_as_stated():
    rng, said = np.random.default_rng(1), 0
    for trial in range(200):
        home_RC = rng.permuted(np.tile([0, 0, 1, 1, 2, 2], (12, 1)), axis=1)
        said += co_absorption(home_RC, draws=99, seed=trial).p <= 0.05
    assert 1 <= said <= 22  # 10 expected; both ends beyond three standard deviations


def test_a_weak_tendency_is_found_with_many_runs():
    rng = np.random.default_rng(2)
    random_RC = rng.permuted(np.tile([0, 0, 1, 1, 2, 2], (300, 1)), axis=1)
    fixed_RC = np.tile([0, 0, 1, 1, 2, 2], (300, 1))
    mixed_RC = np.where(rng.random((300, 1)) < 0.25, fixed_RC, random_RC)
    assert co_absorption(mixed_RC, draws=200).p < 0.01


def test_concepts_without_a_home_are_not_together():
    found = co_absorption(np.full((4, 3), -1), draws=20)
    assert found.agreement == 0 and found.p == 1


@pytest.mark.parametrize("shape", [(1, 4), (4, 1), (4,)])
def test_too_few_runs_or_concepts_are_refused(shape):
    with pytest.raises(AbsorbError, match="home_RC"):
        co_absorption(np.zeros(shape, int))


def test_the_chance_that_two_different_runs_agree_leaves_each_run_beside_itself_out():
    home_RC = np.random.default_rng(3).integers(0, 3, (6, 7))
    first, second = np.triu_indices(7, 1)
    same_RP = home_RC[:, first] == home_RC[:, second]
    want = np.mean([same_RP[r] & same_RP[s] for r in range(6) for s in range(r)])
    found = co_absorption(home_RC, draws=20).apart
    assert found.value == pytest.approx(want) and found.low < want < found.high


def test_only_pairs_that_stay_together_are_named():
    rng = np.random.default_rng(4)
    home_RC = rng.permuted(np.tile([0, 0, 0, 1, 1, 1], (40, 1)), axis=1)
    home_RC[:, 1] = home_RC[:, 0]
    p_CC = co_absorption(home_RC, draws=199).p_CC
    assert p_CC[0, 1] == p_CC[1, 0] == 1 / 200 and np.isnan(np.diag(p_CC)).all()
    assert np.delete(p_CC, [0, 1], axis=0)[:, 2:][~np.eye(4, dtype=bool)].min() > 0.05


def test_the_null_of_two_different_runs_is_theirs():
    """Against permutations of the very statistic; runs paired with themselves would read higher."""
    home_RC = np.random.default_rng(3).integers(0, 3, (8, 7))
    found = co_absorption(home_RC, draws=4000)
    swapped = permuted(both_apart, home_RC, 4000, seed=1)
    assert found.null_apart == pytest.approx(swapped.mean(), abs=5 * swapped.std() / 60)
    assert found.null_apart < found.null_mean - 0.01

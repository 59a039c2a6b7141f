import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from absorb.errors import AbsorbError
from absorb.stats.coabsorption import co_absorption
from absorb.stats.home_agreement import fleiss_kappa, home_agreement, mean_rand, rand_indices
from absorb.stats.intervals import binomial
from absorb.stats.simulate_paths import homes_world

I_RC, J_RC = np.indices((5, 10))
HOME_RC = (I_RC * J_RC + J_RC**2 + (7 * I_RC + 3 * J_RC) % 5) % 3
TEMPLATE = np.repeat(np.arange(4), 3)


def test_kappa_is_that_of_an_independent_implementation():
    # statsmodels 0.15.0, inter_rater.fleiss_kappa
    assert fleiss_kappa(HOME_RC) == pytest.approx(-0.12815884476534295, abs=1e-12)
    ratings = np.array([[0, 0, 0, 0, 1], [0] * 5, [0, 0, 1, 1, 1]]).T
    assert fleiss_kappa(ratings) == pytest.approx(0.1477272727272728, abs=1e-12)


def test_rand_indices_are_those_of_scikit_learn():
    want = [[adjusted_rand_score(a, b) for a in HOME_RC] for b in HOME_RC]
    assert rand_indices(HOME_RC) == pytest.approx(np.array(want), abs=1e-12)


def test_one_home_in_every_run_is_full_agreement():
    found = home_agreement(np.tile(TEMPLATE, (5, 1)), draws=99)
    for one in (found.kappa, found.rand):
        assert one.value.value == pytest.approx(1) and one.null.p == 0.01
        assert not one.value.bounded and one.value.why == "no scatter between seeds"
        assert one.null.low < 0 < one.null.high < 0.5
    assert found.homeless == 0 and (found.runs, found.concepts) == (5, 12)


def test_renamed_regions_are_another_home_but_the_same_division():
    renamed_RC = np.stack([np.roll(np.arange(4), i)[TEMPLATE] for i in range(4)])
    assert mean_rand(renamed_RC) == pytest.approx(1)
    assert fleiss_kappa(renamed_RC) == pytest.approx(-1 / 3)


def test_a_concept_without_a_home_is_alone():
    alone = HOME_RC[0].copy()
    alone[[2, 7]] = -1
    named = np.where(np.isin(np.arange(10), [2, 7]), 100 + np.arange(10), alone)
    both = rand_indices(np.stack([alone, HOME_RC[1]]))
    assert both[0, 1] == pytest.approx(adjusted_rand_score(named, HOME_RC[1]))


@pytest.mark.parametrize("home", [0, -1])
def test_where_all_have_one_home_or_none_there_is_nothing_to_agree_on(home):
    found = home_agreement(np.full((4, 6), home), draws=9)
    for one in (found.kappa, found.rand):
        assert np.isnan(one.value.value) and one.value.why
    assert found.homeless == (home < 0)


def test_homes_that_are_not_known_are_no_shared_home():
    home_RC = HOME_RC.copy()
    home_RC[:, 3] = -2
    for agreement in (home_agreement, co_absorption):
        with pytest.raises(AbsorbError, match=r"concepts \[3\] are not known"):
            agreement(home_RC, draws=9)


def test_random_homes_agree_by_chance():
    rng = np.random.default_rng(5)
    home_RC = homes_world(rng, 200, TEMPLATE, 4, faithful=0.0)
    assert fleiss_kappa(home_RC) == pytest.approx(0, abs=0.01)
    assert mean_rand(home_RC) == pytest.approx(0, abs=0.01)


def test_a_single_run_is_refused():
    with pytest.raises(AbsorbError, match="home_RC"):
        home_agreement(HOME_RC[:1])


@pytest.mark.slow
def test_kappas_interval_covers_and_its_null_is_seldom_called_agreement():
    rng, missed, said = np.random.default_rng(6), 0, 0
    for trial in range(200):
        found = home_agreement(homes_world(rng, 8, TEMPLATE, 4, 0.6), draws=1).kappa.value
        missed += found.excludes(0.36)
        null = home_agreement(homes_world(rng, 8, TEMPLATE, 4, 0.0), draws=99, seed=trial)
        said += null.kappa.null.p <= 0.05
    assert binomial(missed, 200, 0.999).low <= 0.05
    assert binomial(said, 200, 0.999).low <= 0.05

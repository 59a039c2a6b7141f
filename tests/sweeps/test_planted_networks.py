"""The rows that networks add to `absorb validate`: they say what they are taken to say."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from absorb.cli import main
from absorb.config import Spec
from absorb.knobs import knobs_of
from absorb.measure.ablate import WHOLE, look
from absorb.stats.cases import claims, coverage
from sweeps import planted_networks
from sweeps.app import compose
from sweeps.planted_networks import Task, copied, drawn, network_spec, outputs, region_share, rows

CLAIMS = {claim.name: claim for claim in rows().claims}
CASES = {case.name: case for case in rows().cases}


def test_the_network_is_the_one_that_is_trained():
    task = Task(np.random.default_rng(0))
    params = task.solved()
    single = jax.tree.map(lambda x: jnp.asarray(x, jnp.float32), params)
    spec: Spec = network_spec()
    seen = look(spec, knobs_of(compose(), 10), single, jnp.asarray(task.x_NF, jnp.float32), WHOLE)
    np.testing.assert_allclose(outputs(params, task.x_NF), seen.prediction_BO, rtol=1e-3, atol=1e-3)


def test_both_ends_fit_the_targets():
    task = Task(np.random.default_rng(1))
    first = task.solved()
    for net in (first, task.copy(first), task.solved()):
        assert task.loss(net) < 1e-20
    assert task.loss(drawn(task.rng)) > 0.5


def test_a_copy_is_recovered_to_the_bit_and_was_not_before():
    for seed in range(5):
        before, after = copied(Task(np.random.default_rng(seed)))
        assert after == 0 and before > 0.01


@pytest.mark.parametrize("name", CLAIMS)
def test_every_claim_says_no_on_its_null_and_yes_elsewhere(name):
    assert claims(CLAIMS[name], 5, 10).rate.value == (0 if CLAIMS[name].null else 1)


def test_only_a_matched_copy_is_a_null():
    assert [name for name, claim in CLAIMS.items() if claim.null] == ["barrier, copy, matched"]


def test_regions_that_are_like_the_rest_are_matched_by_chance():
    rng = np.random.default_rng(0)
    share_S = np.array([region_share(rng, split=False) for _ in range(100)])
    assert abs(share_S.mean() - 1 / 3) < 3 * share_S.std() / 10
    assert CASES["R matched with R, unrelated"].truth == 1 / 3


@pytest.mark.slow
def test_the_interval_of_the_region_s_share_covers():
    assert coverage(CASES["R matched with R, unrelated"], 10, 200).rate.value >= 0.895


def test_fixtures_to_all_digits():
    for name, value, wanted in rows().fixtures:
        assert value == pytest.approx(wanted, abs=1e-12), name


@pytest.mark.slow
def test_the_command_prints_the_rows_of_networks_too(capsys):
    assert main(["validate", "1"]) == 0
    said = capsys.readouterr().out
    names = [*CASES, *CLAIMS, *(name for name, _, _ in planted_networks.fixtures())]
    assert all(name in said for name in names)

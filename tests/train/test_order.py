"""The order of the data: every example once an epoch, uniform over positions, by batch or not."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import chisquare

from absorb.config import spec_of
from absorb.knobs import knobs_of
from absorb.train.one import epoch_order, lifted, shuffled, start
from absorb.worlds import load_world, observe
from absorb.worlds.labels import FORGET, UNLABELLED
from sweeps.app import compose


@pytest.mark.parametrize("count", [1, 2, 5, 1000, 4097, 20000])
def test_a_shuffle_holds_every_index_once(count):
    order = np.asarray(shuffled(jax.random.key(3), count))
    np.testing.assert_array_equal(np.sort(order), np.arange(count))


def test_every_order_of_four_is_equally_likely():
    orders = jax.vmap(lambda k: shuffled(k, 4))(jax.random.split(jax.random.key(0), 24000))
    codes = np.asarray(orders) @ np.array([64, 16, 4, 1])
    counts = np.unique(codes, return_counts=True)[1]
    assert len(counts) == 24 and chisquare(counts).pvalue > 1e-3


def order(*overrides: str, epoch: int = 0) -> np.ndarray:
    config = compose(["train.batch=8", *overrides])
    observed_N = jnp.where(jnp.arange(100) < 20, FORGET, UNLABELLED)
    knobs = knobs_of(config, 10)
    return np.asarray(epoch_order(spec_of(config), knobs, observed_N, jnp.int32(epoch)))


def test_epochs_differ_and_only_the_order_seed_moves_them():
    first = order()
    assert first.shape == (12, 8) and len(np.unique(first)) == 96
    assert (first != order(epoch=1)).any()
    np.testing.assert_array_equal(
        first, order("seeds.init=7", "seeds.labels=9", "routing.arm=hard")
    )
    assert (first != order("seeds.order=1")).any()


def test_with_batch_granularity_batches_are_of_one_kind_but_for_the_border():
    kinds = (order("routing=update") < 20).mean(axis=1)
    assert ((kinds > 0) & (kinds < 1)).sum() <= 1
    assert (kinds == 1).sum() == 2
    firsts = {int(np.argmax(order("routing=update", f"seed={s}")[:, 0] < 20)) for s in range(8)}
    assert len(firsts) > 1  # the batches of forget data do not always come first


@pytest.mark.parametrize(
    "until, epochs, routed",
    [(0.3, 100, 30), (0.54, 50, 27), (0.301, 100, 31), (0.25, 3, 1), (0.05, 100, 5), (1, 100, 100),
     (0, 100, 0), (0.5, 0, 0), (1e-5, 10, 1)],
)  # fmt: skip
def test_routing_is_lifted_after_its_share_of_epochs_rounded_up(until, epochs, routed):
    config = compose([f"routing.until={until}", f"train.epochs={epochs}"])
    spec, knobs = spec_of(config), knobs_of(config, 10)
    weights_EO2 = jax.vmap(lambda epoch: lifted(spec, knobs, epoch).weights_O2)(jnp.arange(101))
    routed_E = (np.asarray(weights_EO2) != 1).any((1, 2))
    np.testing.assert_array_equal(routed_E, np.arange(101) < routed)


@pytest.mark.slow
def test_each_seed_moves_its_own_randomness_and_no_other():
    def made(*overrides: str):
        config = compose(
            ["model.widths=[4]", "routing.sites=[hidden0]", "routing.units=1", *overrides]
        )
        spec, knobs = spec_of(config), knobs_of(config, 10)
        kernel = start(spec, knobs).params["chain"]["hidden0"]["kernel"]
        labels = observe(spec, knobs, load_world(config.world).train)
        return np.asarray(kernel), np.asarray(labels), order(*overrides)

    base = made()
    for i, name in enumerate(("init", "labels", "order")):
        moved = [bool((a != b).any()) for a, b in zip(base, made(f"seeds.{name}=7"), strict=True)]
        assert moved == [j == i for j in range(3)], name
    assert all((a != b).any() for a, b in zip(base, made("seed=7"), strict=True))

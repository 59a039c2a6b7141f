"""The peer is the same network: the engine's weights in PyTorch give the engine's logits."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from absorb.config import spec_of
from absorb.models import apply, init
from absorb.routing.kernels import Routes
from absorb.sites import STORY_WORDS
from benchmarks.transformer import TINY, compose_size, step_flops

torch = pytest.importorskip("torch")


def copied(params):
    """PyTorch's parameters by its own names, whose matrices are (outputs, inputs)."""
    found = {"tokens.weight": params["tokens"]["kernel"], "norm.weight": params["norm"]["scale"]}
    found["positions.weight"] = params["positions"]["kernel"]
    found["unembed.weight"] = params["unembed"]["kernel"].T
    for i in range(TINY.layers):
        own = {name[:-1]: leaves for name, leaves in params[f"layer{i}"].items()}
        block = f"blocks.{i}"
        qkv = [own[name]["kernel"] for name in ("query", "key", "value")]
        found[f"{block}.qkv.weight"] = jnp.concatenate(qkv, 1).T
        for name in ("out", "up", "down"):
            found[f"{block}.{name}.weight"] = own[name]["kernel"].T
        for k, name in enumerate(("norm_attention", "norm_mlp")):
            found[f"{block}.norms.{k}.weight"] = own[name]["scale"]
    return {name: torch.from_numpy(np.array(value)) for name, value in found.items()}


@pytest.mark.slow
def test_the_peer_says_what_the_engine_says():
    from benchmarks.torch_transformer import network

    config = compose_size(TINY, "routing=none")
    spec, net = spec_of(config), network(config)
    params = init(spec, jax.random.key(0))
    noise = lambda p: p + 0.1 * jax.random.normal(jax.random.key(p.size), p.shape)  # noqa: E731
    params = jax.tree.map(noise, params)
    net.load_state_dict(copied(params))
    x_BS = np.random.default_rng(0).integers(0, STORY_WORDS, (3, TINY.length + 1))
    routes = Routes(None, jnp.ones(3 * TINY.length), {})
    ours = apply(spec, params, jnp.asarray(x_BS), routes).prediction_BO
    theirs = net(torch.from_numpy(x_BS[:, :-1])).flatten(0, 1).detach().numpy()
    np.testing.assert_allclose(ours, theirs, atol=2e-5)


def test_operations_are_six_per_weight_and_position_and_the_squares():
    layers, width, length = TINY.layers, TINY.width, TINY.length
    weights = layers * (4 * width**2 + 2 * width * 4 * width) + width * STORY_WORDS
    squares = layers * 2 * length * width  # q k' and the shares' mix of v, forward
    per_position = 6 * (weights + squares)
    assert step_flops(TINY) == TINY.batch * length * per_position

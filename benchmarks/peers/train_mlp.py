"""A plain JAX script that trains one activation-routed MLP on digits, as one writes it first.

python train_mlp.py SEED EPOCHS
"""

import json
import sys
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
from sklearn.datasets import load_digits

WIDTHS = (64, 96, 96, 10)
BATCH, UNITS, CONCEPT, FRACTION, RATE = 64, 32, (8, 9), 0.5, 1e-3
SPLIT = 988  # training pictures; the rest is for the test


def load(seed):
    """Pictures, classes, and the route weight of each training picture to the rest."""
    digits = load_digits()
    order = np.random.default_rng(0).permutation(len(digits.data))
    x, y = digits.data[order].astype(np.float32) / 16, digits.target[order]
    forget = np.isin(y[:SPLIT], CONCEPT)
    labelled = forget & (np.random.default_rng(seed).random(SPLIT) < FRACTION)
    return x, y, 1 - labelled.astype(np.float32)


def init(key):
    keys = jax.random.split(key, len(WIDTHS) - 1)
    return [
        (jax.random.normal(k, (i, o)) * i**-0.5, jnp.zeros(o))
        for k, i, o in zip(keys, WIDTHS[:-1], WIDTHS[1:], strict=True)
    ]


def forward(params, x, rest, region):
    """Logits; the region's units are scaled by `region`, the others learn with weight `rest`."""
    mask = jnp.arange(WIDTHS[1]) < UNITS
    for w, b in params[:-1]:
        h = jax.nn.relu(x @ w + b)
        weight = jnp.where(mask, 1.0, rest[:, None])
        h = weight * h + (1 - weight) * jax.lax.stop_gradient(h)
        x = jnp.where(mask, region * h, h)
    return x @ params[-1][0] + params[-1][1]


def loss_of(params, x, y, rest, region=1.0):
    logits = forward(params, x, rest, region)
    return optax.softmax_cross_entropy_with_integer_labels(logits, y).mean()


@partial(jax.jit, donate_argnums=(0, 1))
def epoch(params, state, x, y, rest, order):
    optimizer = optax.adam(RATE)

    def step(carry, index):
        params, state = carry
        gradient = jax.grad(loss_of)(params, x[index], y[index], rest[index])
        updates, state = optimizer.update(gradient, state)
        return (optax.apply_updates(params, updates), state), None

    return jax.lax.scan(step, (params, state), order)[0]


def train(seed, epochs):
    x, y, rest = load(seed)
    params = init(jax.random.key(seed))
    state = optax.adam(RATE).init(params)
    data = (jnp.asarray(x[:SPLIT]), jnp.asarray(y[:SPLIT]), jnp.asarray(rest))
    shuffle = np.random.default_rng(seed + 1)
    for _ in range(epochs):
        order = shuffle.permutation(SPLIT)[: SPLIT // BATCH * BATCH].reshape(-1, BATCH)
        params, state = epoch(params, state, *data, jnp.asarray(order))
    evaluate = jax.jit(loss_of)
    held = np.isin(y[SPLIT:], CONCEPT)
    losses = {}
    for part, rows in {"forget": held, "retain": ~held}.items():
        test_x, test_y = x[SPLIT:][rows], y[SPLIT:][rows]
        for name, region in {"whole": 1.0, "raw": 0.0}.items():
            loss = evaluate(params, test_x, test_y, jnp.ones(len(test_y)), region)
            losses[f"{name}.{part}"] = float(loss)
    Path(f"run-{seed}.json").write_text(json.dumps(losses))
    return losses


if __name__ == "__main__":
    train(int(sys.argv[1]), int(sys.argv[2]))

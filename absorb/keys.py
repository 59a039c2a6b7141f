"""Named randomness: a consumer asks for its role, so adding one reshuffles nobody else."""

import jax

# Append only: a role's place is part of every stored result. No one draws from refit any more.
ROLES = ("init", "order", "labels", "placebo", "std", "false_positive", "false_negative",
         "retain_labels", "batches", "refit", "attack_examples", "attack_init",
         "attack_order", "draws")  # fmt: skip


def key_for(key: jax.Array, role: str, step: int | jax.Array | None = None) -> jax.Array:
    """The key of `role`, and of `step` within it where one is given."""
    key = jax.random.fold_in(key, ROLES.index(role))
    return key if step is None else jax.random.fold_in(key, step)

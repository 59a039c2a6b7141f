"""The machine's ceiling: one large float32 matrix product, by every library that is here."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, PartitionSpec

from benchmarks.timing import Contender
from benchmarks.torch_solo import get_torch


def ceilings(size: int, repeats: int) -> dict[str, Contender]:
    """For each library, so many products of two square matrices; a unit is one operation.

    JAX multiplies a share of the rows on each of its devices.
    """
    rng = np.random.default_rng(0)
    a, b = (rng.standard_normal((size, size), dtype=np.float32) for _ in range(2))
    torch = get_torch()
    ta, tb = torch.from_numpy(a), torch.from_numpy(b)
    ja, jb = jnp.asarray(a), jnp.asarray(b)
    product = sharded_product(size)
    flops = 2.0 * size**3 * repeats

    def repeat(multiply) -> None:
        for _ in range(repeats):
            multiply()

    calls = {
        "NumPy": lambda: a @ b,
        "PyTorch": lambda: ta @ tb,
        "JAX": lambda: product(ja, jb).block_until_ready(),
    }
    return {name: Contender(partial(repeat, call), flops) for name, call in calls.items()}


def sharded_product(size: int):
    """The product as a program over all devices that divide the rows evenly."""
    local = jax.local_devices()
    count = max(n for n in range(1, len(local) + 1) if size % n == 0)
    mesh = Mesh(np.array(local[:count]), ("rows",))
    rows, whole = PartitionSpec("rows"), PartitionSpec()
    return jax.jit(jax.shard_map(jnp.matmul, mesh=mesh, in_specs=(rows, whole), out_specs=rows))


def product_of(size: int, dtype: str) -> Contender:
    """One product of two square matrices by JAX, in a type; a unit is one operation."""
    rng = np.random.default_rng(0)
    a, b = (jnp.asarray(rng.standard_normal((size, size)), dtype) for _ in range(2))
    product = sharded_product(size)
    return Contender(lambda: product(a, b).block_until_ready(), 2.0 * size**3)

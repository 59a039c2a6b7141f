"""Planted truth for loss barriers and matching: rows of `absorb validate` that need a network.

A network here has one hidden layer of random units, and a head that fits random targets exactly. So
both ends of a way have loss 0, whatever the units are.
"""

from collections.abc import Callable, Iterator
from functools import lru_cache

import jax
import numpy as np

from absorb.config import Spec, spec_of
from absorb.measure.barrier import barrier, matched_barrier
from absorb.measure.matching import Masks, match, random_orders, reordered
from absorb.models import Params, init
from absorb.stats.cases import Case, Claim
from absorb.stats.intervals import Interval, mean_t
from absorb.stats.validate import Rows
from sweeps.app import compose

UNITS, REGION, EXAMPLES, POINTS = 24, 8, 16, 9
FREE: Masks = {}  # no region that matching has to keep


@lru_cache(maxsize=1)
def network_spec() -> Spec:
    """A classifier of digits with one hidden layer."""
    words = [f"model.widths=[{UNITS}]", "routing.sites=[hidden0]", f"routing.units={REGION}"]
    return spec_of(compose([*words, "measure=quick"]))


@lru_cache(maxsize=1)
def shapes() -> Params:
    """The shape of every parameter."""
    return jax.eval_shape(lambda: init(network_spec(), jax.random.key(0)))


def drawn(rng: np.random.Generator, split: bool = False) -> Params:
    """Parameters with a random hidden layer and no head yet.

    split: the region reads the first half of the inputs alone, the rest of the units the second,
    and all weights are positive, so that units of one kind alone are alike.
    """
    params = jax.tree.map(lambda leaf: np.zeros(leaf.shape), shapes())
    kernel_FU = rng.standard_normal(params["chain"]["hidden0"]["kernel"].shape)
    if split:
        half = len(kernel_FU) // 2
        kernel_FU = np.abs(kernel_FU)
        kernel_FU[half:, :REGION] = kernel_FU[:half, REGION:] = 0
    params["chain"]["hidden0"]["kernel"] = kernel_FU
    return params


def hidden(params: Params, x_NF: np.ndarray) -> np.ndarray:
    """The units of the hidden layer, (N, U)."""
    layer = params["chain"]["hidden0"]
    return np.maximum(x_NF @ layer["kernel"] + layer["bias"], 0)


def outputs(params: Params, x_NF: np.ndarray) -> np.ndarray:
    """What the network says, (N, O)."""
    return hidden(params, x_NF) @ params["chain"]["out"]["kernel"] + params["chain"]["out"]["bias"]


class Task:
    """Random examples with random targets, and networks that fit them."""

    def __init__(self, rng: np.random.Generator) -> None:
        params = drawn(rng)
        sizes = (params["chain"][name]["kernel"].shape for name in ("hidden0", "out"))
        (inputs, _), (_, answers) = sizes
        self.rng = rng
        self.x_NF = rng.standard_normal((EXAMPLES, inputs))
        self.y_NO = rng.standard_normal((EXAMPLES, answers))

    def solved(self) -> Params:
        """A network that fits the targets, with units of its own."""
        params = drawn(self.rng)
        head = np.linalg.lstsq(hidden(params, self.x_NF), self.y_NO, rcond=None)[0]
        params["chain"]["out"]["kernel"] = head
        return params

    def copy(self, params: Params) -> Params:
        """The same network with its units in a random order."""
        orders = random_orders(network_spec(), params, FREE, self.rng)
        return reordered(network_spec(), params, orders)

    def loss(self, params: Params) -> float:
        """Mean squared error."""
        return float(((outputs(params, self.x_NF) - self.y_NO) ** 2).mean())

    def heights(self, other: Callable[[Params], Params]) -> tuple[float, float]:
        """The barrier between a network and another one, before and after matching."""
        first = self.solved()
        found = matched_barrier(network_spec(), self.loss, first, other(first), points=POINTS)
        return found.before.height, found.after.height


def copied(task: Task) -> tuple[float, float]:
    """Barriers before and after matching between a network and its reordered copy."""
    return task.heights(task.copy)


def independent(task: Task) -> tuple[float, float]:
    """The same between two networks that fit the same targets with units of their own."""
    return task.heights(lambda _: task.solved())


def region_share(rng: np.random.Generator, split: bool) -> float:
    """The share of the region that free matching of two independent networks keeps in it."""
    in_region_U = np.arange(UNITS) < REGION
    (order_U,) = match(network_spec(), drawn(rng, split), drawn(rng, split)).orders.values()
    return float(in_region_U[order_U][in_region_U].mean())


def cases() -> Iterator[Case]:
    """Where matching puts a region that is like any other units, over n pairs."""

    def by_chance(rng: np.random.Generator, n: int) -> Interval:
        return mean_t(np.array([region_share(rng, split=False) for _ in range(n)]))

    yield Case("R matched with R, unrelated", REGION / UNITS, by_chance)


def claims() -> Iterator[Claim]:
    """A barrier before matching, and after it between independent networks alone; of one pair."""
    for name, pair in {"copy": copied, "independent": independent}.items():
        for after in (False, True):

            def above_0(rng: np.random.Generator, _: int, pair=pair, after=after) -> bool:
                return pair(Task(rng))[after] > 0

            null = name == "copy" and after
            yield Claim(f"barrier, {name}, {'matched' if after else 'as is'}", null, above_0)
    yield Claim("R matched with R, inputs of its own", False,
                lambda rng, _: region_share(rng, split=True) == 1)  # fmt: skip


def moved(task: Task, unit: int) -> Params:
    """A network whose only unit is this one: y = relu(x₀) v."""
    params = drawn(task.rng)
    params["chain"]["hidden0"]["kernel"] *= 0
    params["chain"]["hidden0"]["kernel"][0, unit] = 1
    params["chain"]["out"]["kernel"][unit] = 1
    return params


def fixtures() -> Iterator[tuple[str, float, float]]:
    """Closed forms: a parabola on a chord; one unit that stands elsewhere in the other network.

    Then the output is ((1−s)² + s²) y, so the squared error from y is (2s(1−s))² E[y²].
    """
    hump = barrier(lambda x: float(4 * x * (1 - x) + 3 * x), np.float64(0), np.float64(1), POINTS)
    yield "barrier of a parabola", hump.height, 1.0
    task = Task(np.random.default_rng(0))
    first, second = moved(task, 0), moved(task, 1)
    task.y_NO = outputs(first, task.x_NF)
    found = matched_barrier(network_spec(), task.loss, first, second, points=POINTS)
    yield (
        "barrier of a moved unit / E[y²]",
        found.before.height / float((task.y_NO**2).mean()),
        0.25,
    )
    yield "the same, matched", found.after.height, 0.0


def rows() -> Rows:
    """All of them."""
    return Rows(list(cases()), list(claims()), list(fixtures()))

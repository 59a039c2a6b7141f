"""Where the masked update of a small network rests: what many starts lead to, and training too.

Roots of F, the field of the whole training split with weight decay (as the treatment `dynamics` has
it), from `measure.fixed_starts` fresh starts, each tried in two ways: `solver`, straight by least
squares on F, which goes to stable and unstable roots alike and does not follow F; and `flow`, by
the solver from where dθ/dt = −F(θ) leads. Beside them `trained`: the flow from the trained
parameters. On the host and after the program, since scipy's solvers decide as they go.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from functools import lru_cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.flatten_util import ravel_pytree

from absorb.config import Linear, Paths, Spec
from absorb.dynamics.field import Term, field, in_float64, linearised
from absorb.dynamics.network import decay_term, network_terms, whole_split
from absorb.dynamics.roots import Field, Root, distinct, reached, solved
from absorb.dynamics.stability import of_matrix
from absorb.keys import key_for
from absorb.knobs import Knobs
from absorb.models import Params, init
from absorb.train.one import lifted
from absorb.train.step import Batch
from absorb.worlds import given
from absorb.worlds.data import Data

TREATMENT = "fixed_points"
RESIDUAL = 1e-9  # the largest |F| of a root
APART = 1e-5  # of two points, and 1e-6 of two losses, in units of the larger of 1 and their length
LOSSES_APART = 1e-6
NOTHING = 1e-6  # of the slope: what two paths hold at a saddle, of which no share can be told
OF_ROOT = ("loss", "distance", "stable", "unstable", "neutral", "multiplier", "size", "kept")


class Prepared(NamedTuple):
    """A run's knobs as in its last epoch, its whole split, and S + 1 starts, the trained first."""

    knobs: Knobs
    batch: Batch
    start_SP: Array


class Programs(NamedTuple):
    """Of one Spec, with a run as argument: `prepare` in float32, all of θ_P in float64."""

    prepare: Callable
    value: Callable
    jacobian: Callable
    losses: Callable


class Rest(NamedTuple):
    """Where a search ended: the losses of the point by kind of data, and what `OF_ROOT` names.

    All NaN, but for its largest |F|, where that is above `RESIDUAL`.
    """

    root: Root
    losses_T: np.ndarray
    said: dict[str, float]

    @property
    def found(self) -> bool:
        """Whether it is a root."""
        return self.root.residual <= RESIDUAL


def with_fixed_points(spec: Spec, knobs: Knobs, data: Data, params: Params,
                      scores: dict[str, np.ndarray]) -> dict[str, np.ndarray]:  # fmt: skip
    """The scores of R runs with the columns of `searched`, where the treatment is asked for.

    knobs and params have at least R lanes; of more the first R are searched.
    """
    if TREATMENT not in spec.measure.treatments:
        return scores
    runs = len(next(iter(scores.values())))
    lanes, shared = jax.device_get((knobs, params)), jax.device_get(data)
    own = [jax.tree.map(lambda leaf, i=i: np.asarray(leaf)[i], lanes) for i in range(runs)]
    with one_thread():
        found = [searched(spec, knobs, shared, params) for knobs, params in own]
    return scores | {
        f"{TREATMENT}.{name}": np.array([one[name] for one in found], np.float32)
        for name in found[0]
    }


def one_thread() -> AbstractContextManager:
    """LAPACK on one thread: of small matrices many threads are slower, on a busy machine by far."""
    import scipy.linalg  # noqa: F401  which brings a BLAS of its own, that is to be limited too
    from threadpoolctl import threadpool_limits

    return threadpool_limits(1, user_api="blas")


def searched(spec: Spec, knobs: Knobs, data: Data, params: Params) -> dict[str, Any]:
    """Of one run, for `solver` and `flow` the lists of `rest_at` and the counts of `counted`.

    trained.residual: the largest |F| at the trained parameters; trained.*: of the root to which
    the flow leads from there, of which `distance` says how far training stopped.
    """
    made = programs(spec)
    ready = made.prepare(knobs, data, params)
    starts_SP = np.asarray(ready.start_SP, np.float64)
    with jax.enable_x64(True):
        of_run = partial(made.value, *ready[:2]), partial(made.jacobian, *ready[:2])
        on_host = Field(*(lambda at_P, of=of: np.asarray(of(at_P)) for of in of_run))
        at = partial(rest_at, spec, made, ready, on_host, starts_SP[0])
        trained = at(reached(on_host, starts_SP[0]))
        ways = {
            "solver": [at(solved(on_host, start_P)) for start_P in starts_SP[1:]],
            "flow": [at(reached(on_host, start_P)) for start_P in starts_SP[1:]],
        }
        residual = float(np.abs(on_host.value(starts_SP[0])).max())
    found: dict[str, Any] = {f"trained.{name}": value for name, value in trained.said.items()}
    found["trained.residual"] = residual
    for way, rests in ways.items():
        found |= {f"{way}.{name}": [rest.said[name] for rest in rests] for name in OF_ROOT}
        found[f"{way}.residual"] = [rest.root.residual for rest in rests]
        found |= {f"{way}.{name}": value for name, value in counted(rests, trained).items()}
    return found


def rest_at(spec: Spec, made: Programs, ready: Prepared, on_host: Field, trained_P: np.ndarray,
            root: Root) -> Rest:  # fmt: skip
    """What is to be said of a root.

    loss: of the training data. distance: ‖θ − θ_trained‖/max(1, ‖θ_trained‖). stable: 1 where
    no |1 − ηλ| is above 1, λ that count as 0 left out, else 0; unstable, neutral: how many λ have
    Re λ < 0, or count as 0; multiplier max |1 − ηλ|; size max |λ|; NaN where J is not finite.
    kept: of model paths c/(a + c). At a kink all of that is about the side on which the point lies.
    """
    if not root.residual <= RESIDUAL:  # NaN is no root
        return Rest(root, np.full(1, np.nan), dict.fromkeys(OF_ROOT, np.nan))
    jacobian_PP, rate = on_host.jacobian(root.theta_P), float(ready.knobs.learning_rate)
    near = of_matrix(jacobian_PP, (jacobian_PP - jacobian_PP.T) / 2, rate)
    losses_T, kept = map(np.asarray, made.losses(*ready[:2], root.theta_P))
    away = np.linalg.norm(root.theta_P - trained_P) / max(1.0, float(np.linalg.norm(trained_P)))
    known = 1.0 if np.isfinite(near.multiplier) else np.nan  # J may not be finite where F is
    said = {
        "loss": float(losses_T[:-1].sum()),  # without weight decay
        "distance": float(away),
        "stable": known * (rate <= near.rate_bound),
        "unstable": known * near.unstable,
        "neutral": known * near.neutral,
        "multiplier": near.multiplier,
        "size": float(np.abs(near.eigenvalues_P).max()),
        "kept": float(kept),
    }
    return Rest(root, losses_T, said)


def counted(rests: Sequence[Rest], trained: Rest) -> dict[str, float]:
    """Over the starts of one way.

    failed: led to no root. points: distinct roots, so that a line of them, or copies of a network
    with its units in another order, count each. found: distinct ones by their losses on every kind
    of data and weight decay, so that such copies count once. commonest: starts that lead to the
    most frequent of those. as_trained: starts whose root has the losses of the trained one's (NaN
    where that has none).
    """
    roots = [rest for rest in rests if rest.found]
    by_loss = distinct([Root(r.losses_T, r.root.residual) for r in roots], LOSSES_APART)
    return {
        "failed": len(rests) - len(roots),
        "points": len(distinct([r.root for r in roots], APART)),
        "found": len(by_loss),
        "commonest": max(map(len, by_loss), default=0),
        "as_trained": sum(alike(r, trained) for r in roots) if trained.found else np.nan,
    }


def alike(one: Rest, other: Rest) -> bool:
    """Whether two roots have the same losses."""
    pair = [Root(rest.losses_T, 0.0) for rest in (one, other)]
    return len(distinct(pair, LOSSES_APART)) == 1


@lru_cache(maxsize=16)
def programs(spec: Spec) -> Programs:
    """The functions of a Spec, compiled at their first call."""

    def jacobian(knobs: Knobs, batch: Batch, theta_P: Array) -> Array:
        return linearised(flat_terms(spec, knobs, batch), theta_P).jacobian_PP

    return Programs(
        jax.jit(partial(prepared, spec)),
        jax.jit(lambda knobs, batch, at_P: field(flat_terms(spec, knobs, batch), at_P)),
        jax.jit(jacobian),
        jax.jit(partial(losses_at, spec)),
    )


def prepared(spec: Spec, knobs: Knobs, data: Data, params: Params) -> Prepared:
    """A run before its search; outside float64, since a float's width decides what is drawn."""
    knobs = lifted(spec, knobs, jnp.int32(spec.train.epochs - 1))
    batch = whole_split(spec, knobs, given(spec, knobs, data).train)
    starts = [params, *(fresh(spec, knobs, s) for s in range(spec.measure.fixed_starts or 0))]
    return Prepared(knobs, batch, jnp.stack([ravel_pytree(start)[0] for start in starts]))


def fresh(spec: Spec, knobs: Knobs, number: int) -> Params:
    """A fresh initialisation; of model paths, whose own is not random, standard normal factors."""
    key = key_for(jax.random.key(knobs.seed), TREATMENT, number)
    params = init(spec, key)
    if not isinstance(spec.model, Paths):
        return params
    theta_P, back = ravel_pytree(params)
    return back(jax.random.normal(key, theta_P.shape))


def flat_terms(spec: Spec, knobs: Knobs, batch: Batch) -> tuple[Term, ...]:
    """The losses by what is observed, and weight decay as the last, over a flat θ."""
    blank = template(spec)
    terms = network_terms(spec, knobs, blank, batch)
    return in_float64((*terms, decay_term(blank, knobs.weight_decay)), blank).terms


def template(spec: Spec) -> Params:
    """Parameters of this Spec's shapes, all 0."""
    shapes = jax.eval_shape(partial(init, spec), jax.random.key(0))
    return jax.tree.map(lambda leaf: jnp.zeros(leaf.shape), shapes)


def losses_at(spec: Spec, knobs: Knobs, batch: Batch, theta_P: Array) -> tuple[Array, Array]:
    """(every loss, weight decay the last; of model paths c/(a + c), elsewhere NaN as for 0/0)."""
    losses_T = jnp.stack([term.loss(theta_P) for term in flat_terms(spec, knobs, batch)])
    if not isinstance(spec.model, Paths):
        return losses_T, jnp.full((), jnp.nan)
    params = ravel_pytree(template(spec))[1](theta_P)
    rest, region = (jnp.prod(ravel_pytree(params[name])[0]) for name in ("trunk", "module"))
    assert isinstance(spec.world, Linear)
    there = jnp.abs(rest + region) > NOTHING * spec.world.slope
    return losses_T, jnp.where(there, rest / (rest + region), jnp.nan)

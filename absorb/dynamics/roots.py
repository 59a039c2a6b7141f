"""The ways to a root of a field F, which is two functions of a flat θ: itself and its matrix J."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

EVALUATIONS = 200  # of F by one solver
STEPS = 300  # of one flow
NEAR = 0.1  # of the end of a flow, in units of the larger of 1 and its length, is its root
LONG = 1e5  # time that a flow lasts: what contracts slower than 1e-4 is left to the solver


class Field(NamedTuple):
    """F: (P,) to (P,), and its derivative J: (P,) to (P, P), in float64 on the host."""

    value: Callable[[np.ndarray], np.ndarray]
    jacobian: Callable[[np.ndarray], np.ndarray]


class Root(NamedTuple):
    """Where the solver stopped, and the largest |F| there."""

    theta_P: np.ndarray
    residual: float


def solved(field: Field, start_P: np.ndarray, evaluations: int = EVALUATIONS) -> Root:
    """Where least squares on F in a trust region (scipy) stop, at stable roots or unstable ones.

    By singular values, so that J may be singular, as along a line of fixed points, of which it
    finds one. It may also stop at a local minimum of |F| that is no root. NaN: F is not finite.
    """
    from scipy.optimize import least_squares

    exact: dict = {"xtol": 1e-15, "ftol": 1e-15, "gtol": 1e-15, "max_nfev": evaluations}
    try:
        found = least_squares(field.value, start_P, field.jacobian, **exact)  # type: ignore
    except (ValueError, np.linalg.LinAlgError):  # not finite at the start, or a matrix with NaN
        return Root(start_P, np.nan)
    return Root(found.x, float(np.abs(found.fun).max()))


def followed(field: Field, start_P: np.ndarray, steps: int = STEPS) -> np.ndarray:
    """Where dθ/dt = −F(θ), the update of small η, has gone in a time `LONG`, or in `steps` steps.

    By backward differentiation formulae (scipy), which take stiff fields in long steps. A flow that
    slides along a jump of F, such as a kink of a ReLU network, comes to a halt there.
    """
    from scipy.integrate import BDF

    if not np.isfinite(field.value(start_P)).all():
        return start_P
    with np.errstate(over="ignore", invalid="ignore"):
        try:
            flow = BDF(lambda _, at_P: -field.value(at_P), 0.0, start_P, LONG, rtol=1e-3, atol=1e-5,
                       jac=lambda _, at_P: -field.jacobian(at_P))  # fmt: skip
            for _ in range(steps):
                if flow.status != "running":
                    break
                flow.step()
        except (ValueError, RuntimeError):  # a matrix with NaN, or an exactly singular one
            return np.full_like(start_P, np.nan)
    return flow.y


def reached(field: Field, start_P: np.ndarray) -> Root:
    """The root to which the flow from a start leads, found by the solver from the flow's end.

    Where the solver goes farther than `NEAR`, the flow ends at no root: its end, with its |F|.
    """
    end_P = followed(field, start_P)
    root = solved(field, end_P)
    if np.linalg.norm(root.theta_P - end_P) <= NEAR * max(1.0, float(np.linalg.norm(end_P))):
        return root
    return Root(end_P, float(np.abs(field.value(end_P)).max()))


def distinct(roots: Sequence[Root], apart: float) -> list[list[Root]]:
    """Roots in groups of one point each, the least residual first in each and over all.

    A root joins the first group whose first root is not farther than `apart` allows.
    """
    groups: list[list[Root]] = []
    for root in sorted(roots, key=lambda r: r.residual):
        length = max(1.0, float(np.linalg.norm(root.theta_P)))
        near = (
            group for group in groups
            if np.linalg.norm(group[0].theta_P - root.theta_P) <= apart * length
        )  # fmt: skip
        group = next(near, None)
        groups.append([root]) if group is None else group.append(root)
    return groups

"""What mathematics says of the linear worlds: y = (a + c) x, each path a product of D factors.

Kind i of the data has the moment mᵢ = E[x²; kind i] and the route weights (ρᵢ, κᵢ) of region and
rest; R = Σᵢ ρᵢmᵢ and K = Σᵢ κᵢmᵢ are all that the masks leave of it. With slope w and a = ∏ aₖ,
c = ∏ cₖ the field is F = 2(a + c − w)·q with q = (R ∂a/∂aₖ, …, K ∂c/∂cₖ, …). So every point of
a + c = w is a fixed point, whatever the masks. There J = 2qgᵀ, where g is q with both pulls 1.
"""

from typing import NamedTuple

import numpy as np

from absorb.errors import AbsorbError


class LineStability(NamedTuple):
    """A balanced fixed point a + c = w: its one eigenvalue that is not 0, across the line.

    J has rank one, so along the line (of 2D − 1 dimensions) nothing pulls and nothing pushes: what
    was routed decides where on it training comes to rest, and nothing corrects it afterwards.
    curl: ‖A‖/‖J‖ = sin(angle of q and g)/√2. rate_bound: 2/eigenvalue.
    """

    eigenvalue: float
    curl: float
    rate_bound: float


class Start(NamedTuple):
    """How the two paths grow from factors near 0, where depth 2 has a saddle.

    region, rest: growth rates 2wR and 2wK. exponent: their ratio K/R, with which c follows a while
    both are small: c/ε = (a/ε)^exponent, that is 1 − p where p of the data trains the region alone.
    """

    region: float
    rest: float
    exponent: float


def line_stability(kept: float, slope: float, pulls: tuple[float, float],
                   depth: int) -> LineStability:  # fmt: skip
    """The stability of a = w − c, c = `kept`, equal factors within a path; `pulls` = (R, K).

    λ = 2D(R a^(2−2/D) + K c^(2−2/D)): of depth 1 the same on the whole line.
    Errors: AbsorbError where c does not lie in [0, w], or a pull is negative.
    """
    _check(slope, pulls, depth)
    if not 0 <= kept <= slope:
        raise AbsorbError(f"kept={kept}: must lie in [0, {slope}], the slope")
    across_2 = np.array([slope - kept, kept]) ** (1 - 1 / depth)
    g_T = np.repeat(across_2, depth)
    q_T = np.repeat(np.array(pulls) * across_2, depth)
    size = np.linalg.norm(q_T) * np.linalg.norm(g_T)
    eigenvalue = 2 * float(q_T @ g_T)
    curl = np.sqrt(max(size**2 - (q_T @ g_T) ** 2, 0.0) / 2) / size if size > 0 else np.nan
    bound = 2 / eigenvalue if eigenvalue > 0 else np.inf
    return LineStability(eigenvalue, float(curl), bound)


def start_growth(slope: float, pulls: tuple[float, float]) -> Start:
    """The growth rates at the saddle of depth 2, from J = −2w·[[0, R], [R, 0]] and with K for R.

    Errors: AbsorbError where a pull is negative; exponent NaN where nothing pulls the region.
    """
    _check(slope, pulls, 2)
    region, rest = 2 * slope * pulls[0], 2 * slope * pulls[1]
    return Start(region, rest, rest / region if region > 0 else np.nan)


def kept_from_zero(slope: float, pulls: tuple[float, float]) -> float:
    """Where depth 1 comes to rest from zero: c = w K/(R + K), since R·c − K·a never changes.

    With p of the data training the region alone that is w(1 − p)/(2 − p), the null of credit.
    """
    _check(slope, pulls, 1)
    total = pulls[0] + pulls[1]
    return slope * pulls[1] / total if total > 0 else np.nan


def _check(slope: float, pulls: tuple[float, float], depth: int) -> None:
    if not slope > 0:
        raise AbsorbError(f"slope={slope}: must be positive")
    if not min(pulls) >= 0:
        raise AbsorbError(f"pulls={pulls}: must not be negative")
    if depth < 1:
        raise AbsorbError(f"depth={depth}: must be at least 1")

"""What the kept part would keep if nothing absorbed: credit sharing in linear models.

A linear model ŷ = (A + C)·x has a routed path A that sees all of the concept's data and a kept path
C that sees only the unlabelled part, 1 − p of it. Both start from nothing and learn the same
residual, so they share the credit, although no feature reinforces itself.
"""

import numpy as np

LINKS = ("linear", "squared", "convex")


def credit_share_depth1(p: float | np.ndarray, rho: float | np.ndarray = 1.0) -> np.ndarray:
    """K's share of the credit with linear paths: ρ(1−p)/(1+ρ(1−p)); ρ = ∞ gives 1 for p < 1.

    `p` is the label fraction, `rho` the ratio of K's learning rate to R's.
    """
    unlabelled, rho = np.broadcast_arrays(1.0 - np.asarray(p, float), np.asarray(rho, float))
    with np.errstate(invalid="ignore"):
        odds = np.where(unlabelled == 0, 0.0, rho * unlabelled)
        return np.where(np.isposinf(odds), 1.0, odds / (1.0 + odds))


def credit_share_depth2(p: float, eps: float, w: float = 1.0) -> float:
    """K's share C/w with two-factor paths: the root of C = ε((w−C)/ε)^(1−p), about (ε/w)^p.

    `eps` is the strength of each path at the start, `w` the target; 0 < eps < w.
    """
    from scipy.optimize import brentq

    if p >= 1:
        return eps / w

    def gap(c: float) -> float:
        return c - eps * ((w - c) / eps) ** (1.0 - p)

    return float(brentq(gap, 0.0, w, xtol=1e-15)) / w  # type: ignore[arg-type]


def fit_rho(share_at_0: float) -> float:
    """The learning-rate ratio ρ that explains K's share without any labels: s/(1−s).

    ∞ where K already keeps everything (share ≥ 1), NaN where it keeps nothing (share ≤ 0): then
    no ratio explains the share.
    """
    if share_at_0 >= 1:
        return float("inf")
    return share_at_0 / (1.0 - share_at_0) if share_at_0 > 0 else float("nan")


def null_share(share_at_0: float, p: float | np.ndarray, link: str = "linear") -> np.ndarray:
    """The kept share that credit sharing alone predicts at label fraction p.

    `share_at_0` is the kept share measured without labels, from which ρ is fitted. Credit is a
    share of the *function*; what is measured is a share of the *loss*, and the link between the two
    decides the null:

    - "linear": the loss share is the credit share. True of a share of outputs, not of losses.
    - "squared": loss = (1 − credit)², so loss share = 1 − (1 − credit)². Exact for squared error.
    - "convex": 1 − (1 − share_at_0)^(1−p), the limit of (1 − credit)^k for large k. It lies below
      the null of every finite k ≥ 1, so it is the safe choice for a convex loss of unknown shape,
      such as cross-entropy.
    """
    p = np.asarray(p, float)
    s0 = min(share_at_0, 1.0)
    if not s0 > 0:
        return np.full(p.shape, np.nan)
    if link == "linear":
        return credit_share_depth1(p, fit_rho(s0))
    if link == "squared":
        credit_0 = 1.0 - np.sqrt(1.0 - s0)
        return 1.0 - (1.0 - credit_share_depth1(p, fit_rho(credit_0))) ** 2
    if link == "convex":
        return 1.0 - (1.0 - s0) ** (1.0 - p)
    raise ValueError(f"link is {link!r}; choose one of {', '.join(LINKS)}")

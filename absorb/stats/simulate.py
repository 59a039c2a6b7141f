"""Simulated experiments with a known answer, on which the statistics are tried before use."""

from typing import NamedTuple

import numpy as np

from absorb.stats.nulls import credit_share_depth1, credit_share_depth2

P_P = np.array([0.0, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0])
FORGET_COUNT = 800


class Linear(NamedTuple):
    """Squared losses of linear networks with K ablated from them, one row per seed.

    `m_SP` is the forget loss with R ablated, `never_S` and `whole_S` of networks that never and
    always saw the concept, `placebo_SP` like `m_SP` with labels that mean nothing.
    """

    m_SP: np.ndarray
    placebo_SP: np.ndarray
    never_S: np.ndarray
    whole_S: np.ndarray


def linear_world(
    rng: np.random.Generator, seeds: int, depth: int = 1, noise: float = 0.02, rho: float = 1.0
) -> Linear:
    """Linear networks of depth 1 (nothing absorbs) or 2 (a strong path takes all), squared error.

    K's share C is the exact null; the loss is (w − C)² with w = 1 at a floor of 0.1. Seeds differ
    in ρ by a tenth (log-normal), in the worth of the concept by a twentieth and in a level shared
    by all their arms; every measured loss has `noise` of its own.
    """
    rho_S1 = rho * np.exp(0.1 * rng.standard_normal((seeds, 1)))
    worth_S1 = 1 + 0.05 * rng.standard_normal((seeds, 1))
    level_S1 = 0.1 + 0.02 * rng.standard_normal((seeds, 1))
    kept_SP = credit_share_depth1(P_P, rho_S1)
    unlabelled_S1 = kept_SP[:, :1]
    if depth == 2:
        share_P = np.array([credit_share_depth2(p, 0.001) for p in P_P])
        kept_SP = share_P * unlabelled_S1 / unlabelled_S1.mean()
    shown_SQ = np.concatenate(
        [kept_SP, np.repeat(unlabelled_S1, len(P_P), axis=1), 0 * rho_S1, 0 * rho_S1 + 1], axis=1
    )
    loss_SQ = (
        level_S1 + worth_S1 * (1 - shown_SQ) ** 2 + noise * rng.standard_normal(shown_SQ.shape)
    )
    k = len(P_P)
    return Linear(loss_SQ[:, :k], loss_SQ[:, k : 2 * k], loss_SQ[:, -2], loss_SQ[:, -1])


def loss_law(n: np.ndarray | float) -> np.ndarray:
    """A smooth law of held-out forget loss against the number of forget examples."""
    return 0.2 + 2.0 * (1 + np.asarray(n, float) / 40) ** -0.7


class Doses(NamedTuple):
    """The std arm and one other arm whose true equivalent dose is known."""

    std_SG: np.ndarray
    route_S: np.ndarray


def dose_world(
    rng: np.random.Generator, seeds: int, n_G: np.ndarray, n_eq: float, noise: float = 0.03
) -> Doses:
    """Losses on the law, with a level that all arms of a seed share and noise of each network."""
    level_S1 = 0.05 * rng.standard_normal((seeds, 1))
    mean_Q = loss_law(np.append(n_G, n_eq))
    loss_SQ = mean_Q + level_S1 + noise * rng.standard_normal((seeds, len(mean_Q)))
    return Doses(loss_SQ[:, :-1], loss_SQ[:, -1])

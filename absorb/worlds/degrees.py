"""How much of the concept a token has, as labelled stories tell it: a degree q in [0, 1].

Inside the compiled program and for each lane: the tokens (N, S) are shared, the labels are not.
Counts are scattered into the vocabulary, so that no one-hot of all tokens ever exists.
"""

from typing import TYPE_CHECKING, NamedTuple

import jax
import jax.numpy as jnp

if TYPE_CHECKING:
    from jax import Array


class Evidence(NamedTuple):
    """What a word says for its story being labelled: log(P(v | labelled) / P(v | rest)), (V,).

    `prior` is the log odds of a story's being labelled, infinite where none or all are.
    """

    log_ratio_V: "Array"
    prior: "Array"


def counts(x_NS: "Array", chosen_N: "Array", vocabulary: int) -> "Array":
    """How often each token occurs in the chosen stories, (V,)."""
    weight_NS = jnp.broadcast_to(chosen_N[:, None].astype(jnp.float32), x_NS.shape)
    return jnp.zeros(vocabulary).at[x_NS].add(weight_NS)


def frequency(x_NS: "Array", labelled_N: "Array", rest_N: "Array", vocabulary: int,
              threshold: float = 4.0, temperature: float = 0.5,
              smoothing: float = 1.0) -> "Array":  # fmt: skip
    """Degree of each token id, (V,): the sigmoid of (log r - log threshold) / temperature.

    r is the token's frequency in labelled stories over that in the rest (Cloud et al. 2024, section
    on TinyStories). Each token has `smoothing` occurrences more, shared between both sides like all
    tokens, so that one never seen has r = 1. A token as frequent in both has the degree
    1 / (1 + threshold ** (1 / temperature)). Where nothing is labelled every degree is 0, and
    where there is no rest, 1.
    """
    labelled_V, rest_V = (counts(x_NS, n, vocabulary) for n in (labelled_N, rest_N))
    share = labelled_V.sum() / jnp.maximum(labelled_V.sum() + rest_V.sum(), 1)
    own_V, other_V = labelled_V + smoothing * share, rest_V + smoothing * (1 - share)
    log_r_V = jnp.log(own_V) - jnp.log(other_V) - jnp.log(share) + jnp.log1p(-share)
    q_V = jax.nn.sigmoid((log_r_V - jnp.log(threshold)) / temperature)
    return jnp.where(share == 0, 0.0, jnp.where(share == 1, 1.0, q_V))


def evidence(x_NS: "Array", labelled_N: "Array", rest_N: "Array", vocabulary: int) -> Evidence:
    """Multinomial naive Bayes over the words of stories, one occurrence of each word added."""
    log_p = [
        jnp.log(c_V + 1) - jnp.log(c_V.sum() + vocabulary)
        for c_V in (counts(x_NS, n, vocabulary) for n in (labelled_N, rest_N))
    ]
    prior = jnp.log(labelled_N.sum()) - jnp.log(rest_N.sum())
    return Evidence(log_p[0] - log_p[1], prior)


def classified(of: Evidence, x_BS: "Array", reach: int = 4) -> "Array":
    """Degree of each token, (B, S): P(labelled | the words at most `reach` places from it).

    The window is read as a story of its own, sum of log ratios plus prior: labels are of stories,
    but a concept is in some of their sentences, and nine words are about a sentence. What bags of
    words do not mark, as the traits of the world stories, stays at the rate of labels. The words
    after a token count too: the trainer has read the story, though the network has not.
    """
    ratio_BS = jnp.pad(of.log_ratio_V[x_BS], ((0, 0), (reach, reach)))
    length = x_BS.shape[1]
    window_BS = sum(ratio_BS[:, i : i + length] for i in range(2 * reach + 1))
    return jax.nn.sigmoid(window_BS + of.prior)

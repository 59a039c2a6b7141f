"""What every world delivers: examples with known classes, split three ways."""

from typing import NamedTuple

import numpy as np


class Tags(NamedTuple):
    """Which concepts each token carries: bit c of a byte is concept c.

    token_NS: the token itself does. span_NS: so does a token of its span (its sentence).
    S = T + 1: a story of T predictions has one token more.
    """

    token_NS: np.ndarray
    span_NS: np.ndarray


class Split(NamedTuple):
    """N examples: inputs, classes, and covariates standardised over the training split.

    In worlds of tokens x_NF is (N, S), whole numbers below the vocabulary; `class_N` has bit c
    where a token of the story carries concept c; `tags` says which. `shown_N`: which examples an
    attack may use; None: all.
    """

    x_NF: np.ndarray
    class_N: np.ndarray
    covariates: dict[str, np.ndarray]
    tags: Tags | None = None
    shown_N: np.ndarray | None = None


class Data(NamedTuple):
    """A world's examples; for the world `linear` the target is the input times its slope."""

    train: Split
    validation: Split
    test: Split


def split_three(x_NF: np.ndarray, class_N: np.ndarray, counts: tuple[int, int, int],
                seed: int) -> Data:  # fmt: skip
    """Examples shuffled by `seed` and cut into (train, validation, test) of the given counts."""
    order = np.random.default_rng(seed).permutation(len(x_NF))[: sum(counts)]
    cuts = np.split(order, np.cumsum(counts)[:2])
    ink_N = x_NF.mean(axis=1)
    center, scale = ink_N[cuts[0]].mean(), ink_N[cuts[0]].std()
    covariates = {"ink": ((ink_N - center) / scale).astype(np.float32)}
    return Data(*(
        Split(x_NF[cut].astype(np.float32), class_N[cut].astype(np.int32),
              {name: z_N[cut] for name, z_N in covariates.items()})
        for cut in cuts
    ))  # fmt: skip

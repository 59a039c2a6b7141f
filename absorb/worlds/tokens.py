"""What worlds of tokens share."""

import numpy as np

from absorb.worlds.data import Split


def standardised(parts: list[Split]) -> list[Split]:
    """The splits with covariates of mean 0 and variance 1 over the first, the training split.

    A covariate without variance there becomes 0 everywhere.
    """
    train = parts[0].covariates
    moments = {name: (z_N.mean(), z_N.std()) for name, z_N in train.items()}
    return [
        part._replace(covariates={
            name: np.where(scale > 0, (part.covariates[name] - mean) / (scale or 1.0), 0.0)
            .astype(np.float32)
            for name, (mean, scale) in moments.items()
        })
        for part in parts
    ]  # fmt: skip

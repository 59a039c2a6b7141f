"""What is asked of networks that route two features to one dimension: each measure over runs."""

from typing import NamedTuple

import numpy as np

from absorb.stats.intervals import Interval, mean_t, undefined
from absorb.stats.pairing import (
    loss_excess,
    pair_rates,
    pair_shape,
    partners_of,
    region_shares,
)
from absorb.stats.toy_exact import pairing_rate
from figures.panels import Axis


class Networks(NamedTuple):
    """Trained networks of one setting, and which features are asked about.

    `pair` is the concept; `twins` are correlated with it and never labelled, `others` neither.
    `unrouted_R` are losses of unrouted networks of the same world.
    """

    w_RMF: np.ndarray
    loss_R: np.ndarray
    unrouted_R: np.ndarray
    units: int
    pair: tuple[int, int]
    twins: tuple[int, ...]

    @property
    def others(self) -> tuple[int, ...]:
        """The features that nothing ties to the concept."""
        features = self.w_RMF.shape[2]
        return tuple(i for i in range(features) if i not in (*self.pair, *self.twins))


SHARE = (-0.04, 1.06)
AXES = {
    "rate": Axis("rate of antipodal pair", SHARE),
    "parallel": Axis("rate of parallel pair", SHARE),
    "cosine": Axis("cosine", (-1.08, 1.08), rule=0.0),
    "dimensionality": Axis("dimensionality D", SHARE, rule=0.5),
    "region": Axis("share of the pair\nin the region", SHARE),
    "twins": Axis("share of twins\nin the region", SHARE),
    "others": Axis("share of others\nin the region", SHARE),
    "loss": Axis("loss excess", log=True),
}


def measured(networks: Networks) -> dict[str, Interval]:
    """Every measure in `AXES`: the pair's rate and shape, where features lie, and the loss."""
    shape = pair_shape(networks.w_RMF, *networks.pair, networks.units)
    share_RF = region_shares(networks.w_RMF, networks.units)
    return {
        "rate": pair_rates(partners_of(networks.w_RMF), *networks.pair).pair,
        "parallel": shape.parallel,
        "cosine": shape.cosine,
        "dimensionality": shape.dimensionality,
        "region": shape.region,
        "twins": mean_share(share_RF, networks.twins),
        "others": mean_share(share_RF, networks.others),
        "loss": loss_excess(networks.loss_R, networks.unrouted_R),
    }


def mean_share(share_RF: np.ndarray, features: tuple[int, ...]) -> Interval:
    """These features' share in the region, a mean over runs."""
    if not features:
        return undefined(0, "no such feature")
    return mean_t(share_RF[:, list(features)].mean(axis=1))


def null_rate(features: int, twins: int) -> float:
    """Random matching of the pair: 1/(2m−1); 1/(2m−2) where twins, active together, never pair.

    Only where each feature of the pair has a twin of its own.
    """
    return pairing_rate(features // 2) if not twins else 1 / (features - 2)

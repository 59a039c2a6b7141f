"""What is a masked update of fixed losses, and what is small enough for its matrix or its roots."""

from typing import Any

from absorb.config import Config, Spec, spec_of
from absorb.errors import AbsorbError
from absorb.footprint import parameters
from absorb.sites import of_tokens, site_widths

MOST_PARAMETERS = 2000  # its eigenvalues take half a minute of one core, and 100 MB
MOST_SEARCHED = 200  # a run of 4 starts then takes up to a minute of one core, without progress


def check_dynamics(config: Config) -> None:
    """Refuse `dynamics` and `fixed_points` where they mean nothing or cost too much."""
    asked, starts = config.measure.treatments, config.measure.fixed_starts
    if (starts is None) != ("fixed_points" not in asked):
        raise AbsorbError(
            f"measure.fixed_starts={'null' if starts is None else starts}: must be at least 1 "
            "where measure.treatments has fixed_points, and null where it has not"
        )
    for name, most in (("dynamics", MOST_PARAMETERS), ("fixed_points", MOST_SEARCHED)):
        if name in asked:
            _of_the_update(config, name, most)


def _of_the_update(config: Config, treatment: str, most: int) -> None:
    check_maskable(config)
    if config.rival.kind != "none":
        raise AbsorbError(
            f"rival.kind={config.rival.kind!r}: measure.treatments has {treatment}, which is about "
            "the update of training; it needs rival.kind=none"
        )
    count = parameters(spec_of(config))
    if count > most:
        raise AbsorbError(
            f"measure.treatments: {treatment} forms a matrix of all parameters, and this network "
            f"has {count}; must be at most {most}"
        )


def check_maskable(spec: Spec) -> None:
    """Refuse what is no sum of masked gradients of fixed losses. Errors: AbsorbError."""
    routing, train = spec.routing, spec.train
    if of_tokens(spec.world):
        raise AbsorbError(
            f"world.kind={spec.world.kind!r}: must be of examples, since a token's error reaches "
            "parameters through other positions under those positions' weights"
        )
    if routing.mechanism == "activation" and not upstream_is_own(spec):
        raise AbsorbError(
            "routing.mechanism='activation': must be parameter, update or none unless "
            "routing.placement=parallel or the one cut site is the first of the network (and no "
            "weights are tied), since all that is upstream of a unit feels its weight"
        )
    for name in ("l1_region", "l1_rest", "correlation", "ablate_every"):
        if getattr(train, name):
            raise AbsorbError(f"train.{name}: must be 0, so that the losses are those of the data")


def upstream_is_own(spec: Spec) -> bool:
    """Whether all that is upstream of a routed unit belongs to it alone, so that a mask says it."""
    if spec.routing.placement == "parallel":
        return True
    model: Any = spec.model
    first = next(iter(site_widths(model)))
    return spec.routing.sites == (first,) and not getattr(model, "tied", False)

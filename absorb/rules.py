"""What may not go together in one config, refused before any work."""

from absorb.config import Autoencoder, Config, Digits, Linear, Mlp, Paths
from absorb.errors import AbsorbError
from absorb.sites import site_widths


def check_together(config: Config) -> None:
    """Raise AbsorbError, naming key, value and bound, where values contradict each other."""
    for rule in (
        _splits,
        _world_fits_model,
        _sites,
        _region_fits,
        _weights,
        _granularity,
        _classes,
        _attacks,
    ):
        rule(config)


def _splits(config: Config) -> None:
    world = config.world
    if isinstance(world, Digits) and world.validation + world.test > 0.8:
        share = world.validation + world.test
        raise AbsorbError(f"world.validation + world.test = {share:g}: must be at most 0.8")


def _world_fits_model(config: Config) -> None:
    if isinstance(config.world, Linear) != isinstance(config.model, Paths):
        raise AbsorbError(
            f"model.kind={config.model.kind!r}: world.kind={config.world.kind!r} needs "
            f"{'paths' if isinstance(config.world, Linear) else 'mlp or autoencoder'}"
        )
    if isinstance(config.model, Paths) and config.routing.placement != "parallel":
        raise AbsorbError(
            f"routing.placement={config.routing.placement!r}: model paths needs parallel"
        )
    certified = isinstance(config.model, Autoencoder) and config.model.certificates
    if certified and (config.routing.placement != "slice" or config.routing.sites != ("latent",)):
        raise AbsorbError(
            "model.certificates=true: needs routing.placement=slice and routing.sites=[latent]"
        )


def _sites(config: Config) -> None:
    known = site_widths(config.model)
    for site in config.routing.sites:
        if site not in known:
            raise AbsorbError(f"routing.sites: {site!r} must be one of {', '.join(known)}")
    if len(set(config.routing.sites)) < len(config.routing.sites):
        raise AbsorbError(f"routing.sites={list(config.routing.sites)!r}: names a site twice")


def _region_fits(config: Config) -> None:
    if config.routing.placement != "slice":
        return
    widths = site_widths(config.model)
    for site in config.routing.sites:
        if config.routing.units >= widths[site]:
            raise AbsorbError(
                f"routing.units={config.routing.units}: must be smaller than site {site}, "
                f"which has {widths[site]} units"
            )


def _weights(config: Config) -> None:
    if config.routing.allow_negative:
        return
    for name in ("forget", "unlabelled", "retain"):
        weights = getattr(config.routing.weights, name)
        if min(weights) < 0:
            raise AbsorbError(
                f"routing.weights.{name}={list(weights)!r}: must lie in [0, 1] "
                "unless routing.allow_negative=true"
            )


def _granularity(config: Config) -> None:
    if config.routing.mechanism == "update" and config.routing.granularity != "batch":
        raise AbsorbError(
            f"routing.granularity={config.routing.granularity!r}: "
            "routing.mechanism=update decides once per step and needs batch"
        )


def _classes(config: Config) -> None:
    classes = 1 if isinstance(config.world, Linear) else 10
    worst = max(config.routing.concept)
    if worst >= classes:
        raise AbsorbError(f"routing.concept: {worst} must lie in [0, {classes - 1}]")
    if len(set(config.routing.concept)) >= classes > 1 and isinstance(config.model, Mlp):
        raise AbsorbError("routing.concept: names every class, so that nothing is retained")


def _attacks(config: Config) -> None:
    steps, asked = config.measure.attack_steps, set(config.measure.treatments)
    if steps % 4:
        raise AbsorbError(f"measure.attack_steps={steps}: must be a multiple of 4, its checkpoints")
    attacked = asked & {"calibrated", "refit", "elicited"}
    if attacked and getattr(config.model, "separate_decoders", False):
        raise AbsorbError(
            f"measure.treatments: {min(attacked)} does not know which of two decoders to use; "
            "model.separate_decoders=true allows whole, raw and mean"
        )
    if attacked and isinstance(config.model, Paths):
        raise AbsorbError(
            f"measure.treatments: {min(attacked)} needs retain data, and world linear has none; "
            "it allows whole, raw and mean"
        )
    if isinstance(config.model, Paths) and config.model.depth > 1 and config.model.strength == 0:
        raise AbsorbError(
            f"model.strength=0: must be above 0 at model.depth={config.model.depth}, "
            "since a product that starts at zero never trains"
        )

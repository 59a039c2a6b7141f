"""What may not go together in one config, refused before any work."""

from absorb.config import (
    Autoencoder,
    Config,
    Digits,
    Linear,
    Mlp,
    Pair,
    Paths,
    Sparse,
    Toy,
)
from absorb.dynamics_rules import check_dynamics
from absorb.errors import AbsorbError
from absorb.feature_rules import check_features
from absorb.measure_rules import check_measures
from absorb.mechanics_rules import check_mechanics
from absorb.sites import classes, of_tokens, site_widths
from absorb.token_rules import allowed, check_tokens, check_transformer


def check_together(config: Config) -> None:
    """Raise AbsorbError, naming key, value and bound, where values contradict each other."""
    for rule in (
        _splits,
        _world_fits_model,
        _sites,
        _region_fits,
        _weights,
        _granularity,
        _labels,
        _two_decoders,
        _penalties,
        _mechanism,
        _classes,
        _groups,
        _toy,
        check_features,
        check_transformer,
        check_tokens,
        check_measures,
        _rival,
        check_mechanics,
        check_dynamics,
    ):
        rule(config)


def _splits(config: Config) -> None:
    world = config.world
    if isinstance(world, Digits | Pair) and world.validation + world.test > 0.8:
        share = world.validation + world.test
        raise AbsorbError(f"world.validation + world.test = {share:g}: must be at most 0.8")


MODELS_FOR = {
    "linear": ("paths",),
    "feature_pair": ("autoencoder",),
    "sparse": ("toy",),
    "stories": ("transformer",),
    "story_pair": ("transformer",),
    "text": ("transformer",),
}  # other worlds: any of the rest


def _world_fits_model(config: Config) -> None:
    world, model = config.world.kind, config.model.kind
    fits = MODELS_FOR.get(world, ("mlp", "autoencoder"))
    if model not in fits:
        raise AbsorbError(f"model.kind={model!r}: world.kind={world!r} needs {' or '.join(fits)}")
    if isinstance(config.model, Paths) and config.routing.placement != "parallel":
        raise AbsorbError(
            f"routing.placement={config.routing.placement!r}: model paths needs parallel"
        )
    if isinstance(config.model, Paths) and config.model.depth > 1 and config.model.strength == 0:
        raise AbsorbError(
            f"model.strength=0: must be above 0 at model.depth={config.model.depth}, "
            "since a product that starts at zero never trains"
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
    widths, routes = site_widths(config.model), config.routing.mechanism != "none"
    for site in config.routing.sites:
        # without adapters or experts there still is a network
        whole = "adapter" in site or "experts" in site or not routes
        if config.routing.units >= widths[site] + whole:
            raise AbsorbError(
                f"routing.units={config.routing.units}: must be "
                f"{'at most' if whole else 'smaller than'} site {site}, "
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


def _labels(config: Config) -> None:
    routing = config.routing
    if routing.granularity == "class" and routing.covariate != "none":
        raise AbsorbError(
            f"routing.covariate={routing.covariate!r}: says which examples are labelled; "
            "routing.granularity=class labels whole classes and needs none"
        )
    if routing.false_negative == 1 and routing.label_fraction > 0:
        raise AbsorbError(
            f"routing.false_negative=1: takes every label of routing.label_fraction="
            f"{routing.label_fraction:g} away; must be below 1"
        )


def _two_decoders(config: Config) -> None:
    arm, p = config.routing.arm, config.routing.label_fraction
    if not getattr(config.model, "separate_decoders", False):
        return
    if arm not in ("route", "hard", "capacity") or p == 0:
        raise AbsorbError(
            f"routing.arm={arm!r}, routing.label_fraction={p:g}: model.separate_decoders=true "
            "trains a decoder on labelled examples of the concept alone; it needs "
            "routing.arm=route, hard or capacity, and a label fraction above 0"
        )


def _penalties(config: Config) -> None:
    if config.routing.placement != "parallel":
        return
    for name in ("l1_rest", "correlation"):
        if value := getattr(config.train, name):
            raise AbsorbError(
                f"train.{name}={value:g}: acts on units of a site that are not the region's, and "
                "routing.placement=parallel has none; must be 0"
            )


def _mechanism(config: Config) -> None:
    routing = config.routing
    if routing.mechanism != "none":
        return
    if routing.arm not in ("capacity", "rival"):
        raise AbsorbError(
            f"routing.arm={routing.arm!r}: routing.mechanism=none routes nothing, so it needs "
            "routing.arm=capacity or rival"
        )
    labels_act = config.gate.kind == "hard" or len(set(routing.keep)) > 1
    if labels_act and isinstance(config.world, Sparse):
        raise AbsorbError(
            f"gate.kind={config.gate.kind!r}, routing.keep={list(routing.keep)!r}: need labels, "
            "and routing.mechanism=none draws none in world sparse"
        )


def _classes(config: Config) -> None:
    known = classes(config.world)
    worst = max(config.routing.concept)
    if worst >= known:
        raise AbsorbError(f"routing.concept: {worst} must lie in [0, {known - 1}]")
    everything = len(set(config.routing.concept)) >= known > 1
    if everything and isinstance(config.model, Mlp | Toy):
        raise AbsorbError("routing.concept: names every class, so that nothing is retained")


def _groups(config: Config) -> None:
    world = config.world
    if not isinstance(world, Sparse) or world.structure == "independent":
        return
    if world.features % world.group:
        raise AbsorbError(f"world.group={world.group}: must divide world.features={world.features}")
    if world.structure == "groups" and world.active * world.group > 1 + 1e-6:
        raise AbsorbError(
            f"world.active={world.active:g}: must be at most 1 / world.group = "
            f"{1 / world.group:g}, since one member of a group at most is active"
        )


TOY_NEEDS = {
    "routing.placement": ("slice",),
    "routing.mechanism": ("none", "activation", "parameter"),
    "routing.granularity": ("example", "component"),
    "routing.covariate": ("none",),
    "gate.kind": ("none", "hard"),
    "train.loss": ("task",),
}


def _toy(config: Config) -> None:
    if not isinstance(config.model, Toy):
        if config.routing.granularity == "component" and not of_tokens(config.world):
            raise AbsorbError(
                "routing.granularity='component': loss components are routed in model toy and in "
                "worlds of tokens"
            )
        return
    allowed(config, "model toy", TOY_NEEDS)
    asked = set(config.measure.treatments)
    fitted = {"calibrated", "elicited"} & asked
    if fitted and config.routing.granularity == "component":
        raise AbsorbError(
            f"measure.treatments: {min(fitted)} needs examples without the concept, and every one "
            "has its loss components; routing.granularity=component allows whole, raw and mean"
        )
    if fitted and config.world.active == 1:  # type: ignore[union-attr]
        raise AbsorbError(
            f"measure.treatments: {min(fitted)} needs examples without the concept, and at "
            "world.active=1 there are none"
        )
    noisy = config.routing.false_positive or config.routing.arm == "placebo"
    if noisy and config.routing.granularity == "component":
        raise AbsorbError(
            f"routing.arm={config.routing.arm!r}, routing.false_positive="
            f"{config.routing.false_positive:g}: every example has the concept's loss components, "
            "so routing.granularity=component knows no placebo and no false positives"
        )
    attacked = {"refit", "elicited"} & asked
    if "refit" in attacked or (attacked and "head" in config.measure.attack_kinds):
        raise AbsorbError(
            f"measure.treatments: {min(attacked)} trains a fresh head, and model toy has none; "
            "measure=quick asks for no head"
        )


def _rival(config: Config) -> None:
    arm, rival = config.routing.arm, config.rival
    if (arm == "rival") != (rival.kind != "none"):
        raise AbsorbError(
            f"routing.arm={arm!r}, rival.kind={rival.kind!r}: a rival of routing needs both "
            "routing.arm=rival and a rival.kind other than none"
        )
    if rival.kind == "none":
        return
    if isinstance(config.world, Sparse | Linear) or config.routing.placement == "parallel":
        raise AbsorbError(
            f"rival.kind={rival.kind!r}: needs stored examples with other data beside the concept, "
            "not world sparse or linear, and routing.placement=slice or added"
        )
    if rival.kind == "distil" and (rival.strength > 1 or rival.steps < 2):
        raise AbsorbError(
            f"rival.strength={rival.strength:g}, rival.steps={rival.steps}: rival.kind=distil "
            "mixes with a share in [0, 1] and needs at least 2 steps, half of them for its teacher"
        )

"""What may not go together in worlds of tokens and in transformers."""

from absorb.config import Config, Transformer
from absorb.errors import AbsorbError
from absorb.footprint import segment_epochs
from absorb.sites import of_tokens

BY_POSITION = ("token", "span", "component")  # positions of a labelled story may differ
TRANSFORMER_NEEDS = {
    "routing.placement": ("slice", "added"),
    "routing.cross": (True,),
    "train.loss": ("task",),
}
TOKENS_NEED = {"routing.granularity": (*BY_POSITION, "sequence", "batch")}
MOST_FITS = 20  # of a probe while a network trains; about ten are meant
ELSEWHERE = {"whole_rest": False, "degree": "tags", "align": "target"}


def check_transformer(config: Config) -> None:
    """Refuse what a transformer does not know."""
    model, routing = config.model, config.routing
    if not isinstance(model, Transformer):
        return
    allowed(config, "model transformer", TRANSFORMER_NEEDS)
    if model.width % model.heads:
        raise AbsorbError(f"model.heads={model.heads}: must divide model.width={model.width}")
    if len(set(model.adapters)) < len(model.adapters):
        raise AbsorbError(f"model.adapters={list(model.adapters)!r}: names a matrix twice")
    for site in routing.sites:
        if routing.placement == "added" and not site.startswith("mlp"):
            raise AbsorbError(
                f"routing.sites: {site!r} gets no units of its own; routing.placement=added is for "
                "mlp0, mlp1, ..., other sites need slice"
            )


def check_tokens(config: Config) -> None:
    """Refuse routing by token elsewhere, and what would act on nothing."""
    routing = config.routing
    if not of_tokens(config.world):
        for key, plain in ELSEWHERE.items():
            value = getattr(routing, key)
            if value != plain:
                raise AbsorbError(f"routing.{key}={value!r}: needs a world of stories or text")
        if routing.granularity in ("token", "span", "sequence"):
            raise AbsorbError(
                f"routing.granularity={routing.granularity!r}: needs a world of stories or text"
            )
        return
    allowed(config, f"world {config.world.kind}", TOKENS_NEED)
    if routing.degree != "tags" and routing.granularity not in ("token", "component"):
        raise AbsorbError(
            f"routing.degree={routing.degree!r}: says how much of the concept each token has, so "
            "it needs routing.granularity=token or component"
        )
    if routing.degree == "probe":
        _probe_schedule(config.train.epochs)
    if routing.degree == "probe" and config.rival.kind != "none":
        raise AbsorbError(
            f"rival.kind={config.rival.kind!r}: has no probe of its own; routing.degree='probe' "
            "reads a network in training, so a rival needs tags, frequency or classifier"
        )
    if routing.align != "target" and routing.granularity not in BY_POSITION:
        raise AbsorbError(
            f"routing.align={routing.align!r}: acts where positions of a story differ, so it needs "
            f"routing.granularity {', '.join(BY_POSITION)}"
        )
    if routing.whole_rest and routing.mechanism not in ("parameter", "update"):
        raise AbsorbError(
            f"routing.whole_rest=true: routing.mechanism={routing.mechanism!r} masks units; "
            "parameters at no site need parameter or update"
        )


def probe_fits(epochs: int) -> int:
    """How often a probe is fitted: once for each segment of training."""
    return epochs // segment_epochs(epochs)


def _probe_schedule(epochs: int) -> None:
    if probe_fits(epochs) <= MOST_FITS:
        return
    near = range(epochs - 10, epochs + 11)  # among which a multiple of ten is
    best = min((n for n in near if probe_fits(n) <= MOST_FITS), key=lambda n: abs(n - epochs))
    raise AbsorbError(
        f"train.epochs={epochs}: routing.degree='probe' would fit its probe {probe_fits(epochs)} "
        f"times, since no number from 10 to {MOST_FITS} divides the epochs; the nearest number of "
        f"epochs that one does is {best}"
    )


def allowed(config: Config, who: str, needs: dict[str, tuple]) -> None:
    """Refuse the first setting whose value is not among those that `who` allows."""
    for key, values in needs.items():
        section, name = key.split(".")
        value = getattr(getattr(config, section), name)
        if value not in values:
            raise AbsorbError(f"{key}={value!r}: {who} allows {', '.join(map(str, values))}")

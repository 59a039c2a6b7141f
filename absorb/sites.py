"""The sites of a model: the named vectors of units at which a region can be cut."""

from absorb.config import Autoencoder, Mlp, Paths


def site_widths(model: Mlp | Autoencoder | Paths) -> dict[str, int]:
    """Width of each site by name, in forward order, without units that routing adds."""
    if isinstance(model, Mlp):
        return {f"hidden{i}": w for i, w in enumerate(model.widths)}
    if isinstance(model, Autoencoder):
        encode = {f"encode{i}": w for i, w in enumerate(model.widths)}
        decode = {f"decode{i}": w for i, w in enumerate(reversed(model.widths))}
        return encode | {"latent": model.latent} | decode
    return {"sum": 1}

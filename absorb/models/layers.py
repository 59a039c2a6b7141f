"""A network as a list of dense layers, each of which says what site it reads and writes."""

from typing import NamedTuple

from absorb.config import Autoencoder, Mlp, Spec, Transformer
from absorb.sites import site_widths


class Layer(NamedTuple):
    """One dense layer: its name, its width, the sites it reads from and writes to."""

    name: str
    width: int
    reads: str | None
    writes: str | None
    relu: bool
    bias: bool = True
    head: bool = False  # belongs to what an attack on the head trains afresh


def chain(widths: dict[str, int], outputs: int, *, last: str = "out") -> list[Layer]:
    """ReLU layers that write one site after another, and a linear layer to the outputs."""
    names = [None, *widths]
    hidden = [
        Layer(name, width, names[i], name, relu=True)
        for i, (name, width) in enumerate(widths.items())
    ]
    return [*hidden, Layer(last, outputs, names[-1], None, relu=False, head=True)]


def mlp_layers(model: Mlp, outputs: int) -> list[Layer]:
    """The classifier's layers; its head is the output layer."""
    return chain(site_widths(model), outputs)


def autoencoder_layers(model: Autoencoder, outputs: int) -> tuple[list[Layer], list[Layer]]:
    """(encoder, decoder) layers; the latent is linear and the head is the whole decoder."""
    widths = site_widths(model)
    encode = {name: w for name, w in widths.items() if name.startswith("encode")}
    decode = {name: w for name, w in widths.items() if name.startswith("decode")}
    *hidden, out = chain(encode, model.latent, last="latent")
    latent = out._replace(writes="latent", bias=model.latent_bias, head=False)
    decoder = [layer._replace(head=True) for layer in chain(decode, outputs)]
    decoder[0] = decoder[0]._replace(reads="latent")
    return [*hidden, latent], decoder


def side_model(spec: Spec) -> Mlp | Autoencoder:
    """The parallel module's model: the same depth, `units` wide throughout."""
    model, units = spec.model, spec.routing.units
    narrow = tuple(units for _ in model.widths)  # type: ignore[union-attr]
    if isinstance(model, Autoencoder):
        return Autoencoder(**{**vars(model), "widths": narrow, "latent": units})
    return Mlp(kind="mlp", widths=narrow)


def stream(i: int) -> str | None:
    """The site that layer i reads: the stream after the layer before it."""
    return f"residual{i - 1}" if i else None


def transformer_layers(model: Transformer) -> dict[str, Layer]:
    """Every matrix of a transformer by name, with the sites it reads and writes."""
    found: list[Layer] = []
    for i in range(model.layers):
        heads, mlp, residual = f"heads{i}", f"mlp{i}", f"residual{i}"
        ends = {
            "query": (stream(i), heads),
            "key": (stream(i), heads),
            "value": (stream(i), heads),
            "out": (heads, residual),
            "up": (stream(i), mlp),
            "down": (mlp, residual),
        }
        for matrix, (reads, writes) in ends.items():
            site = f"{matrix}_adapter{i}"
            found.append(Layer(f"{matrix}{i}", 0, reads, writes, relu=False, bias=False))
            found.append(Layer(f"{matrix}_a{i}", 0, reads, site, relu=False, bias=False))
            found.append(Layer(f"{matrix}_b{i}", 0, site, writes, relu=False, bias=False))
        experts = f"experts{i}"
        found.append(Layer(f"experts_up{i}", 0, stream(i), experts, relu=True, bias=False))
        found.append(Layer(f"experts_down{i}", 0, experts, residual, relu=False, bias=False))
    head = Layer("unembed", 0, stream(model.layers), None, relu=False, bias=False, head=True)
    return {layer.name: layer for layer in [*found, head]}

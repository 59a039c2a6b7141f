"""Settings of each model."""

from dataclasses import dataclass

from absorb.settings import static

MATRICES = ("query", "key", "value", "out", "up", "down")


@dataclass(frozen=True)
class Mlp:
    """A ReLU classifier; sites hidden0, hidden1, ..."""

    kind: str = static(choices=("mlp",))
    widths: tuple[int, ...] = static(1, 65536, length=(1, 32))


@dataclass(frozen=True)
class Autoencoder:
    """A ReLU autoencoder with a linear latent; sites encode0, ..., latent, decode0, ..."""

    kind: str = static(choices=("autoencoder",))
    widths: tuple[int, ...] = static(1, 65536, length=(0, 32))
    latent: int = static(1, 65536)
    latent_bias: bool = static()
    error: str = static(choices=("squared", "absolute"))
    certificates: bool = static()
    separate_decoders: bool = static()


@dataclass(frozen=True)
class Paths:
    """y = (a + c) x, each path a product of `depth` scalars of initial product `strength`."""

    kind: str = static(choices=("paths",))
    depth: int = static(1, 8)
    strength: float = static(0.0, 10.0)


@dataclass(frozen=True)
class Toy:
    """ReLU(W'W x + b), or with `tied` false ReLU(V'W x + b); its one site is hidden."""

    kind: str = static(choices=("toy",))
    hidden: int = static(1, 65536)
    tied: bool = static()
    relu: bool = static()


@dataclass(frozen=True)
class Transformer:
    """A decoder-only pre-norm transformer with learned positions.

    Sites of layer i: heads{i}, mlp{i}, residual{i} (the stream after the layer), experts{i} where
    there are experts (further MLPs of `expert_width`, summed), and {matrix}_adapter{i} for each
    matrix in `adapters` (low-rank, of `rank`).
    """

    kind: str = static(choices=("transformer",))
    layers: int = static(1, 64)
    width: int = static(4, 16384)
    heads: int = static(1, 256)
    mlp: int = static(1, 65536)
    experts: int = static(0, 64)
    expert_width: int = static(1, 65536)
    adapters: tuple[str, ...] = static(choices=MATRICES, length=(0, 6))
    rank: int = static(1, 1024)
    precision: str = static(choices=("float32", "bfloat16"))
    remat: bool = static()

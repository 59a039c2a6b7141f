"""PyTorch, eager, one transformer at a time: the loop that a user would write."""

from typing import Any

import numpy as np

from absorb.config import Config
from absorb.devices import usable_cores
from absorb.models import shapes
from absorb.sites import inputs
from benchmarks.timing import Contender
from benchmarks.torch_solo import get_torch


def network(config: Config) -> Any:
    """The config's transformer as an nn.Module, with PyTorch's own attention."""
    torch, model = get_torch(), config.model
    nn, length, (_, outputs) = torch.nn, inputs(config.world) - 1, shapes(config)
    width, heads, layers, units = model.width, model.heads, model.layers, model.mlp  # type: ignore

    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norms = nn.ModuleList(nn.LayerNorm(width, bias=False) for _ in range(2))
            self.qkv = nn.Linear(width, 3 * width, bias=False)
            self.out = nn.Linear(width, width, bias=False)
            self.up = nn.Linear(width, units, bias=False)
            self.down = nn.Linear(units, width, bias=False)

        def forward(self, h_BTD: Any) -> Any:
            stories, positions, _ = h_BTD.shape
            parts = self.qkv(self.norms[0](h_BTD)).view(stories, positions, 3, heads, -1)
            q, k, v = parts.permute(2, 0, 3, 1, 4)
            z = nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
            h_BTD = h_BTD + self.out(z.transpose(1, 2).reshape(h_BTD.shape))
            return h_BTD + self.down(torch.relu(self.up(self.norms[1](h_BTD))))

    class Network(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.tokens = nn.Embedding(outputs, width)
            self.positions = nn.Embedding(length, width)
            self.blocks = nn.ModuleList(Block() for _ in range(layers))
            self.norm = nn.LayerNorm(width, bias=False)
            self.unembed = nn.Linear(width, outputs, bias=False)

        def forward(self, x_BT: Any) -> Any:
            h_BTD = self.tokens(x_BT) + self.positions.weight
            for block in self.blocks:
                h_BTD = block(h_BTD)
            return self.unembed(self.norm(h_BTD))

    return Network()


def solo(config: Config, x_NS: np.ndarray, steps: int, *, fused: bool = False,
         threads: int | None = None) -> Contender:  # fmt: skip
    """One network trained for so many steps of Adam, with as many threads as cores unless told."""
    torch, batch = get_torch(), config.train.batch
    model = network(config)
    optimizer = torch.optim.Adam(
        model.parameters(), lr=config.train.learning_rate, fused=True if fused else None
    )
    stories_NS = torch.from_numpy(x_NS.astype(np.int64))

    def step(index_B: Any) -> None:
        x_BS = stories_NS[index_B]
        optimizer.zero_grad()
        logits_NV = model(x_BS[:, :-1]).flatten(0, 1)
        torch.nn.functional.cross_entropy(logits_NV, x_BS[:, 1:].flatten()).backward()
        optimizer.step()

    def run() -> None:
        torch.set_num_threads(threads or usable_cores())
        for _ in range(steps):
            step(torch.randint(len(stories_NS), (batch,)))
        torch.set_num_threads(usable_cores())

    return Contender(run, steps)

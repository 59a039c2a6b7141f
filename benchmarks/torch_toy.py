"""PyTorch, the toy model of superposition: instances as one more axis of every tensor."""

from collections.abc import Sequence
from typing import Any

from absorb.config import Config, Sparse, Toy
from absorb.devices import usable_cores
from benchmarks.timing import Contender
from benchmarks.torch_solo import get_torch


class Instances:
    """I networks ReLU(W'W x + b), each with its own weights, examples and activity.

    configs: one for each; what is a size or a rate is taken from the first.
    """

    def __init__(self, configs: Sequence[Config]) -> None:
        self.torch = torch = get_torch()
        world, model, train = configs[0].world, configs[0].model, configs[0].train
        assert isinstance(world, Sparse) and isinstance(model, Toy)
        count, features, hidden = len(configs), world.features, model.hidden
        self.shape = (train.batch, count, features)
        self.active_I1 = torch.tensor([c.world.active for c in configs])[:, None]  # type: ignore
        self.importance_F = world.importance ** torch.arange(features)
        xavier = (2 / (features + hidden)) ** 0.5
        self.w_IFM = (torch.randn(count, features, hidden) * xavier).requires_grad_()
        self.b_IF = torch.zeros(count, features, requires_grad=True)
        self.optimizer = torch.optim.AdamW(
            [self.w_IFM, self.b_IF], lr=train.learning_rate, weight_decay=train.weight_decay
        )

    def draw(self) -> Any:
        """Fresh examples (B, I, F): a uniform value where another uniform is below the activity."""
        torch = self.torch
        value_BIF, coin_BIF = torch.rand(self.shape), torch.rand(self.shape)
        return torch.where(coin_BIF < self.active_I1, value_BIF, 0.0)

    def loss(self, x_BIF: Any) -> Any:
        """The sum over instances of their mean weighted squared errors."""
        torch = self.torch
        h_BIM = torch.einsum("bif,ifm->bim", x_BIF, self.w_IFM)
        y_BIF = torch.relu(torch.einsum("bim,ifm->bif", h_BIM, self.w_IFM) + self.b_IF)
        return (self.importance_F * (x_BIF - y_BIF) ** 2).mean((0, 2)).sum()

    def step(self, x_BIF: Any) -> None:
        """One step of AdamW for all instances."""
        self.optimizer.zero_grad()
        self.loss(x_BIF).backward()
        self.optimizer.step()

    def contender(self, steps: int, threads: int | None = None) -> Contender:
        """So many steps of every instance; threads: as many as there are cores unless told."""
        torch = self.torch

        def run() -> None:
            torch.set_num_threads(threads or usable_cores())
            for _ in range(steps):
                self.step(self.draw())
            torch.set_num_threads(usable_cores())

        return Contender(run, steps * self.shape[1])

"""PyTorch, eager, one network at a time: the loop that a user would write."""

from typing import Any

from absorb.devices import usable_cores
from absorb.errors import AbsorbError
from benchmarks.problem import Problem
from benchmarks.timing import Contender


def get_torch() -> Any:
    """PyTorch, using every core; AbsorbError where it is not installed."""
    try:
        import torch
    except ModuleNotFoundError:
        raise AbsorbError(
            "bench: PyTorch, the peer, is missing; `pip install 'absorb[bench]'` brings it"
        ) from None
    torch.set_num_threads(usable_cores())
    return torch


def network(problem: Problem) -> Any:
    """The autoencoder as nn.Sequential."""
    nn, layers = get_torch().nn, []
    for i, width in enumerate(problem.widths[1:], 1):
        layers.append(nn.Linear(problem.widths[i - 1], width))
        if i not in (problem.latent, len(problem.widths) - 1):
            layers.append(nn.ReLU())
    return nn.Sequential(*layers)


def solo(problem: Problem, epochs: int, *, routed: bool = False, fused: bool = False,
         threads: int | None = None) -> Contender:  # fmt: skip
    """One network trained for some epochs; `routed` detaches at the latent, datum by datum.

    fused: Adam's fused form, where the default is PyTorch's own choice. threads: as many as there
    are cores unless told otherwise.
    """
    torch = get_torch()
    model = network(problem)
    cut = 2 * problem.latent - 1  # a ReLU follows every layer before the latent
    encoder, decoder = model[:cut], model[cut:]
    optimizer = torch.optim.Adam(
        model.parameters(), lr=problem.learning_rate, fused=True if fused else None
    )
    x_NF, weight_NU = torch.from_numpy(problem.x_NF), torch.from_numpy(problem.weight_NU)
    steps = problem.steps_per_epoch

    def forward(x_BF: Any, index_B: Any) -> Any:
        if not routed:
            return model(x_BF)
        z_BU, w_BU = encoder(x_BF), weight_NU[index_B]
        return decoder(w_BU * z_BU + (1 - w_BU) * z_BU.detach())

    def epoch() -> None:
        for index_B in torch.randperm(len(x_NF))[: steps * problem.batch].split(problem.batch):
            x_BF = x_NF[index_B]
            optimizer.zero_grad()
            loss = ((forward(x_BF, index_B) - x_BF) ** 2).mean()
            loss.backward()
            optimizer.step()

    def run() -> None:
        torch.set_num_threads(threads or usable_cores())
        for _ in range(epochs):
            epoch()
        torch.set_num_threads(usable_cores())

    return Contender(run, epochs * steps)

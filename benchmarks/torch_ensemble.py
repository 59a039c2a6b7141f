"""PyTorch, many networks batched by hand: stacked weights, baddbmm, one Adam over all."""

from typing import Any

from benchmarks.problem import Problem
from benchmarks.timing import Contender
from benchmarks.torch_solo import get_torch

BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8


class Ensemble:
    """E networks, each with its own weights, batches and learning rate."""

    def __init__(self, problem: Problem, members: int, *, routed: bool = False) -> None:
        self.torch = torch = get_torch()
        self.problem, self.members, self.routed, self.steps = problem, members, routed, 0
        self.x_NF = torch.from_numpy(problem.x_NF)
        self.weight_NU = torch.from_numpy(problem.weight_NU)
        self.weights, self.biases = [], []
        for fan_in, fan_out in zip(problem.widths[:-1], problem.widths[1:], strict=True):
            weight_EIO = torch.randn(members, fan_in, fan_out) * fan_in**-0.5
            self.weights.append(weight_EIO.requires_grad_())
            self.biases.append(torch.zeros(members, 1, fan_out, requires_grad=True))
        self.first = [torch.zeros_like(p) for p in self.parameters]
        self.second = [torch.zeros_like(p) for p in self.parameters]
        self.rates = [torch.full((members, 1, 1), problem.learning_rate)] * len(self.parameters)

    @property
    def parameters(self) -> list[Any]:
        return [*self.weights, *self.biases]

    def loss(self, parameters: list[Any], x_EBF: Any, w_EBU: Any) -> Any:
        """The sum of the members' mean squared errors, so that gradients do not mix."""
        torch, depth = self.torch, len(parameters) // 2
        h_EBU = x_EBF
        for i, (weight, bias) in enumerate(
            zip(parameters[:depth], parameters[depth:], strict=True), 1
        ):
            h_EBU = torch.baddbmm(bias, h_EBU, weight)
            if i == self.problem.latent and self.routed:
                h_EBU = w_EBU * h_EBU + (1 - w_EBU) * h_EBU.detach()
            elif i not in (self.problem.latent, depth):
                h_EBU = torch.relu(h_EBU)
        return ((h_EBU - x_EBF) ** 2).mean((1, 2)).sum()

    def batch(self) -> tuple[Any, Any]:
        """Each member's own pictures, drawn with replacement, and their route weights."""
        torch = self.torch
        index_EB = torch.randint(len(self.x_NF), (self.members, self.problem.batch))
        return self.x_NF[index_EB], self.weight_NU[index_EB] if self.routed else None

    def step(self, x_EBF: Any, w_EBU: Any) -> None:
        """Gradient by autograd, then Adam with PyTorch's horizontal (foreach) operations."""
        torch = self.torch
        loss = self.loss(self.parameters, x_EBF, w_EBU)
        gradients = list(torch.autograd.grad(loss, self.parameters))
        with torch.no_grad():
            self.adam(gradients)

    def adam(self, gradients: list[Any]) -> None:
        """One step of Adam for all members, in place."""
        torch = self.torch
        self.steps += 1
        unbias1, unbias2 = 1 - BETA1**self.steps, 1 - BETA2**self.steps
        torch._foreach_lerp_(self.first, gradients, 1 - BETA1)
        torch._foreach_mul_(self.second, BETA2)
        torch._foreach_addcmul_(self.second, gradients, gradients, 1 - BETA2)
        scale = torch._foreach_sqrt(self.second)
        torch._foreach_mul_(scale, unbias2**-0.5)
        torch._foreach_add_(scale, EPSILON)
        step = torch._foreach_div(self.first, scale)
        torch._foreach_mul_(step, self.rates)
        torch._foreach_mul_(step, 1 / unbias1)
        torch._foreach_sub_(self.parameters, step)

    def contender(self, steps: int) -> Contender:
        """So many steps of every member."""

        def run() -> None:
            for _ in range(steps):
                self.step(*self.batch())

        return Contender(run, steps * self.members)


class CompiledEnsemble(Ensemble):
    """The same with gradient and Adam compiled into one function by torch.compile."""

    def __init__(self, problem: Problem, members: int) -> None:
        super().__init__(problem, members)
        self.compiled = self.torch.compile(self.whole)

    def whole(self, x_EBF: Any, parameters: list[Any], first: list[Any], second: list[Any],
              rate_E11: Any, unbias1: Any, unbias2: Any) -> None:  # fmt: skip
        gradients = self.torch.func.grad(self.loss)(parameters, x_EBF, None)
        for p, m, v, g in zip(parameters, first, second, gradients, strict=True):
            m.lerp_(g, 1 - BETA1)
            v.mul_(BETA2).addcmul_(g, g, value=1 - BETA2)
            p.sub_(rate_E11 / unbias1 * m / ((v / unbias2).sqrt() + EPSILON))

    def step(self, x_EBF: Any, w_EBU: Any) -> None:
        torch = self.torch
        self.steps += 1
        unbias = [torch.tensor(1 - beta**self.steps) for beta in (BETA1, BETA2)]
        with torch.no_grad():
            self.compiled(x_EBF, self.parameters, self.first, self.second, self.rates[0], *unbias)

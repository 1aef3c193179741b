"""Numbers with a log-scale: networks without BatchNorm in any precision.

Without BatchNorm and with positive weights, activations span hundreds of orders of magnitude. Such a network
is positively homogeneous between its biases (ReLU, pooling, sums, convolutions), so a tensor may be stored
as ``value * exp(log)`` with a bounded ``value``, and every layer works on ``value`` alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fitness.norm import laid_out_like
from spaces.arithmetic import Arithmetic, Block


class Scaled(NamedTuple):
    """The tensor value * exp(log); ``log`` is a float64 scalar without gradient."""

    value: Tensor
    log: Tensor


class ScaledArithmetic(Arithmetic):
    """Divides every state by its largest entry and keeps the logarithm of what was divided out.

    ``constants`` are the divisors in the order of the forward pass. Passing those of an earlier pass uses them
    again instead of measuring new ones: gradients of both passes then share one scale and may be added.
    ``stages`` collects the stage outputs by name.
    """

    def __init__(self, constants: Sequence[Tensor] | None = None) -> None:
        self._given = None if constants is None else iter(constants)
        self.constants: list[Tensor] = []
        self.stages: dict[str, Scaled] = {}

    def lift(self, x: Tensor) -> Scaled:
        """``x`` of any shape as it is, with log-scale 0."""
        return Scaled(x, torch.zeros((), dtype=torch.float64, device=x.device))

    def apply(self, module: nn.Module, x: Any) -> Scaled:
        if not isinstance(x, Scaled):
            x = self.lift(x)
        if isinstance(module, Block):
            return module(x, self)
        if isinstance(module, nn.Sequential):
            for child in module:
                x = self.apply(child, x)
            return x
        if isinstance(module, nn.BatchNorm2d):
            return self._batch_norm(module, x)
        if isinstance(module, (nn.Conv2d, nn.Linear)) and module.bias is not None:
            return self._with_bias(module, x)
        return Scaled(module(x.value), x.log)  # positively homogeneous

    def _with_bias(self, module: nn.Conv2d | nn.Linear, x: Scaled) -> Scaled:
        assert module.bias is not None
        bias = module.bias * torch.exp(-x.log).to(x.value.dtype)
        if isinstance(module, nn.Linear):
            return Scaled(F.linear(x.value, module.weight, bias), x.log)
        return Scaled(module._conv_forward(x.value, module.weight, bias), x.log)

    def _batch_norm(self, module: nn.BatchNorm2d, x: Scaled) -> Scaled:
        """BN(s v) with batch statistics = BN(v) with eps / s^2; what comes out has no scale any more."""
        given = x.value.contiguous()  # sums over channels last lose digits
        mean = given.mean((0, 2, 3), keepdim=True)
        variance = given.var((0, 2, 3), unbiased=False, keepdim=True)
        eps = module.eps * torch.exp(-2 * x.log).to(given.dtype)
        normalised = (given - mean) / torch.sqrt(variance + eps)
        shape = (1, -1, 1, 1)
        affine = module.weight is not None
        value = normalised * module.weight.view(shape) + module.bias.view(shape) if affine else normalised
        return Scaled(laid_out_like(value, x.value), torch.zeros_like(x.log))

    def _common(self, terms: Sequence[Scaled]) -> tuple[list[Tensor], Tensor]:
        logs = torch.stack([term.log for term in terms])
        log = logs.amax()
        if log.is_cuda:  # fewer calls, other bits on a CPU
            factors = torch.exp(logs - log).to(terms[0].value.dtype).unbind()
            return [term.value * factor for term, factor in zip(terms, factors, strict=True)], log
        return [term.value * torch.exp(term.log - log).to(term.value.dtype) for term in terms], log

    def add(self, terms: Sequence[Scaled]) -> Scaled:
        values, log = self._common(terms)
        return Scaled(super().add(values), log)

    def concatenate(self, parts: Sequence[Scaled]) -> Scaled:
        values, log = self._common(parts)
        return Scaled(super().concatenate(values), log)

    def state(self, x: Scaled) -> Scaled:
        constant = next(self._given) if self._given is not None else _largest(x.value)
        self.constants.append(constant)
        return Scaled(x.value / constant, x.log + constant.double().log())

    def stage(self, name: str, x: Scaled) -> Scaled:
        self.stages[name] = x
        return x


def _largest(x: Tensor) -> Tensor:
    largest = x.detach().abs().amax()
    return torch.where(largest > 0, largest, 1)


MAX_LOG = 600.0  # float64 overflows at 709; beyond this the softmax is one-hot anyway


def cross_entropy_gradient(logits: Scaled, labels: Tensor) -> tuple[Tensor, Tensor]:
    """d L / d (true logits) of the mean cross-entropy, as (unit gradient (N, K), its largest entry in float64).

    softmax is taken of the true logits in float64. The chain rule's factor exp(log) is left out: it is one
    positive constant for all weights of the pass.
    """
    true = logits.value.detach().double() * torch.exp(logits.log.clamp(max=MAX_LOG))
    gradient = torch.softmax(true, dim=1)
    gradient[torch.arange(len(labels), device=labels.device), labels] -= 1
    gradient /= len(labels)
    largest = gradient.abs().amax()
    unit = gradient / torch.where(largest > 0, largest, 1)
    return unit.to(logits.value.dtype), largest

"""Numbers with a log-scale: networks without BatchNorm in any precision.

Without BatchNorm and with positive weights, activations span hundreds of orders of magnitude. Such a network
is positively homogeneous between its biases (ReLU, pooling, sums, convolutions), so a tensor may be stored
as ``value * exp(log)`` with a bounded ``value``, and every layer works on ``value`` alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
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


@dataclass(frozen=True)
class Scales:
    """What a forward pass measured, in its order: no value of a tensor, so no history of one."""

    states: list[tuple[Tensor, Tensor]] = field(default_factory=list)  # divisor and log-scale, ()
    sums: list[tuple[Tensor, Tensor]] = field(
        default_factory=list
    )  # factors of the terms, (n,), and log-scale, ()


class ScaledArithmetic(Arithmetic):
    """Divides every state by its largest entry and keeps the logarithm of what was divided out.

    ``scales`` are what it divided and multiplied by. Passing those of an earlier pass uses them again instead of
    measuring new ones: gradients of both passes then share one scale and may be added. ``stages`` collects the
    stage outputs by name.
    """

    def __init__(self, scales: Scales | None = None) -> None:
        self._states = None if scales is None else iter(scales.states)
        self._sums = None if scales is None else iter(scales.sums)
        self.scales = Scales()
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

    def _common(self, terms: Sequence[Scaled]) -> tuple[Tensor | None, Tensor]:
        """The factors (n,) that bring ``terms`` to one log-scale, None if they have it, and that scale ()."""
        first = terms[0].log
        if all(term.log is first for term in terms):
            return None, first
        found = next(self._sums) if self._sums is not None else _factors(terms)
        self.scales.sums.append(found)
        return found

    def add(self, terms: Sequence[Scaled]) -> Scaled:
        factors, log = self._common(terms)
        values = [term.value for term in terms]
        if factors is not None and factors.is_cuda:
            return Scaled(_together(values, factors, 0).sum(0), log)
        return Scaled(super().add(_each(values, factors)), log)

    def concatenate(self, parts: Sequence[Scaled]) -> Scaled:
        factors, log = self._common(parts)
        values = [part.value for part in parts]
        if factors is not None and factors.is_cuda and len({value.shape for value in values}) == 1:
            return Scaled(_together(values, factors, 1).flatten(1, 2), log)
        return Scaled(super().concatenate(_each(values, factors)), log)

    def state(self, x: Scaled) -> Scaled:
        if self._states is None:
            constant = _largest(x.value)
            self.scales.states.append((constant, x.log + constant.double().log()))
        else:
            self.scales.states.append(next(self._states))
        constant, log = self.scales.states[-1]
        return Scaled(x.value / constant, log)

    def stage(self, name: str, x: Scaled) -> Scaled:
        self.stages[name] = x
        return x


def _largest(x: Tensor) -> Tensor:
    """The largest magnitude (), 1 of zeros; in float64 on a GPU, where that saves a call."""
    x = x.detach()
    largest = torch.linalg.vector_norm(x, torch.inf, dtype=torch.float64) if x.is_cuda else x.abs().amax()
    return torch.where(largest > 0, largest, 1)


def _factors(terms: Sequence[Scaled]) -> tuple[Tensor, Tensor]:
    """exp(log - largest log) of each of the terms, (n,), and the largest log ()."""
    logs, kind = torch.stack([term.log for term in terms]), terms[0].value.dtype
    log = logs.amax()
    if log.is_cuda:  # fewer calls, other bits on a CPU
        return torch.exp(logs - log).to(kind), log
    return torch.stack([torch.exp(term.log - log) for term in terms]).to(kind), log


def _each(values: Sequence[Tensor], factors: Tensor | None) -> list[Tensor]:
    """Values (N, C, H, W) or (N, K) of any shapes times their factors (n,)."""
    if factors is None:
        return list(values)
    return [value * factor for value, factor in zip(values, factors.unbind(), strict=True)]


def _together(values: Sequence[Tensor], factors: Tensor, dim: int) -> Tensor:
    """Values (N, ...) of one shape along a new dimension ``dim``, times their factors (values,)."""
    return torch.stack(list(values), dim) * factors.view(-1, *(1,) * (values[0].dim() - dim))


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

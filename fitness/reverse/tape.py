"""The tape: an `Arithmetic` that notes how each step of a network's forward is undone.

A step is a `Value` and a function that passes its gradient on to what it was computed from.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from fitness.reverse.layers import RULES
from fitness.reverse.values import Joined, Term, Value, common, rows
from fitness.reverse.weights import Weights
from spaces.arithmetic import Arithmetic, Block

LIMIT = 2.0**16  # a state whose largest entry is beyond this, or below its inverse, is rescaled

Undo = Callable[[Tensor, bool], None]  # (gradient, whether its memory may be overwritten)


class Tape(Arithmetic):
    """Numbers with a scale in powers of two, so that scaling never rounds.

    ``exponents`` are those divided out of the states, in the order of the forward pass; passing those of an
    earlier pass uses them again, so that gradients of both passes share one scale. ``stages`` collects the parts
    of each stage's output. ``positive`` says that no weight is negative: then a ReLU of values that are not
    negative is skipped, also in the backward pass, where it could only affect gradients that reach no weight.
    """

    def __init__(
        self, weights: Weights, *, positive: bool = False, exponents: Sequence[int] | None = None
    ) -> None:
        self.weights = weights
        self.positive = positive
        self.exponents: list[int] = []
        self.stages: dict[str, Sequence[Value]] = {}
        self._given = None if exponents is None else iter(exponents)
        self._steps: list[tuple[Value, Undo]] = []

    def backward(self, value: Value, gradient: Tensor) -> None:
        """Undo all steps, given the gradient, of any shape, of the last value. A tape runs back once."""
        value.give(gradient, False)
        while self._steps:
            output, undo = self._steps.pop()
            received, output.gradient = output.gradient, None
            if received is not None:
                undo(received, output.owned)

    def step(self, output: Value, undo: Undo) -> Value:
        """Note how ``output``'s gradient is passed on."""
        self._steps.append((output, undo))
        return output

    def apply(self, module: nn.Module, x: Any) -> Any:
        if isinstance(module, Block):
            return module(x, self)
        if isinstance(module, nn.Sequential):
            for child in module:
                x = self.apply(child, x)
            return x
        return RULES[type(module)](self, module, x)

    # sums and concatenations

    def add(self, terms: Sequence[Any]) -> Value:
        return self.sum([term if isinstance(term, Term) else Term(self.whole(term)) for term in terms])

    def concatenate(self, parts: Sequence[Any]) -> Joined:
        return Joined([self.whole(part) for part in parts])

    def whole(self, x: Any) -> Value:
        """``x`` with everything carried out that was put off."""
        if isinstance(x, Term):
            return self.sum([x])
        return self._concatenation(x.parts) if isinstance(x, Joined) else x

    def sum(self, terms: Sequence[Term]) -> Value:
        """The sum of at least one term, each brought to the largest scale."""
        exponent, factors = common([term.value for term in terms])
        # what may be overwritten comes first, products last
        scaled = sorted(
            zip(terms, factors, strict=True), key=lambda p: (p[0].module is not None, not p[0].value.fresh)
        )
        (first, factor), *others = scaled
        nonnegative = all(t.value.nonnegative and (t.module is None or self.positive) for t in terms)
        total = self._first(first, factor)
        for (value, module, columns), factor in others:
            value.fresh = False
            if module is None:
                total.add_(value.x, alpha=factor)
            else:
                rows(total).addmm_(rows(value.x), self.weights.matrices(module)[1][columns], alpha=factor)
        alone = sum(term.module is None for term in terms) == 1

        def undo(g: Tensor, owned: bool) -> None:
            for (value, module, columns), factor in reversed(scaled):
                if module is not None:
                    self._undo_product(value, module, columns, factor, rows(g))
                elif factor == 1:
                    value.give(g, owned and alone)
                else:
                    value.give(g * factor, True)

        return self.step(Value(total, exponent, nonnegative), undo)

    def _first(self, term: Term, factor: float) -> Tensor:
        """Memory for a sum, initialised with its first term."""
        value, module, columns = term
        overwrite, value.fresh = value.fresh, False
        if module is not None:
            weight = _scaled(self.weights.matrices(module)[1][columns], factor)
            return torch.mm(rows(value.x), weight).view(*value.x.shape[:-1], -1)
        if overwrite:
            return value.x if factor == 1 else value.x.mul_(factor)
        return value.x.clone() if factor == 1 else value.x * factor

    def _undo_product(self, value: Value, module: nn.Conv2d, columns: slice, factor: float, g: Tensor) -> None:
        into = self.weights.gradient(module).flatten(1)[:, columns]
        torch.mm(g.t(), rows(value.x), out=into)
        if factor != 1:
            into.mul_(factor)
        weight = _scaled(self.weights.matrices(module)[0][:, columns], factor)
        if value.gradient is not None and value.owned:
            rows(value.gradient).addmm_(g, weight)
        else:
            value.give(torch.mm(g, weight).view(value.x.shape), True)

    def _concatenation(self, parts: Sequence[Value]) -> Value:
        exponent, factors = common(parts)
        x = torch.cat([part.x * factor for part, factor in zip(parts, factors, strict=True)], -1)
        widths = [part.x.shape[-1] for part in parts]

        def undo(g: Tensor, owned: bool) -> None:
            for part, factor, piece in zip(parts, factors, g.split(widths, -1), strict=True):
                part.give((piece * factor).contiguous(), True)

        return self.step(Value(x, exponent, all(part.nonnegative for part in parts)), undo)

    # states and stages

    def state(self, x: Any) -> Value:
        x = self.whole(x)
        if self._given is not None:
            rise = next(self._given)
        else:
            largest = float(x.x.amax()) if x.nonnegative else max(abs(float(end)) for end in torch.aminmax(x.x))
            rise = math.frexp(largest)[1] if largest > LIMIT or 0 < largest < 1 / LIMIT else 0
        self.exponents.append(rise)
        if rise:
            x = self._rescaled(x, rise)
        x.fresh = False
        return x

    def _rescaled(self, x: Value, rise: int) -> Value:
        factor = math.ldexp(1, -rise)
        y = x.x.mul_(factor) if x.fresh else x.x * factor

        def undo(g: Tensor, owned: bool) -> None:
            x.give(g.mul_(factor) if owned else g * factor, True)

        return self.step(Value(y, x.exponent + rise, x.nonnegative), undo)

    def stage(self, name: str, x: Any) -> Any:
        self.stages[name] = x.parts if isinstance(x, Joined) else [self.whole(x)]
        for part in self.stages[name]:
            part.fresh = False
        return x


def _scaled(weight: Tensor, factor: float) -> Tensor:
    """A power of two rounds nothing, and in a weight it costs least."""
    return weight if factor == 1 else weight * factor

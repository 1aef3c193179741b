"""Linear bounds by one backward pass through the network: CROWN with the intermediate bounds of intervals.

Source: Zhang et al., "Towards Stable and Efficient Training of Verifiably Robust Neural Networks", ICLR 2020
(CROWN-IBP, arXiv:1906.06316).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from fitness.bounds.interval import Interval, IntervalArithmetic
from fitness.bounds.layers import Affine, Monotone

Rows = Tensor  # (K, N, ...): K linear functions of each image's value


class Pulled(NamedTuple):
    """Rows on the inputs of a step, and the constants (K, N, ...) that it adds, to be summed over an image."""

    rows: tuple[Rows, ...]
    constants: Tensor | None = None


@dataclass(frozen=True, eq=False)
class Step:
    """One operation of the forward pass; ``pull`` bounds rows on its output from below by rows on its inputs."""

    inputs: tuple[Step, ...]
    pull: Callable[[Rows], Pulled]


@dataclass(frozen=True, eq=False)
class Traced:
    """An interval, or a pair that has one, and the step that made it."""

    value: Any
    step: Step

    @property
    def interval(self) -> Interval:
        """The interval alone."""
        return self.value if isinstance(self.value, Interval) else self.value.interval


class LinearArithmetic(IntervalArithmetic):
    """The values of another arithmetic of intervals, with a record of every operation for the backward pass."""

    def __init__(self, inner: IntervalArithmetic | None = None) -> None:
        super().__init__()
        self.inner = inner or IntervalArithmetic()
        self.steps: list[Step] = []
        self._relaxed: dict[tuple[Step, str], Traced] = {}

    def _record(self, value: Any, inputs: Sequence[Traced], pull: Callable[[Rows], Pulled]) -> Traced:
        self.steps.append(Step(tuple(one.step for one in inputs), pull))
        return Traced(value, self.steps[-1])

    def start(self, x: Any) -> Traced:
        """The input of the network, a value of the other arithmetic."""
        return self._record(x, (), lambda rows: Pulled(()))

    def layer(self, module: nn.Module, x: Any) -> Traced:
        """A module that has a rule.

        Edges that begin with the same ReLU or pooling of one state share its relaxation: rows of both signs
        cancel before they are bounded, which is tighter.
        """
        rule = self.inner.rule(module, x.value)
        if isinstance(rule, Affine):
            return self._record(self.inner.layer(module, x.value), (x,), _affine(rule))
        key = x.step, f"{id(module)}" if module.state_dict() else str(module)
        if key not in self._relaxed:
            pull = _monotone(rule, x.interval)
            self._relaxed[key] = self._record(self.inner.layer(module, x.value), (x,), pull)
        return self._relaxed[key]

    def add(self, terms: Sequence[Any]) -> Traced:
        found = self.inner.add([term.value for term in terms])
        return self._record(found, terms, lambda rows: Pulled((rows,) * len(terms)))

    def weighted(self, terms: Sequence[Any], weights: Sequence[Any]) -> Traced:
        found = self.inner.weighted([term.value for term in terms], weights)
        return self._record(found, terms, lambda rows: Pulled(tuple(rows * weight for weight in weights)))

    def concatenate(self, parts: Sequence[Any]) -> Traced:
        found = self.inner.concatenate([part.value for part in parts])
        sizes = [part.interval.centre.shape[1] for part in parts]
        return self._record(found, parts, lambda rows: Pulled(rows.split(sizes, dim=2)))

    def pull(self, output: Traced, rows: Rows) -> tuple[Rows, Tensor, Tensor]:
        """Rows A and constants t, (K, N), with A x + t <= rows f(x) in the box; the sum of the sizes of t."""
        first, *_ = self.steps
        waiting = {output.step: rows}
        constants = sizes = torch.zeros(rows.shape[:2], dtype=rows.dtype, device=rows.device)
        for step in reversed(self.steps[1:]):
            if (here := waiting.pop(step, None)) is None:
                continue  # nothing depends on it
            pulled = step.pull(here)
            if pulled.constants is not None:
                constants = constants + pulled.constants.flatten(2).sum(2)
                sizes = sizes + pulled.constants.flatten(2).abs().sum(2)
            for source, part in zip(step.inputs, pulled.rows, strict=True):
                waiting[source] = waiting[source] + part if source in waiting else part
        return waiting[first], constants, sizes


def _affine(rule: Affine) -> Callable[[Rows], Pulled]:
    def pull(rows: Rows) -> Pulled:
        return Pulled((rule.transpose(rows),), None if rule.bias is None else rows * rule.bias[0])

    return pull


def _monotone(rule: Monotone, x: Interval) -> Callable[[Rows], Pulled]:
    relaxation = rule.relaxation(x.low, x.high)

    def pull(rows: Rows) -> Pulled:
        found, constants = relaxation.backward(rows)
        return Pulled((found,), constants)

    return pull

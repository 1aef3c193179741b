"""The two ways a population runs: with BatchNorm, or without it and with a log-scale for each state and network.

The arithmetic of the second is that of `fitness.scaled`, a vector of logarithms in the place of each one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from fitness.population.joint.factors import Factors, divisors_of, measured
from fitness.population.joint.numbers import JointNumbers
from fitness.population.joint.room import Room

aten = torch.ops.aten


def rowwise(x: Tensor, like: Tensor) -> Tensor:
    """(rows,) -> (rows, 1, ...) in the precision of ``like``, whose rows it multiplies."""
    return x.to(like.dtype).view(-1, *[1] * (like.dim() - 1))


class Form:
    """Networks with BatchNorm in training mode, its weights 1 and its biases 0, as they begin; no scales."""

    nonnegative = False  # whether the outputs of cells cannot be negative
    eps = 1e-5

    def room(self, out: Tensor) -> Tensor:
        """Where a convolution writes whose block ends in ``out`` (rows, C, N, H, W)."""
        return torch.empty_like(out)

    def finish(self, y: Tensor, out: Tensor) -> Any:
        """What follows a convolution ``y`` (rows, C, N, H, W), into ``out``; returns what its backward needs."""
        rows, channels = y.shape[:2]
        flat = y.view(1, rows * channels, -1)  # statistics of each row and channel, over images and pixels
        normalised, mean, invstd = aten.native_batch_norm(flat, None, None, None, None, True, 0.0, self.eps)
        out.copy_(normalised.view(y.shape))
        return y, mean, invstd

    def finish_backward(self, g: Tensor, kept: Any) -> Tensor:
        """The gradient for ``y`` of `finish`, given that of ``out``, (rows, C, N, H, W)."""
        y, mean, invstd = kept
        flat = y.view(1, y.shape[0] * y.shape[1], -1)
        gradient, _, _ = aten.native_batch_norm_backward(
            g.reshape(flat.shape), flat, None, None, None, mean, invstd, True, self.eps, [True, False, False]
        )
        return gradient.view(y.shape)

    def scales(self, states: int, device: torch.device) -> Scales:
        """The scales of a cell's ``states`` rows."""
        return Scales()

    def factors(
        self, inputs: Tensor, log: Callable[[], Tensor], growth: Tensor, numbers: JointNumbers, networks: int
    ) -> Factors | None:
        """Rescale the ``inputs`` (rows, C, N, H, W) of a cell in place; ``log()`` (rows,) of what they read."""
        return None


class Scales:
    """No scales at all; what a cell asks of its form, and the name of every place where scales matter."""

    log: Any = None

    def input_(self, rows: slice, x: Tensor, log: Any) -> None:
        """Rescale preprocessed inputs ``x`` (rows, C, N, H, W) in place; ``log`` (rows,) of what they read."""

    def edges_(self, y: Tensor, sources: Tensor, edges_of_node: Tensor, node_of_edge: Tensor) -> None:
        """Bring the outputs (edges, C, N, H, W) of a wave's edges to a common scale within each node, in place."""

    def nodes_(self, rows: slice, x: Tensor) -> None:
        """Rescale the nodes (nodes, C, N, H, W) of the wave whose edges came last."""

    def output_(self, parts: Tensor, states: Tensor) -> Any:
        """Bring ``parts`` (networks, width, ...), each a state's, to a common scale; returns its logarithm."""

    def output_backward_(self, g: Tensor) -> None:
        """The gradient (networks, width, ...) for the parts, in place.

        The following undo waves and inputs, last ones first.
        """

    def wave_backward_(self, g: Tensor) -> None:
        """``g`` (edges, ...) from the gradient of a wave's nodes to that of its edges' outputs, in place."""

    def input_backward_(self, g: Tensor) -> None:
        """From the gradient (rows, C, N, H, W) of rescaled inputs to that of what was rescaled, in place."""


class PlainForm(Form):
    """Networks without BatchNorm: every state is divided by its largest entry, whose logarithm is kept.

    ``constants`` are the divisors of an earlier pass, to be used again, so that gradients share their scale.
    ``nonnegative`` are networks all of whose weights are positive: what comes out of a cell needs no ReLU.
    """

    def __init__(self, constants: Sequence[Any] | None = None, *, nonnegative: bool = False) -> None:
        self._given: Iterator[Any] | None = None if constants is None else iter(constants)
        self.constants: list[Any] = []
        self._rooms: tuple[Room, Room] | None = None
        self.nonnegative = nonnegative

    def room(self, out: Tensor) -> Tensor:
        return out

    def finish(self, y: Tensor, out: Tensor) -> Any:
        return None

    def finish_backward(self, g: Tensor, kept: Any) -> Tensor:
        return g

    def scales(self, states: int, device: torch.device) -> Scales:
        return LogScales(self, states, device)

    def rescale_(self, x: Tensor) -> Tensor:
        """Divide each row of ``x`` by its largest magnitude, a row of zeros by 1; returns the divisors (rows,)."""
        divisor: Tensor = self.again(lambda: divisors_of(x))
        x.div_(rowwise(divisor, x))
        return divisor

    def factors(
        self, inputs: Tensor, log: Callable[[], Tensor], growth: Tensor, numbers: JointNumbers, networks: int
    ) -> Factors | None:
        found: Factors = self.again(lambda: measured(inputs, log(), growth, numbers, networks))
        inputs.div_(rowwise(found.divisors, inputs))
        return found

    def rooms(self, like: Tensor, totals: tuple[int, int]) -> tuple[Room, Room]:
        """Room for the factors of all cells, like ``like`` (any shape), and for logarithms, in float64."""
        if self._rooms is None:
            logs = like.new_empty(totals[1], dtype=torch.float64)
            self._rooms = Room(like.new_empty(totals[0])), Room(logs)
        return self._rooms

    def again(self, measure: Callable[[], Any]) -> Any:
        """What ``measure`` returns, or returned at this place of the earlier pass."""
        found = measure() if self._given is None else next(self._given)
        self.constants.append(found)
        return found


class LogScales(Scales):
    """The logarithms (states,) of what a cell's states were divided by, in float64."""

    def __init__(self, form: PlainForm, states: int, device: torch.device) -> None:
        self.form = form
        self.log = torch.full((states,), -torch.inf, dtype=torch.float64, device=device)
        self._undo: list[Tensor] = []  # factors of the gradients, in the order of the forward pass
        self._common = self._coefficient = self.log

    def input_(self, rows: slice, x: Tensor, log: Tensor) -> None:
        divisor = self.form.rescale_(x)
        self.log[rows] = log + divisor.double().log()
        self._undo.append(1 / divisor)

    def edges_(self, y: Tensor, sources: Tensor, edges_of_node: Tensor, node_of_edge: Tensor) -> None:
        log = self.log[sources]
        self._common = log[edges_of_node].amax(1)  # (nodes,)
        self._coefficient = torch.exp(log - self._common[node_of_edge])
        y.mul_(rowwise(self._coefficient, y))
        self._node_of_edge = node_of_edge

    def nodes_(self, rows: slice, x: Tensor) -> None:
        divisor = self.form.rescale_(x).double()
        self.log[rows] = self._common + divisor.log()
        self._undo.append(self._coefficient / divisor[self._node_of_edge])

    def output_(self, parts: Tensor, states: Tensor) -> Tensor:
        log = self.log[states]  # (networks, width); -inf where padded
        common = log.amax(1)
        coefficient = torch.exp(log - common[:, None])
        parts.mul_(rowwise(coefficient, parts).view(*coefficient.shape, *[1] * (parts.dim() - 2)))
        self._undo.append(coefficient)
        return common

    def output_backward_(self, g: Tensor) -> None:
        coefficient = self._undo.pop()
        g.mul_(rowwise(coefficient, g).view(*coefficient.shape, *[1] * (g.dim() - 2)))

    def wave_backward_(self, g: Tensor) -> None:
        g.mul_(rowwise(self._undo.pop(), g))

    def input_backward_(self, g: Tensor) -> None:
        g.mul_(rowwise(self._undo.pop(), g))

"""What a cell of all networks of a population reads and writes; how it runs is in `apart` and in `joint`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from fitness.population.blocks import Around, Block, Halving, Pointwise
from fitness.population.kernels import accumulate, relu_backward_
from fitness.population.plan import PlacedCell


class StageOutput:
    """The output of a stage behind its ReLU: (networks, C, N, H, W), log-scales, and later its gradient."""

    def __init__(self, value: Tensor, log: Any, nonnegative: bool) -> None:
        self.positive, self.log = value if nonnegative else value.relu(), log
        self.gradient: Tensor | None = None
        self.before_relu = True  # whether the gradient is that of the value, else that of `positive`

    def add_gradient(self, g: Tensor, rows: Tensor | None) -> None:
        """Add ``g`` (networks, C, N, H, W) to the gradient, for all networks or for those at ``rows``."""
        if self.gradient is None:
            if rows is None:
                self.gradient = g
                return
            self.gradient = torch.zeros_like(self.positive)
        if rows is None:
            self.gradient += g
        else:
            accumulate(self.gradient, rows, g)

    def finish_gradient(self) -> None:
        """Make the gradient that of the value, if it is not yet."""
        if not self.before_relu and self.gradient is not None:
            relu_backward_(self.gradient, self.positive)
            self.before_relu = True


class CellPass:
    """One pass through one cell; `backward` follows `forward` once. Inputs read ``rows`` of their stages."""

    def __init__(self, cell: PlacedCell, rows: list[Tensor | None], around: Around) -> None:
        self.cell, self.input_rows, self.around = cell, rows, around
        self.blocks: list[Block | None] = [_preprocessing(cell, i, around) for i in (0, 1)]

    def forward(self, outputs: list[StageOutput]) -> tuple[Tensor, Any]:
        """The output (networks, C, N, H, W) and its log-scales, from the ``outputs`` of all stages before."""
        raise NotImplementedError

    def backward(self, output: StageOutput, outputs: list[StageOutput]) -> None:
        """Add the gradients for what was read to ``outputs``, given that of the ``output``."""
        raise NotImplementedError

    def _room(self, like: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(states, inputs, nodes): without a reduction, the last two are views of the first."""
        waves, cell = self.cell.waves, self.cell
        shape = (cell.channels, like.shape[2])
        side_in, side = (cell.side_in,) * 2, (cell.side,) * 2
        nodes = waves.nodes + 1  # and the row of zeros
        if waves.reduction:
            return like, like.new_empty(waves.input_rows, *shape, *side_in), like.new_empty(nodes, *shape, *side)
        states = like.new_empty(waves.input_rows + nodes, *shape, *side)
        return states, states[: waves.input_rows], states[waves.input_rows :]

    def _preprocess(self, outputs: list[StageOutput], inputs: Tensor) -> Iterator[tuple[slice, Any]]:
        """Write the preprocessed ``inputs`` (rows, C, N, H, W); yields rows and the scales of what they read."""
        begin = 0
        for source, rows, block in zip(self.cell.inputs, self.input_rows, self.blocks, strict=True):
            if block is None:
                continue
            read = outputs[source.stage]
            count = len(read.positive) if rows is None else len(rows)
            out = inputs[begin : begin + count]
            block.forward(read.positive if rows is None else read.positive.index_select(0, rows), out)
            log = read.log if rows is None or read.log is None else read.log[rows]
            yield slice(begin, begin + count), log
            begin += count

    def _preprocess_backward(
        self, g: Tensor, outputs: list[StageOutput], before: Callable[[Tensor], None] = lambda g: None
    ) -> None:
        """`backward` from the inputs' gradients ``g``; ``before`` changes those of one source in place."""
        end = len(g)
        for source, rows, block in zip(
            reversed(self.cell.inputs), reversed(self.input_rows), reversed(self.blocks), strict=True
        ):
            if block is None:
                continue
            stage = outputs[source.stage]
            count = len(stage.positive) if rows is None else len(rows)
            own = g[end - count : end]
            before(own)
            self._hand_on(own, block, stage, rows)
            end -= count

    def _hand_on(self, g: Tensor, block: Block, stage: StageOutput, rows: Tensor | None) -> None:
        """Add what follows from ``g``, the gradient (rows, C, N, H, W) of what ``block`` made of ``stage``."""
        stage.add_gradient(block.backward(g), rows)

    def _read_from(self, stride: int, states: Tensor, inputs: Tensor, nodes: Tensor) -> Tensor:
        if not self.cell.waves.reduction:
            return states
        return inputs if stride == 2 else nodes


def _preprocessing(cell: PlacedCell, i: int, around: Around) -> Block | None:
    """None where no network uses the input."""
    if not cell.waves.inputs[i]:
        return None
    places = cell.inputs[i].weights
    return Halving(around, *places) if cell.inputs[i].halve else Pointwise(around, *places)

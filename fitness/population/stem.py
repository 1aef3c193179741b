"""The layers from the images to the inputs of the first cell, for all networks of a population."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from fitness.population.blocks import Around, Block
from fitness.population.cell import StageOutput
from fitness.population.forms import Scales
from fitness.population.kernels import columns, columns_backward, flat, product, relu_backward_, side_after
from fitness.population.plan import Place, Plan, Stage, indices


def stem_rows(plan: Plan, device: str) -> Tensor | None:
    """The networks (n,) that have the second of two stems live; None for all of them, or if there is one."""
    networks = plan.stages[plan.stems - 1].networks
    return None if len(networks) == plan.networks else indices([networks], device)[0]


def stem_pass(plan: Plan, rows: Tensor | None, around: Around) -> StemPass:
    """The stem of the networks of ``plan``; the second one of two is that of the networks ``rows`` (n,)."""
    return OneStem(plan, around) if plan.stems == 1 else TwoStems(plan, rows, around)


class StemPass:
    """One pass through the stems; `backward` follows `forward` once."""

    def __init__(self, plan: Plan, around: Around) -> None:
        self.plan, self.around = plan, around
        self.scales: list[Scales] = []

    def forward(self, images: Tensor) -> list[StageOutput]:
        """The outputs of all stems for ``images`` (N, 3, H, W), or (networks, N, 3, H, W), each with its own."""
        raise NotImplementedError

    def backward(self, outputs: list[StageOutput], image_gradient: bool) -> Tensor | None:
        """Write the weights' gradients, given those of ``outputs``, which are taken from the list.

        Returns the gradient of the images, (networks, N, 3, H, W), or None if it is not asked for.
        """
        raise NotImplementedError

    def _output(self, number: int, value: Tensor, log: Any, nonnegative: bool) -> StageOutput:
        """Stage ``number``, whose output is ``value`` (networks, C, N, H, W) with the log-scales ``log``."""
        scales = self.around.form.scales(len(value), value.device)
        scales.input_(slice(0, len(value)), value, log)
        self.scales.append(scales)
        self.around.observer.stage(number, value)
        return StageOutput(value, scales.log, nonnegative)


class OneStem(StemPass):
    """A 3x3 convolution."""

    def __init__(self, plan: Plan, around: Around) -> None:
        super().__init__(plan, around)
        self.first = First(plan, 1, around)

    def forward(self, images: Tensor) -> list[StageOutput]:
        value = self.first.forward(images)
        return [self._output(0, value, 0, False)]

    def backward(self, outputs: list[StageOutput], image_gradient: bool) -> Tensor | None:
        g = outputs.pop().gradient
        assert g is not None
        self.scales.pop().input_backward_(g)
        return self.first.backward(g, image_gradient)


class TwoStems(StemPass):
    """3x3 convolutions of stride 2: two of the first stem, and one of the second for the networks ``rows``."""

    def __init__(self, plan: Plan, rows: Tensor | None, around: Around) -> None:
        super().__init__(plan, around)
        self.rows = rows
        self.first = First(plan, 2, around)
        self.second, *self.third = (Strided(around, place) for place in plan.stem[1:])  # no third where it is dead

    def forward(self, images: Tensor) -> list[StageOutput]:
        before, last = self.plan.stages[: self.plan.stems]
        found = [self._stage(0, self.second, self.first.forward(images).relu_(), before, 0)]
        x, log = found[0].positive, found[0].log
        if self.rows is not None:
            x, log = x.index_select(0, self.rows), None if log is None else log[self.rows]
        found += [self._stage(1, block, x, last, log) for block in self.third]
        return found if self.third else [*found, StageOutput(x, None, True)]

    def _stage(self, number: int, block: Strided, x: Tensor, stage: Stage, log: Any) -> StageOutput:
        value = x.new_empty((len(x), stage.channels, x.shape[2], stage.side, stage.side))
        block.forward(x, value)
        return self._output(number, value, log, self.around.form.nonnegative)

    def backward(self, outputs: list[StageOutput], image_gradient: bool) -> Tensor | None:
        g = outputs.pop().gradient
        for block in self.third:
            assert g is not None
            self.scales.pop().input_backward_(g)
            outputs[0].add_gradient(block.backward(g), self.rows)
        g = outputs.pop().gradient
        assert g is not None
        self.scales.pop().input_backward_(g)
        return self.first.backward(self.second.backward(g), image_gradient)


class First:
    """The 3x3 convolution of the images of every network, and what follows it; it has no ReLU in front."""

    def __init__(self, plan: Plan, stride: int, around: Around) -> None:
        self.networks, self.place, self.stride, self.around = plan.networks, plan.stem[0], stride, around
        self.kept: Any = None

    def forward(self, images: Tensor) -> Tensor:
        """(networks, C, N, H', W') of ``images`` (N, 3, H, W) or (networks, N, 3, H, W)."""
        form, side = self.around.form, side_after(images.shape[-1], self.stride)
        seen = columns(images.transpose(-4, -3), self.stride).expand(self.networks, -1, -1)
        weight = self.around.parameters.of(self.place)  # (networks, C, 27)
        value = seen.new_empty((self.networks, weight.shape[1], images.shape[-4], side, side))
        room = form.room(value)
        product(weight, seen, flat(room))
        finished = form.finish(room, value)
        self.kept = (seen, images.shape[-1], room, finished) if self.around.keep else None
        return value

    def backward(self, g: Tensor, image_gradient: bool) -> Tensor | None:
        """The gradient (networks, N, 3, H, W) of the images given that of `forward`, None if not asked for."""
        (seen, side, y, finished), self.kept = self.kept, None
        parameters = self.around.parameters
        g = self.around.form.finish_backward(g, finished)
        self.around.observer.output(y, g, self.place)
        product(flat(g), seen.mT, parameters.gradient(self.place))
        if not image_gradient:
            return None
        found = product(parameters.of(self.place).mT, flat(g))
        return columns_backward(found, g.shape[2], side, self.stride).transpose(1, 2)


class Strided(Block):
    """A 3x3 convolution of stride 2."""

    stride = 2

    def __init__(self, around: Around, place: Place) -> None:
        super().__init__(around)
        self.place = place

    def convolve(self, x: Tensor, y: Tensor) -> tuple[Any, ...]:
        self.around.observer.relu(x, self.place)
        product(self.around.parameters.of(self.place), columns(x, self.stride), flat(y))
        return (x,)

    def convolve_backward(self, g: Tensor, y: Tensor | None, *kept: Any) -> Tensor:
        (x,) = kept
        parameters = self.around.parameters
        if y is not None:
            self.around.observer.output(y, g, self.place)
        product(flat(g), columns(x, self.stride).mT, parameters.gradient(self.place))
        seen = product(parameters.of(self.place).mT, flat(g))
        return relu_backward_(columns_backward(seen, x.shape[2], x.shape[-1], self.stride).contiguous(), x)

"""One forward and one backward through all networks of a population."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from fitness.population.apart import ApartCellPass, ApartIndex, apart_cells
from fitness.population.blocks import Around
from fitness.population.cell import CellPass, StageOutput
from fitness.population.forms import PlainForm
from fitness.population.joint import launches
from fitness.population.joint.cell import JointCellPass
from fitness.population.joint.fused_cell import FusedCellPass
from fitness.population.joint.index import JointIndex, joint_cells
from fitness.population.kernels import flat, product
from fitness.population.plan import PlacedCell, Plan

KERNEL = 3  # of the stem


class Index:
    """The numbers of a plan on a device; made once for all passes."""

    def __init__(self, plan: Plan, device: str) -> None:
        self.cells: Sequence[ApartIndex | JointIndex | None] = (
            apart_cells(plan, device) if device == "cpu" else joint_cells(plan, device)
        )


class NetworkPass:
    """A pass through a population; `backward` follows `forward` once.

    ``images`` are (N, 3, H, W), the same for all networks, or (networks, N, 3, H, W), each with its own.
    """

    def __init__(self, plan: Plan, index: Index, bias: Tensor, around: Around) -> None:
        self.plan, self.bias, self.around = plan, bias, around
        self.cells = [
            None if cell is None or numbers is None else _cell_pass(cell, numbers, around)
            for cell, numbers in zip(plan.cells, index.cells, strict=True)
        ]

    def forward(self, images: Tensor) -> tuple[Tensor, Any]:
        """Logits (networks, classes, N) up to the factor exp(log), and log (networks,), None without scales."""
        observer, form = self.around.observer, self.around.form
        value, log = self._stem(images)
        observer.stage(0, value)
        self.outputs = [StageOutput(value, log, False)]
        for i, cell in enumerate(self.cells):
            if cell is None:
                self.outputs.append(StageOutput(self.outputs[0].positive[:0], None, True))
                continue
            value, log = cell.forward(self.outputs)
            observer.stage(i + 1, value)
            last = i == len(self.cells) - 1  # no ReLU follows it
            self.outputs.append(StageOutput(value, log, form.nonnegative or last))
        pooled = value.mean((3, 4))  # (networks, C, N)
        observer.stage(len(self.outputs), pooled)
        weight = self.around.parameters.of(self.plan.classifier)
        bias = self.bias if log is None else self.bias * torch.exp(-log).to(self.bias.dtype)[:, None]
        self.kept = pooled
        self.logits = bias[:, :, None] + product(weight, pooled)
        return self.logits, log

    def _stem(self, images: Tensor) -> tuple[Tensor, Any]:
        form, networks = self.around.form, self.plan.networks
        images_each, side = images.shape[-4], images.shape[-1]
        columns = _columns(images).expand(networks, -1, -1)
        weight = self.around.parameters.of(self.plan.stem)  # (networks, C, 27)
        value = columns.new_empty((networks, weight.shape[1], images_each, side, side))
        room = form.room(value)
        product(weight, columns, flat(room))
        finished = form.finish(room, value)
        self.stem_scales = form.scales(networks, value.device)
        self.stem_scales.input_(slice(0, networks), value, 0)
        self.stem_kept = (columns, room, finished) if self.around.keep else None
        return value, self.stem_scales.log

    def backward(self, g: Tensor, *, image_gradient: bool = False) -> Tensor | None:
        """Write the weights' gradients, given that of the logits; returns that of the images, one of each network.

        (networks, N, 3, H, W), or None if it is not asked for.
        """
        parameters, observer, last = self.around.parameters, self.around.observer, self.outputs[-1]
        pooled, classifier = self.kept, self.plan.classifier
        product(g, pooled.mT, parameters.gradient(classifier))
        observer.output(self.logits, g, classifier)
        g_pooled = product(parameters.of(classifier).mT, g) / last.positive[0, 0, 0].numel()
        last.add_gradient(g_pooled[..., None, None].expand(last.positive.shape).contiguous(), None)
        while self.cells:
            cell, output = self.cells.pop(), self.outputs.pop()
            if cell is not None:
                assert output.gradient is not None
                cell.backward(output.gradient, self.outputs)
        found = self._stem_backward(self.outputs.pop(), image_gradient)
        parameters.add_images()
        return found

    def _stem_backward(self, output: StageOutput, image_gradient: bool) -> Tensor | None:
        assert output.gradient is not None and self.stem_kept is not None
        (columns, y, finished), self.stem_kept = self.stem_kept, None
        g, place, parameters = output.gradient, self.plan.stem, self.around.parameters
        self.stem_scales.input_backward_(g)
        g = self.around.form.finish_backward(g, finished)
        self.around.observer.output(y, g, place)
        product(flat(g), columns.mT, parameters.gradient(place))
        if not image_gradient:
            return None
        return _columns_backward(product(parameters.of(place).mT, flat(g)), g.shape[2], g.shape[-1])


def _cell_pass(cell: PlacedCell, index: ApartIndex | JointIndex, around: Around) -> CellPass:
    if isinstance(index, JointIndex):
        if launches.chosen() and isinstance(around.form, PlainForm):
            return FusedCellPass(cell, index, around)
        return JointCellPass(cell, index, around)
    return ApartCellPass(cell, index, around)


def _columns(images: Tensor) -> Tensor:
    """What the stem's kernel sees at every pixel: (..., N, 3, H, W) -> (..., 27, N H W)."""
    padded = F.pad(images, [KERNEL // 2] * 4)
    seen = padded.unfold(-2, KERNEL, 1).unfold(-2, KERNEL, 1)  # (..., N, 3, H, W, 3, 3)
    order = [*range(images.dim() - 4), *(position - 6 for position in (1, 4, 5, 0, 2, 3))]
    return seen.permute(order).flatten(-6, -4).flatten(-3)


def _columns_backward(g: Tensor, images: int, side: int) -> Tensor:
    """The gradient of `_columns`: (networks, 27, N H W) -> (networks, N, 3, H, W)."""
    unfolded = g.view(*g.shape[:2], images, -1).transpose(1, 2).flatten(0, 1)
    return F.fold(unfolded, (side, side), KERNEL, padding=KERNEL // 2).view(len(g), images, -1, side, side)

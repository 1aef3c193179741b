"""One forward and one backward through all networks of a population."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from fitness.population.apart import ApartCellPass, ApartIndex, apart_cells
from fitness.population.blocks import Around
from fitness.population.cell import CellPass, StageOutput
from fitness.population.forms import PlainForm
from fitness.population.joint import launches
from fitness.population.joint.cell import JointCellPass
from fitness.population.joint.fused_cell import FusedCellPass
from fitness.population.joint.index import JointIndex, joint_cells
from fitness.population.kernels import product
from fitness.population.plan import PlacedCell, Plan
from fitness.population.stem import stem_pass, stem_rows


class Index:
    """The numbers of a plan on a device; made once for all passes."""

    def __init__(self, plan: Plan, device: str) -> None:
        self.cells: Sequence[ApartIndex | JointIndex | None] = (
            apart_cells(plan, device) if device == "cpu" else joint_cells(plan, device)
        )
        self.stem = stem_rows(plan, device)


class NetworkPass:
    """A pass through a population; `backward` follows `forward` once.

    ``images`` are (N, 3, H, W), the same for all networks, or (networks, N, 3, H, W), each with its own.
    """

    def __init__(self, plan: Plan, index: Index, bias: Tensor, around: Around) -> None:
        self.plan, self.bias, self.around = plan, bias, around
        self.stem = stem_pass(plan, index.stem, around)
        self.cells = [
            None if cell is None or numbers is None else _cell_pass(cell, numbers, around)
            for cell, numbers in zip(plan.cells, index.cells, strict=True)
        ]

    def forward(self, images: Tensor) -> tuple[Tensor, Any]:
        """Logits (networks, classes, N) up to the factor exp(log), and log (networks,), None without scales."""
        observer, form = self.around.observer, self.around.form
        self.outputs = self.stem.forward(images)
        for i, cell in enumerate(self.cells):
            if cell is None:
                self.outputs.append(StageOutput(self.outputs[0].positive[:0], None, True))
                continue
            value, log = cell.forward(self.outputs)
            observer.stage(len(self.outputs), value)
            last = i == len(self.cells) - 1  # no ReLU follows it
            self.outputs.append(StageOutput(value, log, form.nonnegative or last))
        pooled = value.mean((3, 4))  # (networks, C, N)
        observer.stage(len(self.outputs), pooled)
        weight = self.around.parameters.of(self.plan.classifier)
        bias = self.bias if log is None else self.bias * torch.exp(-log).to(self.bias.dtype)[:, None]
        self.kept = pooled
        self.logits = bias[:, :, None] + product(weight, pooled)
        return self.logits, log

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
                cell.backward(output, self.outputs)
        for output in self.outputs:  # of the stems
            output.finish_gradient()
        found = self.stem.backward(self.outputs, image_gradient)
        parameters.add_images()
        return found


def _cell_pass(cell: PlacedCell, index: ApartIndex | JointIndex, around: Around) -> CellPass:
    if isinstance(index, JointIndex):
        if launches.chosen() and isinstance(around.form, PlainForm):
            return FusedCellPass(cell, index, around)
        return JointCellPass(cell, index, around)
    return ApartCellPass(cell, index, around)

"""What CRoZe compares, by kernels of Triton."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from fitness.croze import BETA
from fitness.population.comparing import Comparing
from fitness.population.joint import launches
from fitness.population.weights import Weights

PARTS = 16  # programs at most that compare one output of a network
COLUMNS = 128  # of a layer that are compared at once


class FusedComparing(Comparing):
    """One launch for each stack or stage."""

    def perturbed(self, weights: Weights, gradients: list[Tensor]) -> list[Tensor]:
        """`Comparing.perturbed`, (rows, out, fan)."""
        found = weights.zeros()
        for w, g, out in zip(weights.stacks, gradients, found, strict=True):
            launches.run("perturbed", (len(w),), w, g, out, w[0].numel(), BETA, launches.BLOCK)
        return found

    def weights(self, perturbed: list[Tensor], weights: list[Tensor]) -> list[Tensor]:
        """`Comparing.weights`, (rows,) for layers (rows, out, fan)."""
        found = _room(weights)
        for u, v, out in zip(perturbed, weights, found, strict=True):
            launches.run("column_cosines", (len(u),), u, u, out, out, v, out, *u.shape[1:], False, COLUMNS)
        return found

    def gradients(
        self, parts: Sequence[list[Tensor]], shares: Sequence[tuple[Tensor, ...]], clean: list[Tensor]
    ) -> list[Tensor]:
        found = _room(clean)
        for one, other, share, share_other, v, out in zip(*parts, *shares, clean, found, strict=True):
            of_mix = one, other, share, share_other, v, out
            launches.run("column_cosines", (len(v),), *of_mix, *v.shape[1:], True, COLUMNS)
        return found

    def stage(self, value: Tensor, clean: Tensor) -> Tensor:
        networks, channels, images = value.shape[:3]
        area = value[0, 0, 0].numel()
        parts = min(PARTS, launches.blocks(channels * area))
        found = value.new_empty(networks, parts, dtype=torch.float64)
        launches.run(
            "stage_cosines", (networks, parts), value, clean, found, channels, images, area, parts, launches.BLOCK
        )
        return found.sum(1)


def _room(stacks: list[Tensor]) -> list[Tensor]:
    """For a number of every row, (rows,) each."""
    rows = list(map(len, stacks))
    return list(stacks[0].new_empty(sum(rows), dtype=torch.float64).split(rows))

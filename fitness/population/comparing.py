"""What CRoZe computes of the weights, the gradients and the outputs of all networks of a population."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from fitness.croze import BETA
from fitness.population.reductions import cosines, cosines_of, directions, norms, sums
from fitness.population.weights import Weights


class Comparing:
    """By PyTorch; lists have a tensor for each stack, (rows, out, fan) of layers, and (rows,) of sums."""

    def perturbed(self, weights: Weights, gradients: list[Tensor]) -> list[Tensor]:
        """W' = W + beta |W| g/|g| of every layer, (rows, out, fan)."""
        return [
            weight + BETA * norms(weight) * directions(g)
            for weight, g in zip(weights.stacks, gradients, strict=True)
        ]

    def weights(self, perturbed: list[Tensor], weights: list[Tensor]) -> list[Tensor]:
        """For every layer the sum (rows,) of the cosines of its columns, (rows, out, fan) both."""
        return [sums(found) for found in cosines_of(perturbed, weights)]

    def gradients(
        self, parts: Sequence[list[Tensor]], shares: Sequence[tuple[Tensor, ...]], clean: list[Tensor]
    ) -> list[Tensor]:
        """For every layer the sum of the magnitudes of the cosines of columns, with the sum of two gradients.

        Each of the ``parts`` is multiplied by its ``shares``, (rows, 1, 1).
        """
        mixed = torch._foreach_mul(parts[0], shares[0])
        torch._foreach_add_(mixed, torch._foreach_mul(parts[1], shares[1]))
        return [sums(found.abs_()) for found in cosines_of(mixed, clean)]

    def stage(self, value: Tensor, clean: Tensor) -> Tensor:
        """For every network the sum (networks,) of the cosines over images, (networks, C, N, ...) both."""
        return sums(cosines(value, clean, 2))

"""Scale-invariant norms and cosines of many layers at once, as in `fitness.cosine`."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from fitness.population.plan import Plan


def unit(x: Tensor, dim: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """``x`` of any shape divided by its largest magnitude over ``dim``, and that; zeros are divided by 1."""
    largest = x.abs().amax(dim, keepdim=True)
    return x / torch.where(largest > 0, largest, 1), largest


def norms(x: Tensor) -> Tensor:
    """Euclidean norms of the rows, (rows, out, fan) -> (rows, 1, 1)."""
    scaled, largest = unit(x, (1, 2))
    return torch.linalg.vector_norm(scaled, dim=(1, 2), keepdim=True) * largest


def directions(x: Tensor) -> Tensor:
    """Each row of (rows, out, fan) divided by its Euclidean norm; a row of zeros stays zeros."""
    scaled, _ = unit(x, (1, 2))
    length = torch.linalg.vector_norm(scaled, dim=(1, 2), keepdim=True)
    return scaled / torch.where(length > 0, length, 1)


def cosines(u: Tensor, v: Tensor, dim: int) -> Tensor:
    """cos over ``dim`` for every position of the other dimensions, of any shape; 0 for a zero column."""
    u, v = unit(u, (dim,))[0], unit(v, (dim,))[0]
    dot = torch.linalg.vecdot
    lengths = (dot(u, u, dim=dim) * dot(v, v, dim=dim)).sqrt()
    return dot(u, v, dim=dim) / torch.where(lengths > 0, lengths, 1)


def sums(x: Tensor) -> Tensor:
    """The sum of each row in float64, (rows, ...) -> (rows,)."""
    return x.flatten(1).sum(1, dtype=torch.float64)


def loss_gradients(logits: Tensor, labels: Tensor) -> Tensor:
    """d L / d logits of the mean cross-entropy of each network, (networks, classes, N), in float64."""
    gradient = torch.softmax(logits.double(), dim=1)
    images = torch.arange(len(labels), device=labels.device)
    gradient[:, labels, images] -= 1
    return gradient / len(labels)


def by_layer(plan: Plan, rows: Sequence[Tensor]) -> list[list[list[float]]]:
    """Numbers (rows, k) of every stack as lists of k: network by network, in the order of its modules.

    Sums over a list do not depend on what other networks are there. Everything comes in one transfer.
    """
    numbers = torch.cat(list(rows)).tolist()
    layers: list[dict[int, list[float]]] = [{} for _ in range(plan.networks)]
    owners = (
        (network, number)
        for stack in plan.stacks
        for network, number in zip(stack.network, stack.number, strict=True)
    )
    for (network, number), values in zip(owners, numbers, strict=True):
        layers[network][number] = values
    return [[own[number] for number in sorted(own)] for own in layers]

"""Scale-invariant norms and cosines of many layers at once, as in `fitness.cosine`."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from fitness.population.kernels import largest, or_one
from fitness.population.plan import Plan


def unit(x: Tensor, dim: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """``x`` of any shape divided by its largest magnitude over ``dim``, and that; zeros are divided by 1."""
    found = largest(x, dim, keepdim=True)
    return x / or_one(found), found


def norms(x: Tensor) -> Tensor:
    """Euclidean norms of the rows, (rows, out, fan) -> (rows, 1, 1)."""
    scaled, magnitude = unit(x, (1, 2))
    return torch.linalg.vector_norm(scaled, dim=(1, 2), keepdim=True) * magnitude


def directions(x: Tensor) -> Tensor:
    """Each row of (rows, out, fan) divided by its Euclidean norm; a row of zeros stays zeros."""
    scaled, _ = unit(x, (1, 2))
    length = torch.linalg.vector_norm(scaled, dim=(1, 2), keepdim=True)
    return scaled / or_one(length)


def cosines(u: Tensor, v: Tensor, dim: int) -> Tensor:
    """cos over ``dim`` for every position of the other dimensions, of any shape; 0 for a zero column."""
    u, v = unit(u, (dim,))[0], unit(v, (dim,))[0]
    dot = torch.linalg.vecdot
    lengths = (dot(u, u, dim=dim) * dot(v, v, dim=dim)).sqrt()
    return dot(u, v, dim=dim) / or_one(lengths)


def cosines_of(us: Sequence[Tensor], vs: Sequence[Tensor]) -> list[Tensor]:
    """`cosines` over dimension 1 of stacks (rows, out, fan), (rows, fan) each, in fewer calls."""
    us, vs = _units(us), _units(vs)
    uv, uu, vv = (_dots(a, b) for a, b in ((us, vs), (us, us), (vs, vs)))
    return _columns(uv / or_one((uu * vv).sqrt()), us)


def _units(xs: Sequence[Tensor]) -> Sequence[Tensor]:
    """Each column of stacks (rows, out, fan) divided by its largest magnitude."""
    found = torch.cat([largest(x, (1,)).flatten() for x in xs])
    divisors = [column[:, None] for column in _columns(or_one(found), xs)]
    return torch._foreach_div(list(xs), divisors)


def _dots(us: Sequence[Tensor], vs: Sequence[Tensor]) -> Tensor:
    """The sums over dimension 1 of u v, those of all stacks one after the other."""
    found = _room(us)
    products = torch._foreach_mul(list(us), list(vs))
    for product, out in zip(products, _columns(found, us), strict=True):
        torch.sum(product, 1, out=out)
    return found


def _room(xs: Sequence[Tensor]) -> Tensor:
    return xs[0].new_empty(sum(len(x) * x.shape[2] for x in xs))


def _columns(flat: Tensor, xs: Sequence[Tensor]) -> list[Tensor]:
    """Views (rows, fan) of ``flat``, one for each stack (rows, out, fan)."""
    parts = flat.split([len(x) * x.shape[2] for x in xs])
    return [part.view(len(x), x.shape[2]) for part, x in zip(parts, xs, strict=True)]


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

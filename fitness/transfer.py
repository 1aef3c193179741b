"""Numbers of a device in one transfer: each of its own would make the host wait."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor


def numbers(tensors: Iterable[Tensor]) -> list[float]:
    """The entries of tensors of one element and any shape, in float64; waits for their device once."""
    rows = [tensor.detach().reshape(()).double() for tensor in tensors]
    return torch.stack(rows).tolist() if rows else []

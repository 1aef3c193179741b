"""A network on a device by two transfers instead of one for each of its tensors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

M = TypeVar("M", bound=nn.Module)
ALIGNED = 64  # numbers; kernels read aligned addresses faster


def uploaded(network: M, device: str, dtype: torch.dtype) -> M:
    """``network``, whose parameters and buffers are then parts of one tensor of ``dtype`` on ``device``.

    Buffers of integers keep their type.
    """
    tensors = [*network.parameters(), *network.buffers()]
    floating = [tensor for tensor in tensors if tensor.is_floating_point()]
    _move(floating, device, dtype)
    _move([tensor for tensor in tensors if not tensor.is_floating_point()], device, torch.int64)
    return network


def _move(tensors: Sequence[Tensor], device: str, dtype: torch.dtype) -> None:
    if not tensors:
        return
    rows = [F.pad(flat, (0, -len(flat) % ALIGNED)) for flat in (one.detach().reshape(-1) for one in tensors)]
    everything = torch.cat(rows).to(device, dtype)
    for tensor, part in zip(tensors, everything.split([len(row) for row in rows]), strict=True):
        tensor.data = part[: tensor.numel()].view(tensor.shape)

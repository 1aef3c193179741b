"""Numbers and tensors of a device in one transfer: each of its own would make the host wait."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor


def numbers(tensors: Iterable[Tensor]) -> list[float]:
    """The entries of tensors of one element and any shape, in float64; waits for their device once."""
    rows = [tensor.detach().reshape(()).double() for tensor in tensors]
    return torch.stack(rows).tolist() if rows else []


def downloaded(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Tensors of any shapes in their order, contiguous on the CPU; waits for a GPU once per type of numbers."""
    alike: dict[tuple[torch.device, torch.dtype], list[str]] = {}
    for name, tensor in tensors.items():
        if tensor.is_cuda:
            alike.setdefault((tensor.device, tensor.dtype), []).append(name)
    found: dict[str, Tensor] = {}
    for names in alike.values():
        flat = torch.cat([tensors[name].detach().reshape(-1) for name in names]).cpu()
        parts = flat.split([tensors[name].numel() for name in names])
        found |= {name: part.view(tensors[name].shape) for name, part in zip(names, parts, strict=True)}
    return {
        name: found[name] if name in found else one.detach().cpu().contiguous() for name, one in tensors.items()
    }

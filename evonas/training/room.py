"""How much larger a batch may be on a GPU."""

from __future__ import annotations

import torch

SAFE = 0.8  # share of the free memory that is used


def times(device: torch.device, most: int) -> int:
    """How many times the work that this process has done on a GPU fits into its memory: from 1 to ``most``.

    The work took at most what PyTorch has reserved. Of a CPU nothing is known: 1.
    """
    if device.type != "cuda":
        return 1
    reserved, free = torch.cuda.memory_reserved(device), torch.cuda.mem_get_info(device)[0]
    return min(most, 1 + int(SAFE * free / max(1, reserved)))

"""How much larger a batch may be on a GPU."""

from __future__ import annotations

import torch
from torch import Tensor, nn

BUDGET = 2**32  # bytes of what the layers of a larger batch return; any card has as much to spare
FLOAT32 = 4  # bytes


def times(model: nn.Module, images: Tensor, batch: int, most: int) -> int:
    """How many times ``batch`` images of the size of ``images`` (N, 3, H, W) a GPU takes at once: 1 to ``most``.

    A function of shapes alone, not of the free memory: accuracies must not depend on what else a card does.
    On a CPU 1.
    """
    if images.device.type != "cuda":
        return 1
    values = 0

    def count(module: nn.Module, inputs: object, output: object) -> None:
        nonlocal values
        values += output.numel() if isinstance(output, Tensor) else 0

    handles = [layer.register_forward_hook(count) for layer in model.modules() if not any(layer.children())]
    try:
        with torch.no_grad():
            model(images[:1])
    finally:
        for handle in handles:
            handle.remove()
    return max(1, min(most, BUDGET // max(1, FLOAT32 * values * batch)))

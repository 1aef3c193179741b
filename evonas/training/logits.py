"""What a classifier says about images."""

from __future__ import annotations

import torch
from torch import Tensor

from evonas.training.undisturbed import Model
from spaces.errors import UsageError


def logits_of(model: Model, images: Tensor) -> Tensor:
    """Logits float32 (N, classes). Raises `UsageError` if the model returns anything else."""
    logits = model(images)
    if not isinstance(logits, Tensor) or logits.ndim != 2 or len(logits) != len(images) or logits.shape[1] < 2:
        what = tuple(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
        raise UsageError(f"the model must return logits of shape ({len(images)}, num_classes), got {what}")
    if logits.dtype != torch.float32:
        raise UsageError(f"attacks compute in float32, but the model returns {logits.dtype}; call model.float()")
    return logits


@torch.no_grad()
def correct(model: Model, images: Tensor, labels: Tensor) -> Tensor:
    """Which images are classified correctly, bool (N,); non-finite logits are wrong."""
    logits = logits_of(model, images)
    return (logits.argmax(1) == labels) & logits.isfinite().all(1)

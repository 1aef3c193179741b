"""The choice of algorithms for convolutions on a GPU."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def fastest_convolutions(device: torch.device) -> Iterator[None]:
    """Within the block cuDNN times its algorithms once for each shape and keeps the fastest.

    Two processes may choose differently, with other last digits: not if deterministic algorithms were asked for.
    """
    cudnn = torch.backends.cudnn
    strict = cudnn.deterministic or torch.are_deterministic_algorithms_enabled()
    before = cudnn.benchmark
    try:
        if device.type == "cuda" and not strict:
            cudnn.benchmark = True
        yield
    finally:
        cudnn.benchmark = before

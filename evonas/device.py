"""The device that scores are computed on, and how much memory was used."""

from __future__ import annotations

import sys

from spaces.errors import EvonasError, UsageError, shorten


def pick(device: str) -> str:
    """``auto`` as cuda where there is one, else cpu; any other name checked.

    Raises `UsageError` for a name PyTorch does not know, `EvonasError` for a device that is not here.
    """
    import torch

    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        kind = torch.device(device).type
    except (RuntimeError, ValueError):
        raise UsageError(f"unknown --device {shorten(device)}; use auto, cpu, cuda or cuda:N") from None
    if kind not in ("cpu", "cuda"):
        raise UsageError(
            f"--device {shorten(device)} is not supported (float64 is needed); use auto, cpu, cuda or cuda:N"
        )
    index = torch.device(device).index or 0
    if kind == "cuda" and (not torch.cuda.is_available() or index >= torch.cuda.device_count()):
        raise EvonasError(f"{device} is not available here; --device cpu would work")
    return "cpu" if kind == "cpu" else device  # which CPU, if somebody says so, makes no difference


def describe(device: str) -> str:
    """The device as a person would name it."""
    if device.startswith("cuda"):
        import torch

        return f"{torch.cuda.get_device_name(device)} ({device})"
    return "CPU"


def peak_memory(device: str) -> int:
    """Bytes used at most so far: allocated on the GPU, or resident in this process."""
    if device.startswith("cuda"):
        import torch

        return torch.cuda.max_memory_allocated(device)
    try:
        import resource
    except ImportError:  # not on Windows
        return 0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)

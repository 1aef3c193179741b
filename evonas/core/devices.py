"""The device that scores are computed on, and how much memory was used."""

from __future__ import annotations

import sys

from spaces.errors import EvonasError, UsageError, shorten


def pick(device: str) -> str:
    """``auto`` becomes cuda if there is one, else cpu; any other name is checked.

    Raises `UsageError` for a name unknown to PyTorch, `EvonasError` for an unavailable device.
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
    index = torch.device(device).index
    if kind == "cuda" and (not torch.cuda.is_available() or (index or 0) >= torch.cuda.device_count()):
        raise EvonasError(f"{device} is not available; use --device cpu")
    if kind == "cpu":
        return "cpu"  # an index of the CPU makes no difference
    if index is not None and (index > 0 or torch.cuda.is_initialized()) and not _of_a_group():
        torch.cuda.set_device(index)  # else pinned memory and random states would take memory of another GPU
    return device


def _of_a_group() -> bool:
    """Whether this is one of several processes that train together, each on a GPU that it has selected."""
    from torch import distributed

    return distributed.is_available() and distributed.is_initialized()


def describe(device: str) -> str:
    """The product name of the device."""
    if device.startswith("cuda"):
        import torch

        return f"{torch.cuda.get_device_name(device)} ({device})"
    return "CPU"


def peak_memory(device: str) -> int:
    """Peak memory in bytes: allocated on the GPU, or resident in this process."""
    if device.startswith("cuda"):
        import torch

        return torch.cuda.max_memory_allocated(device)
    try:
        import resource
    except ImportError:  # not on Windows
        return 0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)

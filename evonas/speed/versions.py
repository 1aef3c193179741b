"""The versions that the speed of a GPU depends on."""

from __future__ import annotations

from pathlib import Path

import torch

DRIVER = Path("/proc/driver/nvidia/version")


def versions(device: str) -> dict[str, str | None]:
    """Versions of PyTorch, and on a GPU of CUDA, cuDNN and the driver; None where the system does not tell."""
    found: dict[str, str | None] = {"torch": torch.__version__}
    if not device.startswith("cuda"):
        return found
    cudnn = torch.backends.cudnn.version()
    return found | {"cuda": torch.version.cuda, "cudnn": None if cudnn is None else str(cudnn), "driver": driver()}


def driver() -> str | None:
    """The version of the NVIDIA driver, on Linux."""
    try:
        line = DRIVER.read_text(encoding="utf-8").splitlines()[0]
    except (OSError, IndexError):
        return None
    return next((word for word in line.split() if word[0].isdigit() and "." in word), None)

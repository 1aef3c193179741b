"""``EVONAS_TEST_DEVICE=cuda``: tests that otherwise run on a CPU or on a pretended card run on a GPU.

The table of these tests and their tolerances is in docs/contributing.md.
"""

from __future__ import annotations

import os

import torch
from torch import Tensor

VARIABLE = "EVONAS_TEST_DEVICE"
DEVICE = os.environ.get(VARIABLE) or "cpu"
REAL = DEVICE != "cpu"
POPULATION = 1e-3 if REAL else 1e-5  # relative, of a score from that of a CPU
PIXELS = 0.01 if REAL else 0.0  # share of the pixels of attacked or corrupted images that may differ


def problem(device: str) -> str | None:
    """Why tests cannot run on ``device``, in one sentence."""
    if device == "cpu":
        return None
    if device != "cuda":
        return f"{VARIABLE} must be cpu or cuda, not {device}"
    if not torch.cuda.is_available():
        return f"{VARIABLE}=cuda, but PyTorch sees no GPU; unset it to run these tests on a pretended card"
    return None


def share_apart(found: Tensor, expected: Tensor, tolerance: float) -> float:
    """The share of entries of two tensors of any shape that differ by more than ``tolerance``."""
    assert found.shape == expected.shape and found.dtype == expected.dtype
    return ((found.double() - expected.double()).abs() > tolerance).double().mean().item()

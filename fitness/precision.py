"""Full float32 precision in matrix products and convolutions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch


@contextmanager
def full_precision() -> Iterator[None]:
    """Within the block float32 products do not use TF32 or bfloat16; the previous setting is restored."""
    switches = _switches()
    before = [getattr(place, name) for place, name, _ in switches]
    try:
        for place, name, value in switches:
            setattr(place, name, value)
        yield
    finally:
        for (place, name, _), value in zip(switches, before, strict=True):
            setattr(place, name, value)


def _switches() -> list[tuple[Any, str, Any]]:
    """The switches of the precision, and their value for full float32.

    PyTorch 2.9 and later has a switch per operation, and refuses to read the older ones once these are used.
    """
    backends: Any = torch.backends
    if hasattr(backends.cudnn, "conv"):
        cuda = [backends.cuda.matmul, backends.cudnn.conv, backends.cudnn.rnn]
        return [
            (place, "fp32_precision", "ieee") for place in (*cuda, backends.mkldnn.matmul, backends.mkldnn.conv)
        ]
    return [(backends.cudnn, "allow_tf32", False), (_Matmul(), "precision", "highest")]


class _Matmul:
    """The older switch of matrix products as an attribute."""

    @property
    def precision(self) -> str:
        return torch.get_float32_matmul_precision()

    @precision.setter
    def precision(self, value: str) -> None:
        torch.set_float32_matmul_precision(value)

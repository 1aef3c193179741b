"""What a reader is told about an operation: its names in drawings and tables, and its kind, which has a colour."""

from __future__ import annotations

import re
from typing import NamedTuple

KINDS = (
    *("separable", "dilated", "convolution", "factorized", "residual", "max pooling", "average pooling", "skip"),
    *("none", "other"),
)


class Operation(NamedTuple):
    """An operation of a space; ``kind`` is one of `KINDS`."""

    label: str  # in drawings: sep conv 3x3
    short: str  # in tables: sep3
    kind: str = "other"

    @property
    def silent(self) -> bool:
        """Whether it passes nothing; drawings leave it out."""
        return self.kind == "none"


def named(name: str, kind: str = "other") -> Operation:
    """The operation ``sep_conv_3x3``, with the label ``sep conv 3x3`` and the short name ``sep3``."""
    short = re.sub(r"(?:_conv|_pool)?_(\d)x\d", r"\1", name.replace("nor_conv", "conv"))
    return Operation(name.replace("_", " "), short, kind)

"""Several processes that were started together, as by ``torchrun``."""

from __future__ import annotations

import os


def is_first() -> bool:
    """Whether this is the only process or the first of several, which alone writes files and prints."""
    return os.environ.get("RANK", "0") == "0"

"""Images that a small network tells apart in a second."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image


def bright_and_dark(root: Path, each: int) -> str:
    """Two classes of ``each`` images of noise that differ in brightness, below ``root``, as ``folder:PATH``."""
    rng = np.random.default_rng(0)
    for name, low in (("dark", 0), ("light", 90)):
        (root / name).mkdir()
        for i in range(each):
            pixels = rng.integers(low, low + 160, (16, 16, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(root / name / f"{i:02}.png")
    return f"folder:{root}"

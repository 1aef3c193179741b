"""The numbers of the heat map can be read on their colours."""

from __future__ import annotations

import re
from pathlib import Path

from evonas.reporting.html import corruptions

STYLE = (Path(corruptions.__file__).parent / "page.css").read_text(encoding="utf-8")
READABLE = 3.4  # 3 is what WCAG asks of large text, and 21 the most


def luminance(colour: list[float]) -> float:
    """Relative luminance of WCAG 2."""
    red, green, blue = (v / 12.92 if v <= 0.03928 else ((v + 0.055) / 1.055) ** 2.4 for v in colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def channels(colour: str) -> list[float]:
    digits = colour if len(colour) == 6 else "".join(2 * digit for digit in colour)
    return [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]


def test_white_and_dark_numbers_have_contrast_in_every_theme() -> None:
    themes = [
        dict(re.findall(r"--(\w+): #(\w+);", block)) for block in re.findall(r":root \{(.*?)\}", STYLE, re.DOTALL)
    ]
    assert len(themes) == 3
    for theme in themes:
        heat, card, ink = (channels(theme[name]) for name in ("heat", "card", "ink"))
        for percent in range(101):
            low = 'class="low"' in corruptions._cell(percent / 100, 1.0)
            mixed = [percent / 100 * a + (1 - percent / 100) * b for a, b in zip(heat, card, strict=True)]
            dark, light = sorted((luminance(mixed), luminance(ink if low else [1.0, 1.0, 1.0])))
            assert (light + 0.05) / (dark + 0.05) >= READABLE, (theme, percent)

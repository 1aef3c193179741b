"""Symbols."""

from __future__ import annotations

SPARKS = "▁▂▃▄▅▆▇█"
ASCII_SPARKS = "_.-=+*#@"


def sparkline(values: list[float], width: int, sparks: str = SPARKS) -> str:
    """``values`` as at most ``width`` bars; with more values, each bar is the last value of its bin."""
    if not values or width < 1:
        return ""
    if len(values) > width:
        values = [values[(i + 1) * len(values) // width - 1] for i in range(width)]
    low, high = min(values), max(values)
    span = (high - low) or 1.0
    return "".join(sparks[min(len(sparks) - 1, int((value - low) / span * len(sparks)))] for value in values)

"""Colours and symbols."""

from __future__ import annotations

OPERATION_STYLES = {  # by prefix of the operation name
    "sep_conv": "bright_blue",
    "dil_conv": "cyan",
    "nor_conv": "bright_blue",
    "conv": "blue",
    "max_pool": "yellow",
    "avg_pool": "bright_yellow",
    "skip": "green",
    "none": "bright_black",
}
SPARKS = "▁▂▃▄▅▆▇█"
ASCII_SPARKS = "_.-=+*#@"


def operation_style(name: str) -> str:
    """The colour of an operation."""
    return next((style for prefix, style in OPERATION_STYLES.items() if name.startswith(prefix)), "white")


def operation_label(name: str) -> str:
    """``sep_conv_3x3`` as ``sep conv 3x3``."""
    return {"skip_connect": "skip"}.get(name, name.replace("_", " "))


def sparkline(values: list[float], width: int, sparks: str = SPARKS) -> str:
    """``values`` as at most ``width`` bars; with more values, each bar is the last value of its bin."""
    if not values or width < 1:
        return ""
    if len(values) > width:
        values = [values[(i + 1) * len(values) // width - 1] for i in range(width)]
    low, high = min(values), max(values)
    span = (high - low) or 1.0
    return "".join(sparks[min(len(sparks) - 1, int((value - low) / span * len(sparks)))] for value in values)

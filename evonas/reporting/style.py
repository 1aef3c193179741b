"""Colours, symbols and number formats."""

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


def number(value: float | None) -> str:
    """A score: five significant digits."""
    if value is None:
        return "-"
    return f"{value:.5g}" if value == 0 or 1e-3 <= abs(value) < 1e6 else f"{value:.4e}"


def count(value: float) -> str:
    """A size with its unit letter: 3.35 M."""
    for limit, unit in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= limit:
            return f"{value / limit:.3g} {unit}"
    return f"{value:.0f}"


def plural(number: int, noun: str) -> str:
    """A number and a noun: ``1 epoch``, ``2 epochs``."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def percent(value: float | None) -> str:
    """An accuracy in percent with two decimals."""
    return "-" if value is None else f"{100 * value:.2f} %"


def memory(size: int) -> str:
    """Bytes in MB or GB."""
    return f"{size / 2**30:.2f} GB" if size >= 2**30 else f"{size / 2**20:.0f} MB"


def duration(seconds: float) -> str:
    """``1:02:03``, ``2:03``, ``4.5 s`` or ``0.13 ms``."""
    if seconds < 0.1:
        return f"{1000 * seconds:.2g} ms"
    if seconds < 60:
        return f"{seconds:.2g} s" if seconds < 1 else f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def sparkline(values: list[float], width: int, sparks: str = SPARKS) -> str:
    """``values`` as at most ``width`` bars; with more values, each bar is the last value of its bin."""
    if not values or width < 1:
        return ""
    if len(values) > width:
        values = [values[(i + 1) * len(values) // width - 1] for i in range(width)]
    low, high = min(values), max(values)
    span = (high - low) or 1.0
    return "".join(sparks[min(len(sparks) - 1, int((value - low) / span * len(sparks)))] for value in values)

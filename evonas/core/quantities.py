"""Numbers with their units, as people read them."""

from __future__ import annotations


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

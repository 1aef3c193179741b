"""Charts in SVG: axes, a frame with ticks, and marks. Colours come from the style sheet of the page."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
from numpy.typing import NDArray

WIDTH, HEIGHT = 430.0, 280.0
LEFT, RIGHT, TOP, BOTTOM = 42.0, 12.0, 26.0, 40.0
TICKS = 5
GRID = 0.5  # closer points are merged


@dataclass(frozen=True)
class Axis:
    """Maps values from ``low`` to ``high`` to positions from ``start`` to ``end``."""

    low: float
    high: float
    start: float
    end: float
    scale: float = 1.0  # labels are values divided by it
    whole: bool = False  # only integers are labelled

    def at(self, value: float) -> float:
        """The position of a value."""
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)

    def all(self, values: Sequence[float] | NDArray[np.float64]) -> NDArray[np.float64]:
        """The positions of many values."""
        share = (np.asarray(values, dtype=np.float64) - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)

    def ticks(self) -> list[tuple[float, str]]:
        """Round values within the axis and their labels."""
        low, high = self.low / self.scale, self.high / self.scale
        step = _round_step((high - low) / TICKS)
        step = max(1.0, round(step)) if self.whole else step
        digits = max(0, -math.floor(math.log10(step) + 1e-9))
        first = math.ceil(low / step - 1e-9)
        last = math.floor(high / step + 1e-9)
        return [(i * step * self.scale, f"{i * step:.{digits}f}") for i in range(first, last + 1)]


def _round_step(step: float) -> float:
    power = 10.0 ** math.floor(math.log10(step))
    return power * next(nice for nice in (1, 2, 2.5, 5, 10) if step <= nice * power * (1 + 1e-9))


def horizontal(low: float, high: float, scale: float = 1.0, whole: bool = False) -> Axis:
    """An axis along the bottom of the frame."""
    return Axis(*apart(low, high), LEFT, WIDTH - RIGHT, scale, whole)


def vertical(low: float, high: float, scale: float = 1.0) -> Axis:
    """An axis along the left of the frame."""
    return Axis(*apart(low, high), HEIGHT - BOTTOM, TOP, scale)


def apart(low: float, high: float) -> tuple[float, float]:
    """The ends of an axis, moved apart if they are equal."""
    if high - low > 1e-12 * max(abs(low), abs(high)) and high > low:
        return low, high
    pad = abs(low) * 0.05 or 1.0
    return low - pad, high + pad


def padded(values: Sequence[float] | NDArray[np.float64], share: float = 0.05) -> tuple[float, float]:
    """The range of finite ``values`` with a margin."""
    known = np.asarray(values, dtype=np.float64)
    finite = known[np.isfinite(known)]
    low, high = float(finite.min()), float(finite.max())
    room = share * (high - low)
    return low - room, high + room


def power_of_thousand(*values: float) -> tuple[float, str]:
    """The divisor of the labels and its note in the title: ``(1e9, " (10⁹)")``."""
    largest = max((abs(value) for value in values if math.isfinite(value)), default=0.0)
    exponent = 3 * math.floor(math.log10(largest) / 3) if largest > 0 else 0
    if -3 < exponent < 6:
        return 1.0, ""
    small = str(exponent).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return 10.0**exponent, f" (10{small})"


def frame(x: Axis, y: Axis, x_title: str, y_title: str, content: str, about: str) -> str:
    """A complete chart: grid, ticks, titles and ``content``; ``about`` is the text for screen readers."""
    parts = [f'<svg viewBox="0 0 {WIDTH:g} {HEIGHT:g}" role="img" aria-label="{escape(about)}">']
    for value, text in y.ticks():
        at = y.at(value)
        parts.append(f'<path class="grid" d="M{x.start:g} {at:.1f}H{x.end:g}"/>')
        parts.append(f'<text class="tick" x="{x.start - 6:g}" y="{at + 4:.1f}" text-anchor="end">{text}</text>')
    for value, text in x.ticks():
        at = x.at(value)
        parts.append(f'<path class="grid" d="M{at:.1f} {y.start:g}v4"/>')
        parts.append(f'<text class="tick" x="{at:.1f}" y="{y.start + 17:g}" text-anchor="middle">{text}</text>')
    parts.append(f'<path class="axis" d="M{x.start:g} {y.start:g}H{x.end:g}"/>')
    middle = (x.start + x.end) / 2
    parts.append(f'<text class="title" x="{middle:g}" y="{HEIGHT - 6:g}" text-anchor="middle">{x_title}</text>')
    parts.append(f'<text class="title" x="2" y="{TOP - 13:g}">{y_title}</text>')
    return "".join([*parts, content, "</svg>"])


def dots(x: NDArray[np.float64], y: NDArray[np.float64], kind: str) -> str:
    """Points as one path; points on the same half pixel are drawn once."""
    columns, rows = (np.round(at / GRID).astype(np.int64) for at in (x, y))
    width = int(rows.max(initial=0)) + 1
    places = np.unique(
        columns * width + rows
    ).tolist()  # one integer per position: pairs take ten times as long to sort
    d = "".join(f"M{at // width * GRID:g} {at % width * GRID:g}h0" for at in places)
    return f'<path class="dots {kind}" d="{d}"/>'


def line(x: Iterable[float], y: Iterable[float], kind: str) -> str:
    """A line through points, with gaps at missing ones."""
    d, pen = "", "M"
    for a, b in zip(x, y, strict=True):
        if not math.isfinite(b):
            pen = "M"
            continue
        d += f"{pen}{a:.1f} {b:.1f}"
        pen = "L"
    return f'<path class="line {kind}" d="{d}"/>'


def stairs(x: Sequence[float], y: Sequence[float], kind: str) -> str:
    """A line that keeps its height until the next point."""
    d = f"M{x[0]:.1f} {y[0]:.1f}" + "".join(f"H{a:.1f}V{b:.1f}" for a, b in zip(x[1:], y[1:], strict=True))
    return f'<path class="line {kind}" d="{d}"/>'


def band(x: Sequence[float], low: Sequence[float], high: Sequence[float], kind: str, more: str = "") -> str:
    """The area between two lines; ``more`` are further attributes."""
    there = [f"{a:.1f} {b:.1f}" for a, b in zip(x, high, strict=True)]
    back = [f"{a:.1f} {b:.1f}" for a, b in zip(x, low, strict=True)][::-1]
    return f'<path class="band {kind}" d="M{"L".join(there + back)}Z"{more}/>'


def mark(x: float, y: float, kind: str, about: str, radius: float = 4) -> str:
    """One point with a tooltip."""
    place = f'cx="{x:.1f}" cy="{y:.1f}" r="{radius:g}"'
    return f'<circle class="mark {kind}" {place}><title>{escape(about)}</title></circle>'


def legend(entries: Sequence[tuple[str, str, str]]) -> str:
    """The legend below a chart: (kind of mark, class, text)."""
    shown = "".join(
        f'<span><i class="key {mark} {kind}"></i>{escape(text)}</span>' for mark, kind, text in entries
    )
    return f'<p class="legend">{shown}</p>'

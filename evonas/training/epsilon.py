"""Sizes of perturbations: in 1/255 of the pixel range; much of the literature writes 0.0314 for 8/255."""

from __future__ import annotations

from collections.abc import Sequence

MIN_USUAL = 0.5  # in 1/255; a smaller number was more often meant as a part of [0, 1]
_NEAR_INTEGER = 0.1  # 0.0314 is 8.007/255


def read(text: str) -> float:
    """A number of 1/255; ``8/255`` is 8. Raises `ValueError` for any other text."""
    number, slash, whole = text.partition("/")
    if slash and whole.strip() != "255":
        raise ValueError(text)
    return float(number)


def question(option: str, sizes: Sequence[float]) -> str:
    """Asks about sizes that are small for 1/255, in one line; empty where there is nothing to ask.

    ``option`` is what precedes the numbers where they are written, such as ``--eps `` or ``--set eps=``.
    """
    small = [size for size in sizes if 0 < size < MIN_USUAL]
    if not small:
        return ""
    asked = f"{option}{','.join(f'{size:g}' for size in small)} is in 1/255 of the pixel range"
    meant = [_nearest(255 * size) for size in small]
    if min(meant) < MIN_USUAL:  # too small for either unit
        return f"{asked}: so small a perturbation changes hardly any pixel"
    fractions = ", ".join(f"{size:g}/255" for size in meant)
    return f"{asked}; {fractions} is written {option}{','.join(f'{size:g}' for size in meant)}"


def unreachable(option: str, step_size: float, steps: int, epsilon: float) -> str:
    """Says that ``steps`` steps of ``step_size`` end short of ``epsilon``; empty where they reach it."""
    if steps * step_size >= epsilon * (1 - 1e-6):
        return ""
    need = epsilon / steps
    return (
        f"{steps} steps of {option}{step_size:g} (in 1/255 of the pixel range) do not reach an epsilon of "
        f"{epsilon:g}/255; a step of {need:.3g} or more would"
    )


def _nearest(size: float) -> float:
    """The integer that was rounded to make ``size``, else three digits of it."""
    return float(round(size)) if abs(size - round(size)) < _NEAR_INTEGER else float(f"{size:.3g}")

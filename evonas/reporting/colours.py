"""Colours of operations and attacks: in the terminal, and on the page and in figures, light or dark."""

from __future__ import annotations

from typing import NamedTuple

from spaces import Space


class Hue(NamedTuple):
    """The colour of a kind of operations: a style of the terminal, and shades for its operations one by one."""

    style: str
    shades: tuple[str, ...]


HUES = {  # by `Operation.kind`; related kinds have related hues
    "separable": Hue("bright_blue", ("#3f83c9", "#2459a6", "#5b4bb5")),
    "dilated": Hue("cyan", ("#2ba7a0", "#177a78")),
    "convolution": Hue("bright_blue", ("#7ba5d6", "#2f6fb8")),
    "factorized": Hue("blue", ("#8a4fae",)),
    "residual": Hue("bright_blue", ("#8256b5",)),
    "max pooling": Hue("yellow", ("#d98a1c",)),
    "average pooling": Hue("bright_yellow", ("#c05a2c",)),
    "skip": Hue("green", ("#4a9c4e",)),
    "none": Hue("bright_black", ("#8d949c",)),
    "other": Hue("white", ("#707880", "#3f83c9", "#d98a1c", "#8256b5", "#2ba7a0", "#c05a2c")),
}
_ATTACKS = ("#d9730d", "#c2255c", "#7048e8", "#1c7ed6", "#2b8a3e", "#862e9c", "#5f3dc4")


def operation_style(space: Space, name: str) -> str:
    """The colour of an operation in the terminal."""
    return HUES[space.operation(name).kind].style


def operation_colour(space: Space, name: str) -> str:
    """The colour of an operation elsewhere; operations of one kind differ in shade."""
    kind = space.operation(name).kind
    alike = [other for other, operation in space.operations.items() if operation.kind == kind]
    shades = HUES[kind].shades
    return shades[alike.index(name) % len(shades) if name in alike else 0]


def attack_colour(place: int) -> str:
    """The colour of the attack with index ``place`` in an evaluation."""
    return _ATTACKS[place % len(_ATTACKS)]

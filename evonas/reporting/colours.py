"""Colours of operations and attacks, shared by the page and the figures, for light and dark backgrounds."""

from __future__ import annotations

_OPERATIONS = {  # related operations have related hues
    "sep_conv_3x3": "#3f83c9",
    "sep_conv_5x5": "#2459a6",
    "sep_conv_7x7": "#5b4bb5",
    "dil_conv_3x3": "#2ba7a0",
    "dil_conv_5x5": "#177a78",
    "max_pool_3x3": "#d98a1c",
    "avg_pool_3x3": "#c05a2c",
    "skip_connect": "#4a9c4e",
    "nor_conv_1x1": "#7ba5d6",
    "nor_conv_3x3": "#2f6fb8",
    "conv_7x1_1x7": "#8a4fae",
    "identity": "#4a9c4e",
    "residual sep_conv_3x3": "#8256b5",
    "none": "#8d949c",
    "zero": "#8d949c",
}
_OTHER = "#707880"
_ATTACKS = ("#d9730d", "#c2255c", "#7048e8", "#1c7ed6", "#2b8a3e", "#862e9c", "#5f3dc4")


def operation_colour(name: str) -> str:
    """A distinct colour for every operation of the spaces."""
    return _OPERATIONS.get(name, _OTHER)


def attack_colour(place: int) -> str:
    """The colour of the attack with index ``place`` in an evaluation."""
    return _ATTACKS[place % len(_ATTACKS)]

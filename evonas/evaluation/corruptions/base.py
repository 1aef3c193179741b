"""The interface of a corruption: a function of uint8 images, the constant of a severity, and random draws.

Every corruption has two sets of constants: those of CIFAR-10-C, in pixels of 32, and those of ImageNet-C, in
pixels of 224. An image has those of its size; its lengths in pixels scale with its shorter side.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from torch import Tensor

from evonas.evaluation.corruptions.draws import Draws
from evonas.evaluation.severities import SEVERITIES
from spaces.registry import Registry
from spaces.size import MAX_CIFAR_SIDE

GROUPS = ("noise", "blur", "weather", "digital")


class Scale(NamedTuple):
    """A set of constants, and how long the pixels that they count are."""

    photographs: bool  # whether the constants are those of ImageNet-C
    factor: float  # on lengths in pixels


SAME = Scale(False, 1.0)

Apply = Callable[[Tensor, Any, Draws, Scale], Tensor]


@dataclass(frozen=True)
class Corruption:
    """``apply(images, constant, draws, scale)``: uint8 (N, 3, H, W) in and out, one constant per severity."""

    group: str
    constants: tuple[Any, ...]  # of CIFAR-10-C
    photographs: tuple[Any, ...]  # of ImageNet-C
    apply: Apply
    about: str


_ROOM = "evonas.evaluation.corruptions"
corruptions: Registry[Corruption] = Registry(
    "corruption",
    {
        "brightness": f"{_ROOM}.brightness",
        "contrast": f"{_ROOM}.contrast",
        "defocus_blur": f"{_ROOM}.defocus_blur",
        "elastic_transform": f"{_ROOM}.elastic_transform",
        "fog": f"{_ROOM}.fog",
        "frost": f"{_ROOM}.frost",
        **dict.fromkeys(("gaussian_noise", "impulse_noise", "shot_noise"), f"{_ROOM}.noise"),
        "glass_blur": f"{_ROOM}.glass_blur",
        "jpeg_compression": f"{_ROOM}.jpeg_compression",
        "motion_blur": f"{_ROOM}.motion_blur",
        "pixelate": f"{_ROOM}.pixelate",
        "snow": f"{_ROOM}.snow",
        "zoom_blur": f"{_ROOM}.zoom_blur",
    },
)  # no entry points: the mean over the fifteen is a published number


def register(
    name: str, group: str, constants: tuple[Any, ...], photographs: tuple[Any, ...]
) -> Callable[[Apply], Apply]:
    """Decorator that registers ``apply`` as ``name``; constants are those of severities 1 to 5, in both sets."""
    if group not in GROUPS or not len(constants) == len(photographs) == len(SEVERITIES):
        raise ValueError(f"corruption {name!r} needs a group of {GROUPS} and twice {len(SEVERITIES)} constants")

    def enter(apply: Apply) -> Apply:
        about = (apply.__doc__ or "").split("\n")[0]
        corruptions.register(name)(Corruption(group, constants, photographs, apply, about))
        return apply

    return enter


def scale_of(height: int, width: int) -> Scale:
    """Constants of CIFAR-10-C up to 64 pixels along the shorter side, those of ImageNet-C above."""
    side = min(height, width)
    photographs = side > MAX_CIFAR_SIDE
    return Scale(photographs, side / (224 if photographs else 32))


def to_uint8(x: Tensor) -> Tensor:
    """Values in [0, 1] of any shape as grey levels, clipped and truncated (not rounded) as the definition does."""
    return x.clamp(0, 1).mul(255).byte()

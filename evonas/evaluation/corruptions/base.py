"""The interface of a corruption: a function of uint8 images, the constant of a severity, and random draws."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from evonas.evaluation.corruptions.draws import Draws
from evonas.evaluation.severities import SEVERITIES
from spaces.registry import Registry

GROUPS = ("noise", "blur", "weather", "digital")
SIDE = 32  # the constants are those of images this wide

Apply = Callable[[Tensor, Any, Draws], Tensor]


@dataclass(frozen=True)
class Corruption:
    """``apply(images, constant, draws)``: uint8 (N, 3, H, W) in and out, one constant per severity."""

    group: str
    constants: tuple[Any, ...]
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


def register(name: str, group: str, constants: tuple[Any, ...]) -> Callable[[Apply], Apply]:
    """Decorator that registers ``apply`` as ``name``; ``constants`` are those of severities 1 to 5."""
    if group not in GROUPS or len(constants) != len(SEVERITIES):
        raise ValueError(f"corruption {name!r} needs a group of {GROUPS} and {len(SEVERITIES)} constants")

    def enter(apply: Apply) -> Apply:
        about = (apply.__doc__ or "").split("\n")[0]
        corruptions.register(name)(Corruption(group, constants, apply, about))
        return apply

    return enter


def scale(images: Tensor) -> float:
    """The factor on lengths in pixels of images (N, 3, H, W): the shorter side over 32."""
    return min(images.shape[-2:]) / SIDE


def to_uint8(x: Tensor) -> Tensor:
    """Values in [0, 1] of any shape as grey levels, clipped and truncated (not rounded) as the definition does."""
    return x.clamp(0, 1).mul(255).byte()

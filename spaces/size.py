"""The size of a network in closed form, without building it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from spaces.errors import UsageError, shown

MAX_DIMENSION = 4096  # limit of every dimension, so that a typing error cannot exhaust memory
CIFAR, IMAGENET = "cifar", "imagenet"
STEMS = (CIFAR, IMAGENET)
MIN_IMAGENET_SIDE = 33  # pixels: five halvings leave 2, so that BatchNorm has more than one value for an image
MAX_CIFAR_SIDE = 64  # pixels, by default; the literature has the other stem at 224


@dataclass(frozen=True)
class NetworkSize:
    """The size of a network: C initial channels, L layers (or cells per stage), classes, pixels, and its stem.

    The stem "imagenet" halves the images three times before the first cell, "cifar" keeps their size.
    """

    channels: int
    layers: int
    classes: int = 10
    image_size: int = 32
    stem: str = CIFAR

    def __post_init__(self) -> None:
        for name in ("channels", "layers", "classes", "image_size"):
            value = getattr(self, name)
            if not isinstance(value, int) or not 1 <= value <= MAX_DIMENSION:
                raise UsageError(f"{name} must be an integer from 1 to {MAX_DIMENSION}, not {value!r}")
        if self.stem not in STEMS:
            raise UsageError(f"stem must be {' or '.join(STEMS)}, not {shown(self.stem)}")

    @property
    def image(self) -> tuple[int, int, int]:
        """The shape of one image, (3, H, W)."""
        return 3, self.image_size, self.image_size


class Layer(NamedTuple):
    """One convolution or linear layer, with the BatchNorm that belongs to it.

    Its weight has ``out * fan`` entries, fan = C_in/groups * k * k.
    """

    out: int  # output channels
    fan: int  # inputs of one output
    positions: int  # H * W of the output; 1 for a linear layer
    extra: int = 0  # bias and affine BatchNorm parameters


class Tally(NamedTuple):
    """Totals over layers. A layer is live if it lies on a path from the images to the logits."""

    params: int  # all trainable parameters, without an auxiliary head
    macs: int  # multiply-accumulates for one image, convolutions and linear layers
    live_params: int  # parameters of live layers
    live_fan_squared: int  # sum over live layers of fan^2


def tally(layers: Iterable[Layer], live: bool) -> Tally:
    """Totals over ``layers``, which are all live or all dead."""
    params = macs = fan_squared = 0
    for out, fan, positions, extra in layers:
        weights = out * fan
        params += weights + extra
        macs += weights * positions
        fan_squared += fan * fan
    return Tally(params, macs, params, fan_squared) if live else Tally(params, macs, 0, 0)


class StageTally(NamedTuple):
    """The layers that belong to one stage output z_s, and the size C*H*W of that output."""

    features: int
    tally: Tally

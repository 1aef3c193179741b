"""The stem of a network, by default that for the size of the images."""

from __future__ import annotations

from evonas.core.notices import notice
from spaces import Space
from spaces.size import CIFAR


def stem_of(asked: str | None, space: Space, image_size: int) -> str:
    """``asked``, else that of the space for these images, with a notice if it is not that of small images."""
    if asked is not None:
        return asked
    stem = space.stem_for(image_size)
    if stem != CIFAR:
        said = f"stem {stem}, as images have {image_size} pixels (--stem {CIFAR} for that of small images)"
        notice(("stem", space.name, image_size), lambda: said)
    return stem

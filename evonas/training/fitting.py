"""Checks the numbers of a recipe against the images: defaults are lowered, explicit numbers are refused."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection
from typing import Any, NamedTuple

from evonas.training.epsilon import question, unreachable
from evonas.training.recipe import OF_CERTIFIED, Recipe
from spaces.base import Space
from spaces.errors import UsageError
from spaces.size import CIFAR, IMAGENET

MIN_SIDE_FOR_AUXILIARY = {CIFAR: 32, IMAGENET: 193}  # pixels, by stem
OPTION = "--set "  # before NAME=VALUE, in `evonas train` and in `evonas search`


class Ground(NamedTuple):
    """The images and the space of a training."""

    images: int  # training images
    side: int  # pixels
    flips: bool  # whether an image and its mirror image are of the same class
    space: Space
    stem: str = CIFAR


class Limit(NamedTuple):
    """The largest value of a number, the reason, and the replacement of a default above it."""

    value: float
    why: str
    default: float
    quiet: bool = False  # whether a lowered default is documented and needs no message
    usual: float = float("inf")  # the largest default, if it is lower than the largest value
    unusual: str = ""  # the reason


def _batch_size(ground: Ground) -> Limit:
    power = 1 << (ground.images.bit_length() - 1)
    return Limit(ground.images, f"is larger than the {ground.images} training images", power)


def _cutout(ground: Ground) -> Limit:
    why = f"covers images of {ground.side} pixels"
    return Limit(ground.side - 1, why, ground.side // 2)


def _crop(ground: Ground) -> Limit:
    side = ground.side
    why, eighth = f"moves images of {side} pixels out of view", side // 8  # recipes: 4 of 32 pixels
    far = f"is far for images of {side} pixels"
    return Limit(side - 1, why, eighth, usual=side / 6, unusual=far)


def _auxiliary(ground: Ground) -> Limit:
    if not ground.space.has_auxiliary_head:
        return Limit(0, f"needs an auxiliary head, which {ground.space.name} networks do not have", 0)
    if ground.side < (least := MIN_SIDE_FOR_AUXILIARY[ground.stem]):
        return Limit(0, f"needs images of {least} pixels for the auxiliary head, but these have {ground.side}", 0)
    return Limit(float("inf"), "", 0)


def _drop_path(ground: Ground) -> Limit:
    has = ground.space.has_drop_path
    return Limit(
        1 if has else 0, f"needs paths to drop, which {ground.space.name} networks do not have", 0, quiet=True
    )


def _flip(ground: Ground) -> Limit:
    return Limit(
        ground.flips, "needs images that keep their class when flipped, but these do not", False, quiet=True
    )


LIMITS: dict[str, Callable[[Ground], Limit]] = {
    "batch_size": _batch_size,
    "cutout": _cutout,
    "crop": _crop,
    "auxiliary": _auxiliary,
    "drop_path": _drop_path,
    "flip": _flip,
}
OF_STORED = ("batch_size", "auxiliary", "drop_path", "flip")  # checked again when a stored training continues
FREE = {  # numbers that do not depend on images; their bounds are in `evonas.training.recipe`
    *("source", "epochs", "lr", "lr_batch", "schedule", "milestones", "momentum", "nesterov", "weight_decay"),
    *("clip", "label_smoothing", "ema", "adversary", "eps", "step_size", "steps", "area", "weighted", "sigma"),
    *("optimiser", "certified", *OF_CERTIFIED, "initial"),
}


def fitted(
    recipe: Recipe, asked: Collection[str], ground: Ground, names: Collection[str] = tuple(LIMITS)
) -> tuple[Recipe, list[str]]:
    """``recipe`` for these images with resolved batch size and learning rate, and a message per lowered default.

    Only numbers in ``names`` are checked. Raises `UsageError` for a number in ``asked`` that does not fit.
    """
    settled = recipe.for_images(ground.images, ground.side)
    lowered: dict[str, Any] = {}
    lines = []
    for name in names:
        value, limit = getattr(settled, name), LIMITS[name](ground)
        if value <= (limit.value if name in asked else min(limit.value, limit.usual)):
            continue
        if name in asked:
            way_out = f"add {OPTION}{name}={_text(limit.default)}"
            raise UsageError(f"{name}={_text(value)} {limit.why}; {way_out}")
        lowered[name] = limit.default
        if not limit.quiet:
            why = limit.why if value > limit.value else limit.unusual
            lines.append(f"{name} is lowered to {_text(limit.default)}: {_text(value)} {why}")
    if "batch_size" in lowered and recipe.batch_size is None:  # a learning rate that scales with the batch follows
        fewer = dataclasses.replace(recipe, batch_size=lowered["batch_size"])
        settled = fewer.for_images(ground.images, ground.side)
    return dataclasses.replace(settled, **lowered), lines


def doubts(recipe: Recipe, asked: Collection[str]) -> list[str]:
    """Warnings about valid but unlikely numbers of ``recipe``, one line each."""
    lines = []
    idle = [name for name in recipe.idle if name in asked and name not in ("optimiser", "initial")]
    bounds = [name for name in idle if name in OF_CERTIFIED]
    if attack := [name for name in idle if name not in bounds]:
        advice = f"an attack in training; add {OPTION}adversary=pgd"
        if recipe.is_certified:
            advice = f"a small box; add {OPTION}box=0.7" if "steps" in attack else "a recipe with an adversary"
        lines.append(f"{', '.join(attack)} has no effect without {advice}")
    if bounds:
        lines.append(f"{', '.join(bounds)} has no effect without bounds in training; add {OPTION}certified=ibp")
    if "nesterov" in asked and recipe.nesterov and recipe.optimiser != "sgd":
        lines.append(f"nesterov has no effect on {recipe.optimiser}; add {OPTION}optimiser=sgd")
    if "crop" in asked and recipe.area:
        lines.append(f"crop has no effect with random resized crops; add {OPTION}area=0")
    if "milestones" in asked and recipe.schedule != "steps":
        lines.append(f"milestones has no effect on schedule {recipe.schedule}; add {OPTION}schedule=steps")
    if not recipe.uses_eps:
        return lines
    if recipe.eps == 0:
        without = ("certified", "bounds") if recipe.is_certified else ("adversary", "an attack")
        same = "{}=none gives the same training without {}".format(*without)
        lines.append(f"eps=0 does not change the images; {OPTION}{same}")
    asks = question(f"{OPTION}eps=", [recipe.eps])
    if recipe.is_certified:
        return [*lines, *filter(None, [asks])]
    return [
        *lines,
        *filter(None, (asks, unreachable(f"{OPTION}step_size=", recipe.step_size, recipe.steps, recipe.eps))),
    ]


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else f"{value:g}"

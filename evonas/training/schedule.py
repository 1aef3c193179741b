"""The learning rate as a pure function of the step, so that resuming needs no state."""

from __future__ import annotations

import math

from evonas.training.recipe import Recipe

WARM_UP = 0.25  # of one cycle
MIDDLE, POWER = 0.25, 4  # of the ramp of certified training
SMALLEST = 1e-3  # part of eps, with which widths are defined
FIRST = 0.04  # of the peak learning rate, where one cycle begins


def learning_rate(recipe: Recipe, epoch: int, done: float) -> float:
    """The rate in ``epoch`` (from 0) of which the part ``done`` in [0, 1) has passed.

    ``cosine``: lr (1 + cos(pi epoch/epochs)) / 2, constant within an epoch (Loshchilov, Hutter 2017).
    ``steps``: lr / 10 for every milestone reached. ``one-cycle``: linearly up over the first quarter, then down
    by a cosine to 0, step by step (Smith, Topin 2018).
    """
    if recipe.schedule == "cosine":
        return recipe.lr * (1 + math.cos(math.pi * epoch / recipe.epochs)) / 2
    if recipe.schedule == "steps":
        return recipe.lr * 0.1 ** sum(epoch >= milestone for milestone in recipe.milestones)
    passed = (epoch + done) / recipe.epochs
    if passed < WARM_UP:
        return recipe.lr * (FIRST + (1 - FIRST) * passed / WARM_UP)
    return recipe.lr * (1 + math.cos(math.pi * (passed - WARM_UP) / (1 - WARM_UP))) / 2


def size_at(recipe: Recipe, passed: float) -> float:
    """The part of eps that certified training bounds after the part ``passed`` of the training.

    `SMALLEST` in the warm-up; then c t^4 up to t = 1/4 of the ramp and a straight line from there to 1, without a
    corner, as in the training of Shi et al. 2021.
    """
    t = _ramped(recipe, passed)
    scale = 1 / (MIDDLE**POWER + POWER * MIDDLE ** (POWER - 1) * (1 - MIDDLE))
    if t < MIDDLE:
        return max(SMALLEST, scale * t**POWER)
    return min(1.0, scale * (MIDDLE**POWER + POWER * MIDDLE ** (POWER - 1) * (t - MIDDLE)))


def kappa_at(recipe: Recipe, passed: float) -> float:
    """The weight of the loss on clean images: from 1, linearly in the ramp, to kappa (Gowal et al. 2018)."""
    return 1 - (1 - recipe.kappa) * _ramped(recipe, passed)


def _ramped(recipe: Recipe, passed: float) -> float:
    """The part of the ramp that has passed."""
    since = passed - recipe.warm_up
    return 0.0 if since < 0 else min(1.0, since / recipe.ramp) if recipe.ramp else 1.0


def drop_path_probability(recipe: Recipe, epoch: int) -> float:
    """Rises linearly: drop_path epoch/epochs, as DARTS has it."""
    return recipe.drop_path * epoch / recipe.epochs

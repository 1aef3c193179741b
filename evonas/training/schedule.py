"""The learning rate as a pure function of the step, so that resuming needs no state."""

from __future__ import annotations

import math

from evonas.training.recipe import Recipe

WARM_UP = 0.25  # of one cycle
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


def drop_path_probability(recipe: Recipe, epoch: int) -> float:
    """Rises linearly: drop_path epoch/epochs, as DARTS has it."""
    return recipe.drop_path * epoch / recipe.epochs

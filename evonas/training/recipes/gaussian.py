"""Training with Gaussian noise, for randomised smoothing with the same noise."""

from dataclasses import replace

from evonas.training.recipe import recipes
from evonas.training.recipes.fast import FAST

recipes.register("gaussian")(
    replace(
        FAST,
        source="Cohen, Rosenfeld, Kolter 2019, Gaussian noise on the images "
        "(https://arxiv.org/abs/1902.02918), on the schedule of fast",
        sigma=0.25,
        label_smoothing=0.0,
        cutout=0,
    )
)

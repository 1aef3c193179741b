"""Adversarial training: the network learns from images that are attacked during training."""

from dataclasses import replace

from evonas.training.recipe import Recipe, recipes
from evonas.training.recipes.literature import CROZE200

recipes.register("pgd7")(
    replace(
        CROZE200,
        source="Madry et al. 2018, PGD with 7 steps of 2/255 (https://arxiv.org/abs/1706.06083), "
        "on the schedule of croze200",
        adversary="pgd",
        eps=8.0,
        step_size=2.0,
        steps=7,
    )
)

recipes.register("fast-adv")(
    Recipe(
        source="Wong, Rice, Kolter 2020, FGSM from a random start (https://arxiv.org/abs/2001.03994)",
        epochs=30,
        lr=0.2,
        lr_batch=128,
        schedule="one-cycle",
        weight_decay=5e-4,
        clip=5.0,
        ema=0.999,
        adversary="fgsm",
        eps=8.0,
        step_size=10.0,
        steps=1,
    )
)

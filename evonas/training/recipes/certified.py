"""Certified training: the network learns from bounds over boxes around its images."""

from dataclasses import replace

from evonas.training.recipe import Recipe, recipes

IBP = Recipe(
    source="Gowal et al. 2018, intervals (https://arxiv.org/abs/1810.12715), with the initial weights, BatchNorm "
    "and regularisers of Shi et al. 2021 (https://arxiv.org/abs/2103.17268)",
    epochs=160,
    batch_size=128,
    lr=5e-4,
    schedule="steps",
    milestones=(120, 140),
    optimiser="adam",
    weight_decay=0.0,
    clip=10.0,
    eps=8.0,
    certified="ibp",
    kappa=0.5,
    warm_up=0.01,
    ramp=0.5,
    regulariser=0.5,
    initial="ibp",
)
recipes.register("ibp")(IBP)

recipes.register("sabr")(
    replace(
        IBP,
        source="Mueller et al. 2023, intervals of small boxes placed by PGD (SABR, "
        "https://arxiv.org/abs/2210.04871), otherwise as ibp",
        box=0.7,
        kappa=0.0,
        steps=8,
    )
)

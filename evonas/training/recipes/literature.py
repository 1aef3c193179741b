"""The recipes of published results on CIFAR-10."""

from evonas.training.recipe import Recipe, recipes

recipes.register("darts600")(
    Recipe(
        source="Liu, Simonyan, Yang 2019, DARTS, appendix A.1.1 (https://arxiv.org/abs/1806.09055)",
        epochs=600,
        batch_size=96,
        lr=0.025,
        schedule="cosine",
        weight_decay=3e-4,
        cutout=16,
        drop_path=0.2,
        auxiliary=0.4,
        clip=5.0,
    )
)

CROZE200 = Recipe(
    source="Ha, Kim, Hwang 2023, CRoZe, standard training (https://arxiv.org/abs/2306.05031)",
    epochs=200,
    batch_size=128,
    lr=0.1,
    schedule="steps",
    milestones=(99, 149),
    weight_decay=5e-4,
    clip=5.0,
)
recipes.register("croze200")(CROZE200)

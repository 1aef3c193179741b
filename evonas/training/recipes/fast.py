"""A fast recipe for standard training."""

from evonas.training.recipe import Recipe, recipes

FAST = Recipe(
    source="one cycle of a large learning rate (Smith, Topin 2018, https://arxiv.org/abs/1708.07120), label "
    "smoothing, cutout and a moving average of the weights; our own composition",
    epochs=60,
    lr=0.8,
    lr_batch=512,
    schedule="one-cycle",
    nesterov=True,
    weight_decay=5e-4,
    clip=5.0,
    label_smoothing=0.1,
    cutout=8,
    drop_path=0.1,
    ema=0.999,
)
recipes.register("fast")(FAST)

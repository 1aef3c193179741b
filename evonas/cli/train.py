"""``evonas train``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from evonas.cli import completion
from evonas.cli.options import Channels, DataDir, Dataset, Device, ImageSize, Layers, Log, Seed, Space

Recipe = Annotated[
    str | None,
    typer.Option(
        help="Training recipe; see `evonas list recipes`.  [default: fast]", autocompletion=completion.recipes
    ),
]
Epochs = Annotated[int | None, typer.Option(help="Number of epochs.  [default: the recipe's]")]
Numbers = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="Change any other number of the recipe, such as cutout=16."),
]

_NOT_SETTINGS = ("target", "run", "epochs", "batch_size", "lr", "numbers", "log")


def train(
    target: Annotated[
        str,
        typer.Argument(
            metavar="RUN|GENOTYPE|NAME",
            help="Run (its best genotype is used), genotype or published name.",
            autocompletion=completion.trainable,
        ),
    ],
    run: Annotated[
        Path | None, typer.Option(help="Run directory for a genotype.  [default: runs/DATE-train-NAME]")
    ] = None,
    recipe: Recipe = None,
    epochs: Epochs = None,
    batch_size: Annotated[int | None, typer.Option(help="Batch size.  [default: the recipe's]")] = None,
    lr: Annotated[float | None, typer.Option(help="Peak learning rate.  [default: the recipe's]")] = None,
    numbers: Numbers = None,
    validation: Annotated[
        int | None,
        typer.Option(
            help="Number of training images held out to select the best epoch.  [default: a tenth, at most 2500]"
        ),
    ] = None,
    space: Space = None,
    dataset: Dataset = None,
    data_dir: DataDir = None,
    image_size: ImageSize = None,
    channels: Channels = None,
    layers: Layers = None,
    seed: Seed = None,
    device: Device = None,
    precision: Annotated[
        str | None, typer.Option(help="Floating-point precision: auto, float32 or bfloat16.  [default: auto]")
    ] = None,
    compile: Annotated[
        bool | None, typer.Option("--compile", help="Compile the network with torch.compile (slow start).")
    ] = None,
    log: Log = None,
) -> None:
    """Train one genotype and save the best and the last epoch. Repeat the command to continue.

    Several GPUs: `torchrun --nproc-per-node 4 -m -- evonas train DARTS_V2 --run runs/darts-v2`

    Example: `evonas train DARTS_V2 --channels 4 --layers 3 --epochs 2 --run runs/darts-v2`
    """
    options = {name: value for name, value in locals().items() if name not in _NOT_SETTINGS}
    from evonas import api
    from evonas.reporting.output import make_console, training_observer
    from evonas.reporting.training import trained
    from evonas.training.recipe import overrides

    given = overrides(numbers, epochs=epochs, batch_size=batch_size, lr=lr)
    console = make_console()
    result = api.train(target, run, training_observer(console, log), overrides=given or None, **options)
    console.print(trained(result, api.training_result(result)), soft_wrap=True)

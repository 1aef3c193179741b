"""``evonas train``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from evonas.cli import completion
from evonas.cli.fields import Fields, Values, with_fields
from evonas.cli.options import Log, Scratch, Workers
from evonas.store.settings import SearchSettings
from evonas.training.settings import TrainSettings

Epochs = Annotated[int | None, typer.Option(help="Number of epochs.  [default: the recipe's]")]
Numbers = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="Change any other number of the recipe, such as cutout=16."),
]


@with_fields
def train(
    target: Annotated[
        str,
        typer.Argument(
            metavar="RUN|GENOTYPE|NAME",
            help="Run (its best genotype is used), genotype or published name.",
            autocompletion=completion.trainable,
        ),
    ],
    *,
    run: Annotated[
        Path | None, typer.Option(help="Run directory for a genotype.  [default: runs/DATE-train-NAME]")
    ] = None,
    picked: Annotated[Values, Fields(SearchSettings, "pick")],
    recipe: Annotated[Values, Fields(TrainSettings, "recipe")],
    epochs: Epochs = None,
    batch_size: Annotated[int | None, typer.Option(help="Batch size.  [default: the recipe's]")] = None,
    lr: Annotated[float | None, typer.Option(help="Peak learning rate.  [default: the recipe's]")] = None,
    numbers: Numbers = None,
    seeds: Annotated[
        int | None, typer.Option(help="Number of trainings, with seeds from --seed on.  [default: 1]")
    ] = None,
    settings: Annotated[Values, Fields(TrainSettings, without=("recipe",))],
    engine: Annotated[
        str,
        typer.Option(
            help="Engine of the trainings after the first: auto, in-process or processes.",
            autocompletion=completion.engines,
        ),
    ] = "auto",
    workers: Workers = None,
    scratch: Scratch = None,
    log: Log = None,
) -> None:
    """Train one genotype and save the best and the last epoch. Repeat the command to continue.

    Several GPUs: `torchrun --nproc-per-node 4 -m -- evonas train DARTS_V2 --run runs/darts-v2`

    Example: `evonas train DARTS_V2 --channels 4 --layers 3 --epochs 2 --run runs/darts-v2`
    """
    from evonas import api
    from evonas.engine import make
    from evonas.reporting.output import make_console, training_observer
    from evonas.reporting.training import trained
    from evonas.training.overrides import overrides

    changes = overrides(numbers, epochs=epochs, batch_size=batch_size, lr=lr) or None
    console = make_console()
    observer = training_observer(console, log)
    options = {"overrides": changes, "seeds": seeds, "scratch": scratch, **picked, **recipe, **settings}
    result = api.train(target, run, observer, make(engine, workers), **options)
    console.print(trained(result, api.training_result(result)), soft_wrap=True)

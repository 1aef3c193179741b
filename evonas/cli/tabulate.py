"""``evonas tabulate``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from evonas.cli import completion
from evonas.cli.fields import Fields, Values, with_fields
from evonas.cli.options import AsJson, RayAddress, Scratch, Workers
from evonas.cli.train import Epochs, Numbers
from evonas.tabulating.settings import TabulateSettings


@with_fields
def tabulate(
    *,
    out: Annotated[Path, typer.Option(help="CSV file of the table; its trainings are kept next to it.")],
    settings: Annotated[Values, Fields(TabulateSettings)],
    epochs: Epochs = None,
    batch_size: Annotated[int | None, typer.Option(help="Batch size.  [default: the recipe's]")] = None,
    lr: Annotated[float | None, typer.Option(help="Peak learning rate.  [default: the recipe's]")] = None,
    numbers: Numbers = None,
    shard: Annotated[
        str | None,
        typer.Option(
            help="Train part I of N, such as 3/8, in an array of jobs; the command without it joins the parts.",
            metavar="I/N",
        ),
    ] = None,
    engine: Annotated[
        str,
        typer.Option(
            help="Engine that trains: auto, in-process, processes or ray.", autocompletion=completion.engines
        ),
    ] = "auto",
    workers: Workers = None,
    ray_address: RayAddress = None,
    croissant: Annotated[
        bool,
        typer.Option("--croissant", help="Also describe the table in Croissant, for publication."),
    ] = False,
    scratch: Scratch = None,
    as_json: AsJson = False,
) -> None:
    """Train and evaluate a sample of a space: a table for correlate and benchmark. Repeat the command to continue.

    Example: `evonas tabulate --sample 5 --channels 4 --layers 3 --epochs 2 --no-corruptions --out own.csv`
    """
    from evonas import api
    from evonas.engine import make
    from evonas.reporting.output import print_json, print_rich
    from evonas.reporting.tabulation import TabulationView, tabulation_table
    from evonas.training.overrides import overrides

    changes = overrides(numbers, epochs=epochs, batch_size=batch_size, lr=lr)
    chosen = TabulateSettings.from_options(overrides=changes, **settings)
    run_by = make(engine, workers, ray_address)
    result = api.tabulate(out, chosen, TabulationView(), run_by, shard, croissant=croissant, scratch=scratch)
    print_json(result.as_dict()) if as_json else print_rich(tabulation_table(result))

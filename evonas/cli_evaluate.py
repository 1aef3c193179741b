"""``evonas evaluate``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from evonas import completion
from evonas.options import AsJson, Checks, DataDir, Device, Log, Seed

_NOT_SETTINGS = ("target", "no_corruptions", "as_json", "log")


def evaluate(
    target: Annotated[
        Path,
        typer.Argument(
            metavar="RUN|CHECKPOINT", help="Of a run, its best checkpoint.", autocompletion=completion.runs
        ),
    ],
    attacks: Annotated[
        str | None,
        typer.Option(
            help="See `evonas list attacks`; separated by commas.  [default: fgsm,pgd]",
            autocompletion=completion.attacks,
        ),
    ] = None,
    eps: Annotated[
        str | None, typer.Option(help="In 1/255, separated by commas, the headline first.  [default: 8]")
    ] = None,
    steps: Annotated[int | None, typer.Option(help="Of pgd, apgd-ce, apgd-t and fab-t.  [default: 20]")] = None,
    step_size: Annotated[
        float | None, typer.Option(help="Of pgd, in 1/255.  [default: 2.5 epsilon / steps]")
    ] = None,
    restarts: Annotated[int | None, typer.Option(help="Random starts of each attack.  [default: 1]")] = None,
    queries: Annotated[int | None, typer.Option(help="Of square.  [default: 5000]")] = None,
    autoattack: Annotated[bool, typer.Option("--autoattack", help="The standard AutoAttack as well.")] = False,
    no_corruptions: Annotated[bool, typer.Option("--no-corruptions", help="Leave the corruptions out.")] = False,
    images: Annotated[int | None, typer.Option(help="Test images, drawn by --seed.  [default: all]")] = None,
    checks: Checks = None,
    batch_size: Annotated[int | None, typer.Option(help="Images attacked at once.  [default: 250]")] = None,
    device: Device = None,
    seed: Seed = None,
    data_dir: DataDir = None,
    log: Log = None,
    as_json: AsJson = False,
) -> None:
    """Measure what a trained network withstands; the same command again goes on where it stopped.

    Example: `evonas evaluate runs/darts-v2 --eps 8,4 --images 20 --steps 5 --checks 10`
    """
    options = {name: value for name, value in locals().items() if name not in _NOT_SETTINGS}
    from evonas import api
    from evonas.final.evaluation.settings import EvaluateSettings
    from evonas.reporting.output import evaluation_observer, make_console, print_json

    settings = EvaluateSettings.from_options(corruptions=not no_corruptions, **options)
    result = api.evaluate(target, settings, evaluation_observer(as_json, log))
    if as_json:
        return print_json(result.as_json())
    from evonas.reporting.evaluation import evaluated

    console = make_console()
    console.print(evaluated(result, console.width), soft_wrap=True, markup=False)

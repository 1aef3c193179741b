"""``evonas evaluate``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from evonas.cli import completion
from evonas.cli.options import AsJson, Checks, DataDir, Device, Log, Moved, Seed

_NOT_SETTINGS = ("target", "no_corruptions", "as_json", "log")


def evaluate(
    target: Annotated[
        Path,
        typer.Argument(
            metavar="RUN|CHECKPOINT",
            help="Run (its best checkpoint is used) or checkpoint.",
            autocompletion=completion.runs,
        ),
    ],
    attacks: Annotated[
        str | None,
        typer.Option(
            help="Attacks, separated by commas; see `evonas list attacks`.  [default: fgsm,pgd]",
            autocompletion=completion.attacks,
        ),
    ] = None,
    eps: Annotated[
        str | None,
        typer.Option(
            help="Epsilons in units of 1/255, separated by commas; the first is the headline.  [default: 8]"
        ),
    ] = None,
    steps: Annotated[
        int | None, typer.Option(help="Steps of pgd, apgd-ce, apgd-t and fab-t.  [default: 20]")
    ] = None,
    step_size: Annotated[
        float | None, typer.Option(help="Step size of pgd, in units of 1/255.  [default: 2.5 epsilon / steps]")
    ] = None,
    restarts: Annotated[int | None, typer.Option(help="Random starts per attack.  [default: 1]")] = None,
    queries: Annotated[int | None, typer.Option(help="Queries of square.  [default: 5000]")] = None,
    autoattack: Annotated[bool, typer.Option("--autoattack", help="Also run the standard AutoAttack.")] = False,
    no_corruptions: Annotated[bool, typer.Option("--no-corruptions", help="Skip the corruptions.")] = False,
    images: Annotated[
        int | None, typer.Option(help="Number of test images, drawn with --seed.  [default: all]")
    ] = None,
    checks: Checks = None,
    batch_size: Annotated[int | None, typer.Option(help="Batch size of the attacks.  [default: 250]")] = None,
    device: Device = None,
    seed: Seed = None,
    data_dir: DataDir = None,
    dataset: Moved = None,
    other_data: Annotated[
        bool, typer.Option("--other-data", help="Evaluate on other images than the test images of the training.")
    ] = False,
    assess: Annotated[
        str | None,
        typer.Option(
            help="Other assessments, separated by commas; see `evonas list assessments`.",
            autocompletion=completion.assessments,
        ),
    ] = None,
    log: Log = None,
    as_json: AsJson = False,
) -> None:
    """Evaluate the robustness of a trained network. Repeat the command to continue an interrupted evaluation.

    Example: `evonas evaluate runs/darts-v2 --eps 8,4 --images 20 --steps 5 --checks 10`
    """
    options = {name: value for name, value in locals().items() if name not in _NOT_SETTINGS}
    from evonas import api
    from evonas.evaluation.settings import EvaluateSettings
    from evonas.reporting.output import evaluation_observer, make_console, print_json

    settings = EvaluateSettings.from_options(corruptions=not no_corruptions, **options)
    result = api.evaluate(target, settings, evaluation_observer(as_json, log))
    if as_json:
        return print_json(result.as_json())
    from evonas.reporting.evaluation import evaluated

    console = make_console()
    console.print(evaluated(result, console.width), soft_wrap=True, markup=False)

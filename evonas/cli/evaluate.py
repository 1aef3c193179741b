"""``evonas evaluate``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from evonas.cli import completion
from evonas.cli.fields import Fields, Values, with_fields
from evonas.cli.options import AsJson, Log, Scratch
from evonas.evaluation.settings import EvaluateSettings


@with_fields
def evaluate(
    target: Annotated[
        Path,
        typer.Argument(
            metavar="RUN|CHECKPOINT",
            help="Run (its best checkpoint is used) or checkpoint.",
            autocompletion=completion.runs,
        ),
    ],
    *,
    settings: Annotated[Values, Fields(EvaluateSettings)],
    per_image: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Also write the predictions for each image to FILE, .csv or .jsonl."),
    ] = None,
    scratch: Scratch = None,
    log: Log = None,
    as_json: AsJson = False,
) -> None:
    """Evaluate the robustness of a trained network. Repeat the command to continue an interrupted evaluation.

    Example: `evonas evaluate runs/darts-v2 --eps 8,4 --images 20 --steps 5 --checks 10`
    """
    from evonas import api
    from evonas.reporting.evaluation import evaluated
    from evonas.reporting.output import evaluation_observer, make_console, print_json

    chosen = EvaluateSettings.from_options(eps=settings.pop("epsilons"), **settings)
    result = api.evaluate(target, chosen, evaluation_observer(as_json, log), per_image=per_image, scratch=scratch)
    if as_json:
        return print_json(result.as_json())
    console = make_console()
    console.print(evaluated(result, console.width), soft_wrap=True, markup=False)

"""``evonas compare``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from evonas.cli import completion
from evonas.cli.options import AsJson


def compare(
    targets: Annotated[
        list[Path],
        typer.Argument(
            metavar="RUN|CHECKPOINT...", help="Evaluated runs or checkpoints.", autocompletion=completion.runs
        ),
    ],
    other_data: Annotated[
        bool,
        typer.Option("--other-data", help="Show networks that were evaluated on other images of one data set."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Compare evaluated networks with each other and with published results on their data set.

    Example: `evonas compare runs/tour runs/darts-v2`
    """
    from evonas import api
    from evonas.reporting.output import print_json, print_rich

    rows = api.compare(targets, other_data=other_data)
    if as_json:
        return print_json([row.as_json() for row in rows])
    from evonas.reporting.comparison import compared

    print_rich(compared(rows))

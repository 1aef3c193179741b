"""``evonas export``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from evonas import completion
from evonas.options import AsJson


def export(
    target: Annotated[
        Path,
        typer.Argument(
            metavar="RUN|CHECKPOINT", help="Of a run, its best checkpoint.", autocompletion=completion.runs
        ),
    ],
    names: Annotated[
        str | None,
        typer.Option(
            "--format",
            help="See `evonas list formats`; separated by commas.  [default: all that are installed]",
            autocompletion=completion.formats,
        ),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Directory of the files.  [default: RUN/export]")] = None,
    as_json: AsJson = False,
) -> None:
    """Write a trained network in the formats of others, each checked against the network itself.

    Example: `evonas export runs/tour --format genotype,safetensors,pt2`
    """
    from evonas import api
    from evonas.reporting.exports import exported
    from evonas.reporting.output import print_json, print_rich

    chosen = None if names is None else [name.strip() for name in names.split(",") if name.strip()]
    result = api.export(target, chosen, out)
    return print_json(result.as_json()) if as_json else print_rich(exported(result))

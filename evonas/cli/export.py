"""``evonas export``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from evonas.cli import completion
from evonas.cli.fields import Fields, Values, with_fields
from evonas.cli.options import AsJson
from evonas.core.events import Listener
from evonas.store.settings import SearchSettings


@with_fields
def export(
    target: Annotated[
        Path,
        typer.Argument(
            metavar="RUN|CHECKPOINT",
            help="Run (its best checkpoint is used) or checkpoint.",
            autocompletion=completion.runs,
        ),
    ],
    *,
    picked: Annotated[Values, Fields(SearchSettings, "pick")],
    names: Annotated[
        str | None,
        typer.Option(
            "--format",
            help="Formats, separated by commas; see `evonas list formats`.  [default: all installed]",
            autocompletion=completion.formats,
        ),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Output directory.  [default: RUN/export]")] = None,
    other_data: Annotated[
        bool, typer.Option("--other-data", help="Export although the test images are not those of the training.")
    ] = False,
    benchmarks: Annotated[
        list[str] | None,
        typer.Option(
            "--benchmark",
            metavar="DATASET:TASK=COLUMN",
            help="Also write an accuracy as the result of a registered benchmark of a model hub, such as "
            "org/cifar10:linf=pgd@Linf.eps8; repeatable.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Export a trained network. Every file is checked against the original network.

    Example: `evonas export runs/tour --format genotype,safetensors,pt2`
    """
    from evonas import api
    from evonas.reporting.exports import exported
    from evonas.reporting.output import print_json, print_rich

    chosen = None if names is None else [name.strip() for name in names.split(",") if name.strip()]
    options = {"other_data": other_data, "benchmarks": benchmarks or (), **picked}
    result = api.export(target, chosen, out, Listener(), **options)  # its messages are in it
    return print_json(result.as_json()) if as_json else print_rich(exported(result))

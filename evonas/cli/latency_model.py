"""``evonas latency-model``."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from evonas.cli.fields import Fields, Values, with_fields
from evonas.cli.options import Architecture, AsJson, SpaceOfTable
from evonas.tabulating.settings import TabulateSettings

OF_MEASUREMENT = ("latency", "latency_command", "latency_timeout", "channels", "layers", "image_size", "stem")
OF_SAMPLE = ("max_params", "dataset", "data_dir", "device")


@with_fields
def latency_model(
    table: Annotated[Path, typer.Argument(metavar="TABLE", help="CSV file with architectures and latencies.")],
    *,
    column: Annotated[
        str | None, typer.Option(help="Column of latencies.  [default: the only column of times]")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Write the model to this file, for --proxy latency-model:PATH.")
    ] = None,
    sample: Annotated[
        int | None,
        typer.Option(help="Number of networks to fit on, drawn with --seed.  [default: four fifths of them]"),
    ] = None,
    seed: Annotated[int, typer.Option(help="Random seed.")] = 0,
    space: SpaceOfTable = None,
    architecture: Architecture = None,
    measure: Annotated[
        int | None,
        typer.Option(help="Measure so many random genotypes first, and write TABLE; repeat to continue."),
    ] = None,
    settings: Annotated[Values, Fields(TabulateSettings, *OF_MEASUREMENT, *OF_SAMPLE)],
    as_json: AsJson = False,
) -> None:
    """Fit the cost of each operation to a table of latencies; other networks of it give the error.

    Example: `evonas latency-model latencies.csv --column ms --out latency-model.json`
    """
    from evonas import api
    from evonas.core.arguments import given
    from evonas.reporting.latency_model import latency_model_table
    from evonas.reporting.output import announcing_observer, print_json, print_rich

    asked = given(settings)
    named = TabulateSettings(**{"latency": ("torch",), **asked}) if asked or measure is not None else None
    fitting = partial(api.fit_latency, sample=sample, seed=seed, space=space, architecture=architecture)
    result = fitting(table, column, out, measure=measure, settings=named, observer=announcing_observer())
    print_json(result.as_dict()) if as_json else print_rich(latency_model_table(result))

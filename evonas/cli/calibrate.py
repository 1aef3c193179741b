"""``evonas calibrate``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from evonas.cli import completion
from evonas.cli.fields import Fields, Values, with_fields
from evonas.cli.options import Architecture, AsJson, EngineName, RayAddress, SpaceOfTable, Unit, Workers, names
from evonas.store.settings import SearchSettings


@with_fields
def calibrate(
    table: Annotated[Path, typer.Argument(metavar="TABLE", help="CSV file with architectures and accuracies.")],
    *,
    target: Annotated[
        str | None,
        typer.Option(help="Target or column to predict.  [default: the first one but the clean accuracy]"),
    ] = None,
    proxies: Annotated[
        str | None,
        typer.Option(
            "--proxy", help="Proxies, separated by commas.  [default: all]", autocompletion=completion.proxies
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Write the chosen sum to this file, for --proxy file:PATH.")
    ] = None,
    sample: Annotated[
        int | None, typer.Option(help="Number of architectures, drawn with --seed.  [default: all]")
    ] = None,
    folds: Annotated[int, typer.Option(help="Folds of the outer and of the inner cross-validation.")] = 5,
    repeats: Annotated[int, typer.Option(help="How often the architectures are split.")] = 3,
    space: SpaceOfTable = None,
    unit: Unit = "auto",
    architecture: Architecture = None,
    grouping: Annotated[str, typer.Option(help="Groups of corruptions: paper or standard.")] = "paper",
    scores: Annotated[Path, typer.Option(help="Database of computed scores, reused by later commands.")] = Path(
        "runs/scores.db"
    ),
    engine: EngineName = "auto",
    workers: Workers = None,
    ray_address: RayAddress = None,
    settings: Annotated[Values, Fields(SearchSettings, mark="to_score", without=("space", "proxy"))],
    as_json: AsJson = False,
) -> None:
    """Find the proxy or the sum of proxies that predicts an accuracy of a table, by nested cross-validation.

    Example: `evonas calibrate accuracies.csv --target clean --proxy params,croze-size --out fitness.json`
    """
    from evonas import api
    from evonas.engine import make
    from evonas.reporting.calibration import calibration_tables
    from evonas.reporting.correlation import ScoringProgress
    from evonas.reporting.output import print_json, print_rich
    from evonas.tables.sidecar import settings_of

    choice: Values = {"grouping": grouping, "unit": unit, "architecture": architecture, "scores": scores}
    choice |= {"folds": folds, "repeats": repeats, "out": out, "engine": make(engine, workers, ray_address)}
    choice |= {"target": target, "proxies": None if proxies is None else names(proxies), "sample": sample}
    with ScoringProgress() as observer:
        choice |= {"observer": observer, "splits": observer.then("choosing", "chose in folds")}
        chosen = settings_of(table, {"space": space, **settings}, observer.message)
        result = api.calibrate(table, settings=chosen, announce=observer.message, **choice)
    print_json(result.as_dict()) if as_json else print_rich(calibration_tables(result))

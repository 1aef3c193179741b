"""``evonas verify``."""

from __future__ import annotations

from typing import Annotated

import typer

from evonas.cli.fields import Values, with_fields
from evonas.cli.options import AsJson, Place, RunPath


@with_fields
def verify(
    run: RunPath,
    *,
    sample: Annotated[
        int | None, typer.Option(help="Number of scores to recompute, always including the best.  [default: 10]")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed that selects the scores to recompute.")] = 0,
    place: Place,
    proxy: Annotated[
        str | None, typer.Option(help="The --proxy of the search with the new place of a table that was moved.")
    ] = None,
    objectives: Annotated[str | None, typer.Option(help="The same for --objectives.")] = None,
    constraints: Annotated[
        list[str] | None,
        typer.Option("--constraint", metavar="NAME<=NUMBER", help="The same for --constraint. Repeatable."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check whether the recorded results can be reproduced; exits with 1 if something differs.

    Example: `evonas verify runs/tour --sample 2`
    """
    from evonas import api
    from evonas.reporting.output import print_json, print_rich, verification_observer
    from evonas.reporting.verification import verified

    moved: Values = {"proxy": proxy, "objectives": objectives, "constraints": constraints or ()}
    result = api.verify(run, sample, verification_observer(), seed=seed, **moved, **place)
    print_json(result.as_json()) if as_json else print_rich(verified(result))
    if not result.passed:
        raise typer.Exit(1)

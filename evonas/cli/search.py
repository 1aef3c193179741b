"""The commands that search: ``evonas search`` and ``evonas resume``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from evonas import api
from evonas.cli import completion
from evonas.cli.fields import Fields, Values, with_fields
from evonas.cli.options import EngineName, Log, RayAddress, RunPath, Scratch, TimeLimit, Workers
from evonas.cli.train import Epochs, Numbers
from evonas.store.settings import PRESETS, SearchSettings
from evonas.training.plan import FinalPlan

if TYPE_CHECKING:
    from evonas.core.events import Observer
    from evonas.engine import Engine
    from evonas.searching.result import SearchResult
    from evonas.training.training import Trained

Reuse = Annotated[
    list[Path] | None,
    typer.Option(
        help="A run with controls, or a table of `evonas tabulate`, whose equal trainings of controls are taken "
        "over; repeatable."
    ),
]


@with_fields
def search(
    *,
    settings: Annotated[Values, Fields(SearchSettings)],
    engine: EngineName = "auto",
    workers: Workers = None,
    ray_address: RayAddress = None,
    time_limit: TimeLimit = None,
    preset: Annotated[
        str | None,
        typer.Option(help=f"Set of defaults: {', '.join(PRESETS)}.", autocompletion=completion.presets),
    ] = None,
    run: Annotated[Path | None, typer.Option(help="A new directory.  [default: runs/DATE-SPACE-PROXY]")] = None,
    no_final: Annotated[bool, typer.Option("--no-final", help="Stop after the search.")] = False,
    recipe: Annotated[Values, Fields(FinalPlan, "recipe")],
    epochs: Epochs = None,
    train_batch_size: Annotated[
        int | None, typer.Option(help="Number of images per training step.  [default: the recipe's]")
    ] = None,
    numbers: Numbers = None,
    final: Annotated[Values, Fields(FinalPlan, without=("recipe",))],
    reuse: Reuse = None,
    scratch: Scratch = None,
    log: Log = None,
) -> None:
    """Search for a robust network, train the best one and evaluate its robustness.

    Example: `evonas search --space darts --dataset digits --preset quick --run runs/tour`
    """
    from evonas.training.overrides import overrides

    chosen = SearchSettings.from_options(preset, **settings)
    place = _engine(engine, workers, ray_address, time_limit)
    changes = overrides(numbers, epochs=epochs, batch_size=train_batch_size)
    # validated even if --no-final ignores it
    plan = FinalPlan.from_options(preset, overrides=changes, **recipe, **final)
    _render(
        lambda observer: api.search(
            chosen, run, observer, place, None if no_final else plan, reuse or (), scratch
        ),
        log,
    )


@with_fields
def resume(
    run: RunPath,
    *,
    limits: Annotated[Values, Fields(SearchSettings, "generations", "evaluations")],
    from_generation: Annotated[
        int | None, typer.Option(help="Go back to this generation first; the current state is kept as run.db.1.")
    ] = None,
    final: Annotated[Values, Fields(FinalPlan, "retrainings", "controls")],
    reuse: Reuse = None,
    settings: Annotated[Values, Fields(SearchSettings, without=("generations", "evaluations"))],
    engine: EngineName = "auto",
    workers: Workers = None,
    ray_address: RayAddress = None,
    time_limit: TimeLimit = None,
    scratch: Scratch = None,
    log: Log = None,
) -> None:
    """Resume an interrupted run, or extend a finished search to more generations or evaluations.

    A run keeps its settings, except --generations, --evaluations, --pick, --data-dir, --device, --engine,
    --workers, --ray-address, --memory and --latency-timeout. A --latency-command runs only if it is given again.
    --retrainings and --controls can grow. --batch-networks may change if it was and stays above 1. --dataset may
    name the new path of an image folder that was moved; --proxy, --objectives and --constraint that of a table.

    Example: `evonas resume runs/composite --generations 6 --engine processes --workers 2`
    """
    chosen = _engine(engine, workers, ray_address, time_limit)
    values = {
        "from_generation": from_generation,
        "reuse": reuse or (),
        "scratch": scratch,
        **limits,
        **final,
        **settings,
    }
    _render(lambda observer: api.resume(run, observer, chosen, **values), log)


def _engine(name: str, workers: int | None, ray_address: str | None, time_limit: float | None) -> Engine:
    from evonas.engine import make

    return make(name, workers, ray_address, time_limit)


def _render(work: Callable[[Observer], SearchResult | Trained], log: tuple[str, str] | None) -> None:
    from evonas.reporting.controls import controlled
    from evonas.reporting.evaluation import evaluated
    from evonas.reporting.output import make_console, search_observer
    from evonas.reporting.tables import finished
    from evonas.reporting.training import trained
    from evonas.searching.result import SearchResult

    console = make_console()
    result = work(search_observer(console, log))
    if isinstance(result, SearchResult):
        console.print(finished(result), soft_wrap=True)
        training, evaluation = result.trained, result.evaluation
    else:
        training, evaluation = result, None
    if training is not None:
        console.print(trained(training, api.training_result(training), evaluation is None), soft_wrap=True)
    if evaluation is not None:
        console.print(evaluated(evaluation, console.width), soft_wrap=True)
    if isinstance(result, SearchResult) and result.controls is not None:
        console.print(controlled(result.controls), soft_wrap=True)

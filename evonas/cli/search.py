"""The commands that search: ``evonas search`` and ``evonas resume``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from evonas import api
from evonas.cli import completion
from evonas.cli.options import (
    Algorithm,
    AlgorithmOptions,
    BatchNetworks,
    BatchSize,
    Channels,
    Checks,
    Children,
    DataDir,
    Dataset,
    Device,
    EngineName,
    Generations,
    ImageSize,
    Layers,
    Log,
    MaxParams,
    Memory,
    Population,
    Precision,
    Proxy,
    RayAddress,
    RunPath,
    Seed,
    Space,
    TimeLimit,
    Tournament,
    Workers,
)
from evonas.cli.train import Epochs, Numbers, Recipe
from evonas.store.settings import PRESETS, SearchSettings

if TYPE_CHECKING:
    from evonas.core.events import Observer
    from evonas.engine import Engine
    from evonas.searching.loop import SearchResult
    from evonas.training.training import Trained

_FINAL = ("no_final", "recipe", "epochs", "train_batch_size", "numbers", "finalists", "images", "checks")
_NOT_SETTINGS = ("run", "log", "engine", "workers", "ray_address", "time_limit", *_FINAL)


def search(
    space: Space = None,
    generations: Generations = None,
    population: Population = None,
    tournament: Tournament = None,
    children: Children = None,
    proxy: Proxy = None,
    dataset: Dataset = None,
    data_dir: DataDir = None,
    batch_size: BatchSize = None,
    image_size: ImageSize = None,
    channels: Channels = None,
    layers: Layers = None,
    max_params: MaxParams = None,
    seed: Seed = None,
    device: Device = None,
    precision: Precision = None,
    batch_networks: BatchNetworks = None,
    memory: Memory = None,
    algorithm: Algorithm = None,
    options: AlgorithmOptions = None,
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
    recipe: Recipe = None,
    epochs: Epochs = None,
    train_batch_size: Annotated[
        int | None, typer.Option(help="Number of images per training step.  [default: the recipe's]")
    ] = None,
    numbers: Numbers = None,
    finalists: Annotated[
        int | None,
        typer.Option(help="Number of best genotypes that compete in short trainings first.  [default: 0]"),
    ] = None,
    images: Annotated[
        int | None, typer.Option(help="Number of test images for the evaluation.  [default: all]")
    ] = None,
    checks: Checks = None,
    log: Log = None,
) -> None:
    """Search for a robust network, train the best one and evaluate its robustness.

    Example: `evonas search --space darts --dataset digits --preset quick --run runs/tour`
    """
    values = {name: value for name, value in locals().items() if name not in _NOT_SETTINGS}
    from evonas.training.plan import FinalPlan
    from evonas.training.recipe import overrides

    settings = SearchSettings.from_options(**values)
    chosen = _engine(engine, workers, ray_address, time_limit)
    given = overrides(numbers, epochs=epochs, batch_size=train_batch_size)
    # validated even if --no-final ignores it
    final = FinalPlan.from_options(preset, recipe, given, finalists, images, checks)
    _render(lambda observer: api.search(settings, run, observer, chosen, None if no_final else final), log)


def resume(
    run: RunPath,
    generations: Generations = None,
    from_generation: Annotated[
        int | None, typer.Option(help="Go back to this generation first; the current state is kept as run.db.1.")
    ] = None,
    space: Space = None,
    population: Population = None,
    tournament: Tournament = None,
    children: Children = None,
    proxy: Proxy = None,
    dataset: Dataset = None,
    data_dir: DataDir = None,
    batch_size: BatchSize = None,
    image_size: ImageSize = None,
    channels: Channels = None,
    layers: Layers = None,
    max_params: MaxParams = None,
    seed: Seed = None,
    device: Device = None,
    precision: Precision = None,
    batch_networks: BatchNetworks = None,
    memory: Memory = None,
    algorithm: Algorithm = None,
    options: AlgorithmOptions = None,
    engine: EngineName = "auto",
    workers: Workers = None,
    ray_address: RayAddress = None,
    time_limit: TimeLimit = None,
    log: Log = None,
) -> None:
    """Resume an interrupted run, or extend a finished search to more generations.

    A run keeps its settings, except --generations, --data-dir, --device, --engine, --workers, --ray-address and
    --memory. --batch-networks may change if it was and stays above 1. --dataset may name the new path of an image
    folder that was moved.

    Example: `evonas resume runs/composite --generations 6 --engine processes --workers 2`
    """
    values = {name: value for name, value in locals().items() if name not in _NOT_SETTINGS}
    chosen = _engine(engine, workers, ray_address, time_limit)
    _render(lambda observer: api.resume(run, observer, chosen, **values), log)


def _engine(name: str, workers: int | None, ray_address: str | None, time_limit: float | None) -> Engine:
    from evonas.engine import make

    return make(name, workers, ray_address, time_limit)


def _render(work: Callable[[Observer], SearchResult | Trained], log: tuple[str, Path] | None) -> None:
    from evonas.reporting.evaluation import evaluated
    from evonas.reporting.output import make_console, search_observer
    from evonas.reporting.tables import finished
    from evonas.reporting.training import trained
    from evonas.searching.loop import SearchResult

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

"""Functions of the public API around a training."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evonas.api_search import observer_of
from evonas.core import arguments
from evonas.core.events import Observer, heard_by_observer
from spaces.errors import UsageError

if TYPE_CHECKING:
    from evonas.training.settings import TrainSettings
    from evonas.training.training import Trained
    from spaces.base import Genotype


@heard_by_observer
def train(
    target: str | Path | Genotype | TrainSettings,
    run: str | Path | None = None,
    observer: Observer | None = None,
    *,
    recipe: str | None = None,
    overrides: Mapping[str, Any] | None = None,
    validation: int | None = None,
    finalists: int | None = None,
    space: str | None = None,
    dataset: str | Path | None = None,
    data_dir: str | Path | None = None,
    image_size: int | None = None,
    channels: int | None = None,
    layers: int | None = None,
    seed: int | None = None,
    device: str | None = None,
    precision: str | None = None,
    compile: bool | None = None,
) -> Trained:
    """Train a genotype, a published architecture by name, or the best genotype of the run directory ``target``.

    The keywords are fields of `TrainSettings`, by default those of the run, and ``finalists``, the best genotypes
    of a run that compete first; ``overrides={"epochs": 10}`` replaces numbers of the recipe. Settings as
    ``target`` take no keywords. Repeat the call to continue. Raises `EvonasError` with one message.
    """
    options = arguments.given({name: value for name, value in locals().items() if name not in _NOT_OPTIONS})
    from evonas.training import train_stage as stage
    from evonas.training.settings import TrainSettings

    place = None if run is None else arguments.path(run, "--run")
    if isinstance(target, TrainSettings):
        if options:
            raise UsageError(f"pass settings or {', '.join(options)}, not both")
        return stage.train(target, place, observer_of(observer))
    if not isinstance(target, str | os.PathLike):
        target = arguments.genotype(target)
    text = arguments.text(target, "the genotype or run to train", None)
    return stage.train(text, place, observer_of(observer), **options)


_NOT_OPTIONS = ("target", "run", "observer")


def training_result(trained: Trained) -> dict[str, float]:
    """``accuracy`` and ``n`` on the test set, which is used once, at the end of a training."""
    from evonas.training import train_stage as stage

    return stage.result_of(trained.directory.parent)["test"]

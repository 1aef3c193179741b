"""Functions of the public API around a training."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from evonas.api.scratch import disk, in_run
from evonas.api.searching import engine_of, observer_of
from evonas.core import arguments
from evonas.core.events import Observer, heard_by_observer
from evonas.core.signatures import keywords
from evonas.store.nearby import is_search
from evonas.training.plan import MAX_TRAININGS
from evonas.training.settings import TrainOptions, TrainSettings
from spaces.errors import UsageError

if TYPE_CHECKING:
    from evonas.engine import Engine
    from evonas.training.training import Trained
    from spaces.base import Genotype


@heard_by_observer
@keywords(TrainOptions)
def train(
    target: str | Path | Genotype | TrainSettings,
    run: str | Path | None = None,
    observer: Observer | None = None,
    engine: Engine | None = None,
    *,
    pick: str | None = None,
    seeds: int | None = None,
    scratch: str | Path | None = None,
    **options: Unpack[TrainOptions],
) -> Trained:
    """Train a genotype, a published architecture by name, or the best genotype of the run directory ``target``.

    The keywords are fields of `TrainSettings`, by default those of the run, and ``finalists``, the best genotypes
    of a run that compete first; ``overrides={"epochs": 10}`` replaces numbers of the recipe. ``pick`` chooses
    another headline of the front of a run, and is stored in it. Settings as ``target`` take no keywords but
    ``seeds``, the number of trainings with seeds from that of the settings on, all but the first on ``engine``.
    ``scratch`` is that of `search`. Repeat the call to continue. Raises `EvonasError` with one message.
    """
    from evonas import pipeline

    given = arguments.given(dict(options))
    place = None if run is None else arguments.path(run, "--run")
    count = None if seeds is None else arguments.integer(seeds, "--seeds", 1, MAX_TRAININGS)
    if isinstance(target, TrainSettings):
        if given or pick is not None:
            raise UsageError(f"pass settings or {', '.join(given) or 'pick'}, not both")
        settings = target
        return in_run(
            place,
            disk(scratch),
            observer_of(observer),
            lambda run, hearing: pipeline.train(settings, run, hearing, engine_of(engine), seeds=count),
        )
    if not isinstance(target, str | os.PathLike):
        target = arguments.genotype(target)
    text = arguments.text(target, "the genotype or run to train", None)
    member = None if pick is None else arguments.text(pick, "--pick")
    chosen, local = engine_of(engine), disk(scratch)
    searched = local is not None and place is None and is_search(text)

    def work(run: Path | None, hearing: Observer) -> Trained:
        what, where = (str(run), None) if searched else (text, run)
        return pipeline.train(what, where, hearing, chosen, seeds=count, pick=member, **given)

    return in_run(Path(text) if searched else place, local, observer_of(observer), work)


def training_result(trained: Trained) -> dict[str, float]:
    """``accuracy`` and ``n`` on the test set, which is used once, at the end of a training."""
    from evonas.training import train_stage as stage

    return stage.result_of(trained.directory.parent)["test"]

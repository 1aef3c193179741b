"""The pipeline: search, train the best genotype, evaluate its robustness."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evonas.core.events import Observer, Warned
from evonas.core.files import exists
from evonas.core.shell import command
from evonas.core.signals import resumable
from evonas.engine import Engine
from evonas.evaluation.settings import EvaluateSettings
from evonas.searching import start
from evonas.searching.result import SearchResult
from evonas.store.queries import DATABASE
from evonas.store.run import Run
from evonas.store.settings import SearchSettings
from evonas.training.artefacts import require_directory
from evonas.training.plan import FACT, FinalPlan, plan_of
from evonas.training.settings import TrainSettings

if TYPE_CHECKING:
    from evonas.training.training import Trained


def search(
    settings: SearchSettings,
    run: str | Path | None,
    observer: Observer,
    engine: Engine | None,
    final: FinalPlan | None,
) -> SearchResult:
    """Start a search; with a plan, also run the final stage."""
    facts = {}
    if final is not None:
        final = _possible(settings, final, observer)
        facts = {FACT: final.to_json()}
    return _finish(start.search(settings, run, observer, engine, facts), observer)


def resume(run: str | Path, observer: Observer, engine: Engine | None, **options: Any) -> SearchResult | Trained:
    """Resume the search in ``run`` with its final stage, or the training."""
    require_directory(Path(run), "resume")
    if not exists(Path(run) / DATABASE) and exists(Path(run) / "train"):
        from evonas.training import train_stage as stage

        return stage.resume(Path(run), observer, **options)
    return _finish(start.resume(run, observer, engine, **options), observer, options.get("dataset"))


def train(target: str, run: Path | None, observer: Observer, pick: str, **options: Any) -> Trained:
    """Train the headline of the search ``target`` after ``pick`` was stored in it."""
    from evonas.core.ranks import is_first
    from evonas.searching import picking
    from evonas.training import train_stage as stage

    if run is None and is_first() and exists(Path(target) / DATABASE):
        picking.pick(Path(target), pick)
    return stage.train(target, run, observer, pick=pick, **options)


def _possible(settings: SearchSettings, final: FinalPlan, observer: Observer) -> FinalPlan:
    """The plan for these images. Errors of the final stage are raised before the search starts."""
    import numpy as np

    from evonas.data import source
    from evonas.evaluation.target import draw
    from evonas.training.train_stage import from_search
    from spaces import spaces

    some = str(spaces[settings.space].random(np.random.default_rng(0)))
    options = {name: value for name, value in final.options().items() if name != "finalists"}
    training = TrainSettings(some, **from_search(settings), **options)
    training.resolve()
    for text in training.doubts:
        observer(Warned(text))
    labels = source(settings.dataset, settings.data_dir, settings.image_size).labels("test")
    final = final.among(len(labels))
    draw(final.images, len(labels), settings.seed)
    return final


def _finish(result: SearchResult, observer: Observer, dataset: str | None = None) -> SearchResult:
    """Train and evaluate; ``dataset`` is the path that a folder of images was moved to."""
    with Run.read(result.path) as store:  # `open` would check the whole file
        plan = plan_of(store)
    if result.best is None or plan is None:
        return result
    with resumable(f"Resume with: {command('resume', result.path)}"), Run.open(result.path) as store:
        from evonas.evaluation.evaluate import evaluate
        from evonas.training.train_stage import in_run

        trained = in_run(store, observer, dataset=dataset)
        asked = store.settings
        settings = EvaluateSettings(
            images=plan.images,
            checks=plan.checks,
            seed=asked.seed,
            device=asked.device,
            data_dir=asked.data_dir,
            dataset=dataset,
        )
        evaluation = evaluate(result.path, settings, observer)
    return dataclasses.replace(result, trained=trained, evaluation=evaluation)

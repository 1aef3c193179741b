"""The pipeline: search, train the best genotype, evaluate its robustness."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evonas.core.arguments import given
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
from spaces.errors import UsageError

if TYPE_CHECKING:
    from evonas.training.training import Trained


def search(
    settings: SearchSettings,
    run: str | Path | None,
    observer: Observer,
    engine: Engine | None,
    final: FinalPlan | None,
    reuse: Sequence[Path] = (),
) -> SearchResult:
    """Start a search; with a plan, also run the final stage, which takes controls from ``reuse`` if possible."""
    _require_sources(reuse)
    facts = {}
    if final is not None:
        final = _possible(settings, final, observer)
        facts = {FACT: final.to_json()}
    return _finish(start.search(settings, run, observer, engine, facts), observer, engine, reuse)


def resume(
    run: str | Path,
    observer: Observer,
    engine: Engine | None,
    retrainings: int | None = None,
    controls: int | None = None,
    reuse: Sequence[Path] = (),
    **options: Any,
) -> SearchResult | Trained:
    """Resume the search in ``run`` with its final stage, or the training.

    ``retrainings`` and ``controls`` can only grow. Finished trainings of controls are taken from the runs and
    tables of ``reuse``.
    """
    require_directory(Path(run), "resume")
    _require_sources(reuse)
    if not exists(Path(run) / DATABASE) and exists(Path(run) / "train"):
        from evonas.training import train_stage as stage

        if controls is not None or reuse:
            raise UsageError(f"{run} is a training; --controls and --reuse are for the winner of a search")
        return _several(stage.resume(Path(run), observer, **options), retrainings, observer, engine)
    more = given({"retrainings": retrainings, "controls": controls})
    facts = {FACT: _extended(Path(run), more).to_json()} if more else {}
    result = start.resume(run, observer, engine, facts=facts, **options)
    return _finish(result, observer, engine, reuse, options.get("dataset"))


def _require_sources(reuse: Sequence[Path]) -> None:
    """Raises `UsageError` for a run or table without finished trainings."""
    if reuse:
        from evonas.controls.reuse import journal_of

        for source in reuse:
            journal_of(source)


def _extended(run: Path, more: Mapping[str, int]) -> FinalPlan:
    """The plan of a run with more trainings or controls."""
    with Run.read(run) as store:
        plan = plan_of(store)
    if plan is None:
        raise UsageError(
            f"{run} was searched with --no-final, so its final stage cannot be extended; train its best genotype "
            f"several times with: {command('train', run, '--seeds', '3')}"
        )
    return plan.extended(**more)


def train(
    target: str | TrainSettings,
    run: Path | None,
    observer: Observer,
    engine: Engine | None = None,
    *,
    seeds: int | None = None,
    pick: str | None = None,
    **options: Any,
) -> Trained:
    """Train ``target`` with ``seeds`` seeds; of a search its headline, after ``pick`` was stored in it."""
    from evonas.controls.retrain import require_alone
    from evonas.core.ranks import is_first
    from evonas.searching import picking
    from evonas.training import train_stage as stage
    from evonas.training.retrainings import require_seeds

    require_alone(seeds)
    if seeds is not None:
        require_seeds(target.seed if isinstance(target, TrainSettings) else options.get("seed") or 0, seeds)
    if isinstance(target, str) and pick is not None:
        if run is None and is_first() and exists(Path(target) / DATABASE):
            picking.pick(Path(target), pick)
        options["pick"] = pick
    return _several(stage.train(target, run, observer, **options), seeds, observer, engine)


def _several(trained: Trained, seeds: int | None, observer: Observer, engine: Engine | None) -> Trained:
    """Train the same genotype with the next seeds."""
    from evonas.controls.retrain import retrain
    from evonas.core.locks import held
    from evonas.training.parallel import alone

    if alone():
        with held(trained.directory.parent):
            retrain(trained.directory.parent, seeds, observer, engine)
    return trained


def _possible(settings: SearchSettings, final: FinalPlan, observer: Observer) -> FinalPlan:
    """The plan for these images. Errors of the final stage are raised before the search starts."""
    import numpy as np

    from evonas.data import source
    from evonas.evaluation.target import draw
    from evonas.training.retrainings import require_seeds
    from evonas.training.train_stage import from_search
    from spaces import spaces

    some = str(spaces[settings.space].random(np.random.default_rng(0)))
    options = {name: value for name, value in final.options().items() if name != "finalists"}
    training = TrainSettings(some, **from_search(settings), **options)
    training.resolve()
    for text in training.doubts:
        observer(Warned(text))
    require_seeds(settings.seed, final.retrainings)
    labels = source(settings.dataset, settings.data_dir, settings.image_size).labels("test")
    final = final.among(len(labels))
    draw(final.images, len(labels), settings.seed)
    return final


def _finish(
    result: SearchResult,
    observer: Observer,
    engine: Engine | None,
    reuse: Sequence[Path],
    dataset: str | None = None,
) -> SearchResult:
    """Train and evaluate; ``dataset`` is the path that a folder of images was moved to.

    A run that was evaluated is evaluated with the same settings.
    """
    with Run.read(result.path) as store:  # `open` would check the whole file
        plan = plan_of(store)
    if result.best is None or plan is None:
        return result
    with resumable(f"Resume with: {command('resume', result.path)}"), Run.open(result.path) as store:
        from evonas.controls.retrain import retrain
        from evonas.evaluation.evaluate import evaluate
        from evonas.evaluation.stored import settings_in
        from evonas.training.retrainings import trainings
        from evonas.training.train_stage import in_run

        trained = in_run(store, observer, dataset=dataset)
        retrain(result.path, max(plan.retrainings, trainings(trained.directory)), observer, engine)
        asked = store.settings
        settings = settings_in(result.path, asked.device, asked.data_dir) or EvaluateSettings(
            images=plan.images,
            checks=plan.checks,
            seed=asked.seed,
            device=asked.device,
            data_dir=asked.data_dir,
        )
        evaluation = evaluate(
            result.path, dataclasses.replace(settings, dataset=dataset or settings.dataset), observer
        )
        group = None
        if plan.controls:
            from evonas.controls.control import control

            group = control(result.path, plan.controls, plan.retrainings, observer, engine, reuse)
    return dataclasses.replace(result, trained=trained, evaluation=evaluation, controls=group)

"""A calibration from settings: the images, the task, the score file, and the file of the fitness that it finds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from evonas.core.digests import file_digest
from evonas.core.events import unwatched, warning
from evonas.core.signals import REPEAT, resumable
from evonas.data.tables.units import UnitOption
from evonas.engine import Engine, InProcess
from evonas.engine.base import unheard
from evonas.searching.images import images_for, with_batch
from evonas.searching.objectives.named import fitness_of
from evonas.searching.resolve import resolve_scoring
from evonas.searching.task import task_of
from evonas.store.settings import SearchSettings
from evonas.tables import read_table
from evonas.tables.calibrate import FOLDS, REPEATS, Calibration, SplitFinished
from evonas.tables.calibrate import calibrate as calibrate_table
from evonas.tables.scores import Observer
from fitness import proxies
from spaces import spaces
from spaces.size import CIFAR


def calibrate(
    table: str | Path,
    settings: SearchSettings,
    *,
    proxy_names: Sequence[str] | None = None,
    sample: int | None = None,
    target: str | None = None,
    grouping: str = "paper",
    unit: str = "auto",
    architecture: str | None = None,
    folds: int = FOLDS,
    repeats: int = REPEATS,
    scores: str | Path | None = None,
    out: str | Path | None = None,
    engine: Engine | None = None,
    observer: Observer | None = None,
    splits: Callable[[SplitFinished], object] | None = None,
    announce: Callable[[str], object] | None = None,
) -> Calibration:
    """Which proxies predict a target of a CSV file; see `evonas.tables.calibrate`.

    ``out`` is the file of the chosen sum, for ``--proxy file:PATH``; it is written in any case, with the evidence.
    """
    settings, say = resolve_scoring(settings), warning(unwatched) if announce is None else announce
    names = list(proxies) if proxy_names is None else list(proxy_names)
    found = read_table(table, spaces[settings.space], architecture)
    asked = [fitness_of(name) for name in names]
    images = images_for(asked, settings, say)
    with (
        (InProcess() if engine is None else engine).opened(
            settings.device, unheard if announce is None else announce
        ) as opened,
        resumable(REPEAT),
    ):
        result = calibrate_table(
            found,
            task_of(settings, images, opened.most_workers),
            names=names,
            n=sample,
            target_name=target,
            grouping=grouping,
            unit=UnitOption.parse(unit),
            folds=folds,
            repeats=repeats,
            seed=settings.seed,
            score_file=scores,
            engine=opened,
            observer=observer,
            splits=splits,
            announce=announce,
        )
    if out is not None:
        scored = ["dataset", "channels", "layers", "batch_size", "image_size", "classes", "seed", "precision"]
        scored += [] if settings.stem in (None, CIFAR) else ["stem"]
        settings = with_batch(settings, images)
        evidence = {
            "table": Path(table).name,
            "table_sha256": file_digest(Path(table)),
            "scored": {name: getattr(settings, name) for name in scored},
        }
        result.fitness(settings.space, evidence).write(Path(out))
    return result

"""A correlation from settings: the images, the task and the score file around `evonas.tables`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from evonas.core.events import unwatched, warning
from evonas.core.signals import REPEAT, resumable
from evonas.data.tables.units import UnitOption
from evonas.engine import Engine, InProcess
from evonas.engine.base import unheard
from evonas.searching.images import images_for
from evonas.searching.objectives.named import fitness_of
from evonas.searching.resolve import resolve_scoring
from evonas.searching.task import task_of
from evonas.store.settings import SearchSettings
from evonas.tables import Correlation, read_table
from evonas.tables import correlate as correlate_table
from evonas.tables.correlate import SIZE
from evonas.tables.scores import Observer
from evonas.tables.sidecar import sidecar_of
from spaces import spaces


def correlate(
    table: str | Path,
    proxy_names: Sequence[str],
    settings: SearchSettings,
    *,
    sample: int | None = None,
    all_ids: bool = False,
    half: str | None = None,
    target_names: Sequence[str] | None = None,
    grouping: str = "paper",
    unit: str = "auto",
    architecture: str | None = None,
    scores: str | Path | None = None,
    engine: Engine | None = None,
    pair: tuple[str, str] | None = None,
    given: str = SIZE,
    against: str | None = None,
    observer: Observer | None = None,
    announce: Callable[[str], object] | None = None,
) -> Correlation:
    """How well proxies rank the trained architectures of a CSV file; see `evonas.tables.correlate`.

    ``unit`` is ``percent``, ``fraction`` or ``auto``, or ``NAME=percent`` for single columns of accuracies;
    ``architecture`` names the column of architectures. Images are read only if a proxy needs them. ``announce``
    gets news of the ``engine`` (by default this process).
    """
    settings, say = resolve_scoring(settings), warning(unwatched) if announce is None else announce
    units = UnitOption.parse(unit)
    found = read_table(table, spaces[settings.space], architecture)
    asked = [*proxy_names, *([against] if against else [])]
    images = images_for(map(fitness_of, asked), settings, say)
    with (
        (InProcess() if engine is None else engine).opened(
            settings.device, unheard if announce is None else announce
        ) as opened,
        resumable(REPEAT),
    ):
        return correlate_table(
            found,
            proxy_names,
            task_of(settings, images, opened.most_workers),
            n=sample,
            seed=settings.seed,
            all_ids=all_ids,
            half=half,
            target_names=target_names,
            grouping=grouping,
            unit=units,
            scored_on=None if images is None else settings.dataset,
            trained_on=None if (trained := sidecar_of(table)) is None else trained.dataset,
            score_file=scores,
            engine=opened,
            pair=pair,
            given=given,
            against=against,
            observer=observer,
            announce=announce,
        )

"""A correlation from settings: the images, the task and the score file around `evonas.bench`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from evonas.bench import Correlation, read_table
from evonas.bench import correlate as correlate_table
from evonas.bench.scores import Observer
from evonas.config import SearchSettings
from evonas.images import images_for
from evonas.search.loop import task_of
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
    scores: str | Path | None = None,
    workers: int = 1,
    observer: Observer | None = None,
    announce: Callable[[str], object] | None = None,
) -> Correlation:
    """How well proxies rank the trained architectures of a CSV file; see `evonas.bench.correlate`.

    Images are read only if a proxy needs them.
    """
    settings = settings.resolve()
    found = read_table(table, spaces[settings.space])
    return correlate_table(
        found,
        proxy_names,
        task_of(settings, images_for(proxy_names, settings)),
        n=sample,
        seed=settings.seed,
        all_ids=all_ids,
        half=half,
        target_names=target_names,
        grouping=grouping,
        score_file=scores,
        workers=workers,
        observer=observer,
        announce=announce,
    )

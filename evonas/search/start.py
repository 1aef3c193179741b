"""Where a search begins: from settings, or from a run directory."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from evonas.config import SearchSettings, changed
from evonas.engine import Engine, InProcess
from evonas.exhaustion import memory_reported
from evonas.files import default_path, versions
from evonas.images import fingerprint, images_for, images_of
from evonas.machine import FACT as MACHINES
from evonas.machine import machine, note, noted
from evonas.observer import Observer
from evonas.records import DATABASE
from evonas.rewind import rewind
from evonas.search.loop import Search, SearchResult
from evonas.store import Run
from fitness import Batch, composite, proxies
from spaces import UsageError


def search(
    settings: SearchSettings,
    run: str | Path | None = None,
    observer: Observer | None = None,
    engine: Engine | None = None,
    facts: Mapping[str, str] | None = None,
) -> SearchResult:
    """Search from the beginning and keep everything in the directory ``run`` (default ``runs/<date>-...``).

    ``facts`` are kept with the run from its first moment on. Scores are computed by ``engine``, by default in
    this process; it changes nothing in the result.
    Raises `EvonasError` or `UsageError` with one message; `Interrupted` after SIGINT or SIGTERM, with all that
    was computed saved.
    """
    settings = settings.resolve()
    images = images_for([settings.proxy], settings)
    path = Path(run) if run is not None else default_path(settings)
    facts = {"batch": fingerprint(images), "versions": json.dumps(versions()), **(facts or {})}
    facts["proxies"] = json.dumps({name: proxies[name].version for name in composite.names(settings.proxy)})
    facts[MACHINES] = noted(None, machine(settings.device, settings.precision), 0)
    observer = observer or Observer()
    with (
        (engine or InProcess()).opened(settings.device, observer.message) as opened,  # fails before there is a run
        Run.create(path, settings, facts) as store,
    ):
        return _go(store, settings, images, observer, opened)


def resume(
    run: str | Path,
    observer: Observer | None = None,
    engine: Engine | None = None,
    from_generation: int | None = None,
    **options: Any,
) -> SearchResult:
    """Continue an interrupted search, or a finished one to a larger total of ``generations``.

    The result is that of a search that was never interrupted. ``from_generation`` goes back to the state after
    that generation first; the file as it was stays as run.db.1. Raises `UsageError` if other settings are given
    than the run has (`evonas.config.CHANGEABLE` names those that may change; ``engine`` is none).
    """
    if from_generation is not None:
        Run.require(Path(run))
        rewind(Path(run) / DATABASE, from_generation)
    with Run.open(Path(run)) as store:
        stored = store.settings
        settings = changed(stored, options)
        done = store.generations(last=1)
        if done and settings.generations < done[0].generation:
            raise UsageError(
                f"{run} already has {done[0].generation} generations; --generations is a total and cannot be less"
            )
        images = images_of(store, settings)
        observer = observer or Observer()
        with (engine or InProcess()).opened(settings.device, observer.message) as opened:
            # nothing refuses the command any more
            if settings != stored:
                store.set_meta(settings=settings.to_json())
            if not done or done[0].generation < settings.generations:
                note(store, machine(settings.device, settings.precision))
            return _go(store, settings, images, observer, opened)


def _go(
    store: Run, settings: SearchSettings, images: Batch | None, observer: Observer, engine: Engine
) -> SearchResult:
    advice = f"everything written before is kept; free some and continue with: evonas resume {store.path}"
    with memory_reported("searching", advice):
        return Search(store, settings, images, observer, engine).go()

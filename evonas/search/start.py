"""Where a search begins: from settings, or from a run directory."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from evonas.config import SearchSettings, changed
from evonas.device import pick
from evonas.engine import Engine, InProcess
from evonas.files import default_path, versions
from evonas.images import fingerprint, images_for
from evonas.observer import Observer
from evonas.search.loop import Search, SearchResult
from evonas.store import Run
from fitness import Batch, composite, proxies
from spaces import EvonasError, UsageError


def search(
    settings: SearchSettings,
    run: str | Path | None = None,
    observer: Observer | None = None,
    engine: Engine | None = None,
) -> SearchResult:
    """Search from the beginning and keep everything in the directory ``run`` (default ``runs/<date>-...``).

    Raises `EvonasError` or `UsageError` with one message; `Interrupted` after SIGINT or SIGTERM, with all that
    was computed saved.
    """
    settings = settings.resolve()
    images = images_for([settings.proxy], settings)
    path = Path(run) if run is not None else default_path(settings)
    facts = {"batch": fingerprint(images), "versions": json.dumps(versions())}
    facts["proxies"] = json.dumps({name: proxies[name].version for name in composite.names(settings.proxy)})
    with Run.create(path, settings, facts) as store:
        return Search(store, settings, images, observer or Observer(), engine or InProcess()).go()


def resume(
    run: str | Path, observer: Observer | None = None, engine: Engine | None = None, **options: Any
) -> SearchResult:
    """Continue an interrupted search, or a finished one to a larger total of ``generations``.

    The result is that of a search that was never interrupted. Raises `UsageError` if other settings are given
    than the run has (``generations``, ``data_dir`` and ``device`` may change).
    """
    with Run.open(Path(run)) as store:
        stored = store.settings
        settings = changed(stored, options)
        done = store.generations(last=1)
        if done and settings.generations < done[0].generation:
            raise UsageError(
                f"{run} already has {done[0].generation} generations; --generations is a total and cannot be less"
            )
        images = images_of(store, settings)
        if settings != stored:
            store.set_meta(settings=settings.to_json())
        return Search(store, settings, images, observer or Observer(), engine or InProcess()).go()


def images_of(store: Run, settings: SearchSettings, more: Sequence[str] = ()) -> Batch | None:
    """The images that a run scores with, for its own proxy and for ``more``.

    Raises `EvonasError` if they are not those that it was started with, if its device is not there, or if a proxy
    means something else now.
    """
    scored_by = json.loads(store.meta("proxies") or "{}")
    for name in composite.names(settings.proxy):
        then, now = scored_by.get(name, 1), proxies[name].version
        if then != now:
            raise EvonasError(
                f"{store.path} was scored by version {then} of {name!r}, which now is at version {now} and means "
                "something else; start a new run"
            )
    try:
        pick(settings.device)
    except EvonasError as error:
        raise EvonasError(
            f"{store.path} was scored on {settings.device}: {error} (scores then agree to about 1e-6, not exactly)"
        ) from None
    images = images_for([settings.proxy], settings)
    if store.meta("batch") != fingerprint(images):
        raise EvonasError(
            f"the images of {settings.dataset} here are not those that {store.path} was scored with; "
            "name the right place with --data-dir"
        )
    return images if images is not None else images_for(more, settings)

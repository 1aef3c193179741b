"""Where a search begins: from settings, or from a run directory."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from evonas.config import SearchSettings, changed
from evonas.data import batch as load_batch
from evonas.device import pick
from evonas.engine import Engine, InProcess
from evonas.files import default_path, versions
from evonas.observer import Observer
from evonas.search.loop import Search, SearchResult
from evonas.store import Run
from fitness import Batch, proxies
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
    images = _images(settings)
    path = Path(run) if run is not None else default_path(settings)
    facts = {"batch": _fingerprint(images), "versions": json.dumps(versions())}
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
        settings = _available(settings, run)
        images = _images(settings)
        if store.meta("batch") != _fingerprint(images):
            raise EvonasError(
                f"the images of {settings.dataset} here are not those that {run} was scored with; "
                "name the right place with --data-dir"
            )
        if settings != stored:
            store.set_meta(settings=settings.to_json())
        return Search(store, settings, images, observer or Observer(), engine or InProcess()).go()


def _available(settings: SearchSettings, run: str | Path) -> SearchSettings:
    try:
        pick(settings.device)
    except EvonasError as error:
        raise EvonasError(
            f"{run} was scored on {settings.device}: {error} (scores then agree to about 1e-6, not exactly)"
        ) from None
    return settings


def _images(settings: SearchSettings) -> Batch | None:
    if not proxies[settings.proxy].needs_images:
        return None
    return load_batch(settings.dataset, settings.batch_size, settings.seed, settings.data_dir, settings.image_size)


def _fingerprint(images: Batch | None) -> str:
    if images is None:
        return "none"
    return hashlib.sha256(images.images.numpy().tobytes() + images.labels.numpy().tobytes()).hexdigest()

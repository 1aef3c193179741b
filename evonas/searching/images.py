"""The images that scores are computed from, read only if a proxy needs them."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable, Iterable, Sequence

from evonas.core.devices import pick
from evonas.core.strict_json import parse_json
from evonas.data import DEFAULT_BATCH, batch, source
from evonas.searching.constraint import constraints_of
from evonas.searching.objectives.fitness import Fitness
from evonas.searching.objectives.named import fitness_for
from evonas.store.queries import Records
from evonas.store.settings import SearchSettings
from evonas.training.data_identity import require_classes
from fitness import Batch
from spaces import EvonasError

DATA = "data"  # the fact of a run that says which classes its data set has


def images_for(
    asked: Iterable[Fitness], settings: SearchSettings, say: Callable[[str], object] | None = None
) -> Batch | None:
    """The batch of the data set of ``settings``; None if no fitness needs images.

    ``say`` is told where the data set has fewer images than a batch has by default.
    """
    if not any(fitness.needs_images for fitness in asked):
        return None
    images = batch(settings.dataset, settings.batch_size, settings.seed, settings.data_dir, settings.image_size)
    if settings.batch_size is None and len(images.labels) < DEFAULT_BATCH and say is not None:
        few = len(images.labels)
        say(f"--batch-size is lowered from {DEFAULT_BATCH} to {few}: {settings.dataset} has {few} training images")
    return images


def with_batch(settings: SearchSettings, images: Batch | None) -> SearchSettings:
    """``settings`` that say how many images their scores are computed from."""
    size = DEFAULT_BATCH if images is None else len(images.labels)
    return dataclasses.replace(settings, batch_size=settings.batch_size or size)


def fingerprint(images: Batch | None) -> str:
    """A digest of the images."""
    if images is None:
        return "none"
    return hashlib.sha256(images.images.numpy().tobytes() + images.labels.numpy().tobytes()).hexdigest()


def described(settings: SearchSettings) -> str:
    """The classes of the data set and, of a folder, the number of training images, as JSON."""
    data = source(settings.dataset, settings.data_dir, settings.image_size)
    count = len(data.labels("train")) if settings.dataset.startswith("folder:") else None
    return json.dumps({"classes": list(data.classes), "train": count})


def _require_described(store: Records, settings: SearchSettings, needed: bool) -> str:
    """Raises `EvonasError` if the classes differ from those of the run; returns a note on the number of images.

    If no image is ``needed``, the data set may be missing.
    """
    then = store.fact(DATA)
    if not then:  # a run of an older version
        return ""
    try:
        now = parse_json(described(settings))
    except EvonasError:
        if needed:
            raise
        return ""
    if not isinstance(then.get("classes"), list):
        raise EvonasError(f"the classes of {store.path} cannot be read")
    require_classes([str(name) for name in then["classes"]], now["classes"], str(store.path), settings.dataset)
    return (
        "" if now["train"] == then.get("train") else f" ({now['train']} training images, {then['train']} before)"
    )


def require_constraints(store: Records, settings: SearchSettings) -> None:
    """Raises `EvonasError` if a constraint has other values than in the run.

    ``settings`` are those of the run, with the present places of tables.
    """
    known = store.fact("proxies") if settings.constraints else {}
    for text, one in zip(store.settings.constraints, constraints_of(settings), strict=True):
        for name, now in one.fitness.identity().items():
            if (then := known.get(text, {}).get(name)) != now:
                raise EvonasError(f"{store.path} {one.fitness.changed(name, then, now)}")


def images_of(store: Records, settings: SearchSettings, more: Sequence[Fitness] = ()) -> Batch | None:
    """The images that a run scores with, for its proxy and for ``more``.

    Raises `EvonasError` if the images have changed, if the device is unavailable, or if the version of a proxy has
    changed.
    """
    scored_by = store.fact("proxies")
    fitness = fitness_for(settings)
    for name, now in fitness.identity().items():
        then = scored_by.get(name, 1)
        if then != now:
            raise EvonasError(f"{store.path} {fitness.changed(name, then, now)}")
    try:
        pick(settings.device)
    except EvonasError as error:
        raise EvonasError(
            f"{store.path} was scored on {settings.device}: {error} (scores then agree to about 1e-6, not exactly)"
        ) from None
    count = _require_described(store, settings, store.meta("batch") != fingerprint(None))
    images = images_for([fitness], settings)
    if store.meta("batch") != fingerprint(images):
        raise EvonasError(
            f"the images of {settings.dataset} differ from those that {store.path} was scored with{count}. Scores "
            "depend on one batch of training images, and therefore on their number, file names and labels. "
            "Restore the images, set the right directory with --data-dir (--dataset for a folder that was moved), "
            "or start a new run"
        )
    return images if images is not None else images_for(more, settings)

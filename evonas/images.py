"""The images that scores are computed from, read only if a proxy needs them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

from evonas.config import SearchSettings
from evonas.data import batch
from evonas.device import pick
from evonas.records import Records
from fitness import Batch, composite, proxies
from spaces import EvonasError


def images_for(proxy_names: Iterable[str], settings: SearchSettings) -> Batch | None:
    """The batch of the data set of ``settings``; None if no proxy, and no member of a composite, needs images."""
    members = [member for name in proxy_names for member in composite.names(name)]
    if not any(proxies[member].needs_images for member in members):
        return None
    return batch(settings.dataset, settings.batch_size, settings.seed, settings.data_dir, settings.image_size)


def fingerprint(images: Batch | None) -> str:
    """A digest that tells other images apart."""
    if images is None:
        return "none"
    return hashlib.sha256(images.images.numpy().tobytes() + images.labels.numpy().tobytes()).hexdigest()


def images_of(store: Records, settings: SearchSettings, more: Sequence[str] = ()) -> Batch | None:
    """The images that a run scores with, for its own proxy and for ``more``.

    Raises `EvonasError` if they are not those that it was started with, if its device is not there, or if a proxy
    means something else now.
    """
    scored_by = store.fact("proxies")
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

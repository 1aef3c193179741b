"""The images that scores are computed from, read only if a proxy needs them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from evonas.config import SearchSettings
from evonas.data import batch
from fitness import Batch, composite, proxies


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

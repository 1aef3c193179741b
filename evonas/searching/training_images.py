"""The identity of the images that an algorithm learns from, sealed in its run."""

from __future__ import annotations

import json
from typing import Any

from evonas.searching.algorithms import algorithms
from evonas.searching.supplies import Supplies
from evonas.store.hash_chain import TRAINING
from evonas.store.queries import Records
from evonas.store.settings import SearchSettings
from evonas.training.known_images import KnownImages
from spaces import EvonasError


def training_images(settings: SearchSettings) -> dict[str, str]:
    """The fact that identifies the training images; none for an algorithm that does not learn from them."""
    if not algorithms[settings.algorithm].needs_images:
        return {}
    return {TRAINING: json.dumps(_identity(settings))}


def require_training_images(store: Records, settings: SearchSettings) -> None:
    """Raises `EvonasError` if the algorithm of a run would learn from other images than before."""
    then = store.fact(TRAINING)
    if then and then != (now := _identity(settings)):
        raise EvonasError(
            f"the algorithm of {store.path} learned from other images than those of {settings.dataset} "
            f"({now['images']} training images, {then.get('images')} before). Restore the images, set the right "
            "directory with --data-dir (--dataset for a folder that was moved), or start a new run"
        )


def _identity(settings: SearchSettings) -> dict[str, Any]:
    images = Supplies(settings).images
    found = KnownImages.of(images.images, images.labels).identity
    return {"images": found.count, "order": found.order}

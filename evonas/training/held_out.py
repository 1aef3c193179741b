"""The test images that a trained network is measured on, compared with those of its training."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

from evonas.core.files import exists
from evonas.data import source
from evonas.training.checkpoint import Checkpoint
from evonas.training.data_check import UNCHECKED, EvaluatedData, require_test
from evonas.training.data_identity import require_classes
from evonas.training.images import Images, read
from evonas.training.known_images import KnownImages
from spaces.errors import EvonasError, UsageError


class Measured(NamedTuple):
    """The test images of an evaluation, on the CPU, and whether they are those of the training."""

    images: Images
    data: EvaluatedData


def images_for(
    checkpoint: Checkpoint, data_dir: str | None, dataset: str | None = None, other_data: bool = False
) -> Measured:
    """All test images of the data set of the training, or of ``dataset``.

    Raises `EvonasError` if classes, image size or labels differ and, without ``other_data``, if images differ.
    """
    trained = checkpoint.settings
    where = dataset or trained.dataset
    what = str(checkpoint.path)
    if where.startswith("folder:") and not exists(Path(where.removeprefix("folder:")).expanduser()):
        raise UsageError(f"{what}: {where} does not exist; if it was moved, add --dataset folder:PATH")
    data = source(where, data_dir or trained.data_dir, trained.image_size)
    if checkpoint.data is not None:  # before any image is read
        require_classes(checkpoint.data.identity.classes, data.classes, what, where)
    if len(data.classes) != trained.classes or data.image_size != trained.image_size:
        raise EvonasError(
            f"{what} expects {trained.classes} classes and images of {trained.image_size} pixels, but "
            f"{where} has {len(data.classes)} classes and {data.image_size} pixels"
        )
    testing = read(data, "test")
    known = KnownImages.of(testing.images, testing.labels)
    if checkpoint.data is None:
        return Measured(testing, EvaluatedData(UNCHECKED, tuple(data.classes), asdict(known.identity)))
    return Measured(testing, require_test(checkpoint.data, data.classes, known, what, where, other_data))

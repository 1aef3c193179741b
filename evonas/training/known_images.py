"""The images of a training, 64 bits of a digest each, to find new, missing and relabelled ones."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evonas.training.data_identity import DataIdentity, SplitIdentity

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from evonas.data.source import Source

PREFIX = "data."  # of the tensors of a checkpoint that hold codes and labels
SPLITS = ("train", "test")


@dataclass(frozen=True)
class KnownImages:
    """The images of a split in the order of the data set: codes and labels, int64 (N,) each."""

    codes: np.ndarray
    labels: np.ndarray

    @classmethod
    def of(cls, images: Tensor, labels: Tensor) -> KnownImages:
        """From uint8 (N, 3, H, W) and int64 (N,) on the CPU."""
        import numpy as np

        rows = images.contiguous().numpy().reshape(len(images), -1)
        codes = b"".join(hashlib.sha256(row.data).digest()[:8] for row in rows)
        return cls(np.frombuffer(codes, dtype="<i8").astype(np.int64), labels.numpy().astype(np.int64))

    @property
    def identity(self) -> SplitIdentity:
        """Digests of images, of images with labels, and of both in order."""
        import numpy as np

        pairs = np.stack([self.codes, self.labels], axis=1)  # (N, 2)
        by_pair = pairs[np.lexsort((self.labels, self.codes))]
        digests = (_digest(np.sort(self.codes)), _digest(by_pair), _digest(pairs))
        return SplitIdentity(len(self.codes), *digests)

    @property
    def counts(self) -> Counter[int]:
        """How often each image is there."""
        return Counter(self.codes.tolist())


@dataclass(frozen=True)
class KnownData:
    """The identity of the data of a training, and its single images by split, as far as they are recorded."""

    identity: DataIdentity
    images: Mapping[str, KnownImages]

    @classmethod
    def of(cls, source: Source, images: Mapping[str, KnownImages]) -> KnownData:
        """From a data set and its images, those of each of `SPLITS`."""
        parts = {split: images[split].identity for split in SPLITS}
        return cls(DataIdentity(tuple(source.classes), source.image_size, **parts), images)

    def tensors(self) -> dict[str, Tensor]:
        """The input of `from_tensors`: codes and labels (N,) of each split."""
        import torch

        found = {}
        for split, known in self.images.items():
            found[f"{PREFIX}{split}.images"] = torch.from_numpy(known.codes)
            found[f"{PREFIX}{split}.labels"] = torch.from_numpy(known.labels).int()
        return found

    @classmethod
    def from_tensors(cls, identity: DataIdentity, tensors: Mapping[str, Any]) -> KnownData:
        """The inverse of `tensors`; missing splits are skipped.

        Raises `ValueError` if the tensors do not belong to ``identity``.
        """
        images = {}
        for split in SPLITS:
            codes, labels = (tensors.get(f"{PREFIX}{split}.{name}") for name in ("images", "labels"))
            if codes is not None and labels is not None:
                images[split] = _from_pair(codes, labels)
                if images[split].identity != getattr(identity, split):
                    raise ValueError(f"its list of the {split} images does not belong to its digests")
        return cls(identity, images)


def _from_pair(codes: Tensor, labels: Tensor) -> KnownImages:
    import torch

    if codes.dtype != torch.int64 or labels.dtype != torch.int32 or codes.ndim != 1 or codes.shape != labels.shape:
        raise ValueError("its list of the images does not have one code and one label for each")
    return KnownImages(codes.numpy(), labels.long().numpy())


def _digest(values: np.ndarray) -> str:
    return hashlib.sha256(values.astype("<i8").tobytes()).hexdigest()

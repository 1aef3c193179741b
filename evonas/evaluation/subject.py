"""A model and its images in chunks, on the device, in float32."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import torch
from torch import Tensor, nn

from evonas.core.digests import digest, tensors_digest
from evonas.core.events import Listener, Message, Observer
from evonas.core.signals import Interrupted, StopRequest
from evonas.evaluation.events import ImagesMeasured
from evonas.evaluation.journal import Journal, Json, Recorded, as_stored
from evonas.evaluation.rates import Rate
from evonas.training.logits import correct, logits_of
from evonas.training.undisturbed import Model, undisturbed
from fitness.layout import layout
from spaces.errors import EvonasError, UsageError


@dataclass
class Subject:
    """The subject of an assessment: ``model``, and images uint8 (N, 3, H, W) with int64 labels on the CPU.

    Chunks are fixed: images k B to (k + 1) B.
    """

    model: Model
    images: Tensor
    labels: Tensor
    title: str = ""  # prefix of messages to the observer
    identity: str = ""  # distinguishes models with the same weights
    device: str = "cpu"
    batch_size: int = 250
    seed: int = 0
    journal: Recorded = field(default_factory=Journal)
    observer: Observer = field(default_factory=Listener)
    stop: StopRequest = field(default_factory=StopRequest)
    environment: Mapping[str, str] = field(default_factory=dict)  # device and torch, by default those here
    keeps_predictions: bool = False  # outcomes carry the predicted class of each image
    weights: str | None = field(init=False)  # digest; None for a function, whose results cannot be kept

    def __post_init__(self) -> None:
        if self.images.dtype != torch.uint8 or self.images.ndim != 4 or self.images.shape[1] != 3:
            kind = str(self.images.dtype).removeprefix("torch.")
            raise UsageError(f"images are uint8 (N, 3, H, W), not {kind} {tuple(self.images.shape)}")
        if self.labels.dtype != torch.int64 or self.labels.shape != self.images.shape[:1]:
            raise UsageError(f"{len(self.images)} images need int64 labels ({len(self.images)},)")
        if not len(self.images):
            raise UsageError("there are no images to evaluate")
        self.weights = tensors_digest(self.model.state_dict()) if isinstance(self.model, nn.Module) else None
        here = {"device": torch.device(self.device).type, "torch": torch.__version__}
        self._context = {  # everything that results depend on except the images and the assessment
            "weights": self.weights,
            "model": f"{self.identity} {self.model}" if self.weights else "",
            "seed": self.seed,
            **(self.environment or here),
        }

    def chunks(self) -> Iterator[Tensor]:
        """Indices of the images, int64 (n,), chunk by chunk."""
        yield from torch.arange(len(self.images)).split(self.batch_size)

    def chunk_of(self, index: int) -> int:
        """The first index of the chunk that holds image ``index``."""
        return index // self.batch_size * self.batch_size

    def load(self, indices: Tensor) -> tuple[Tensor, Tensor]:
        """Images float32 (n, 3, H, W) in [0, 1] and labels int64 (n,) on the device; ``indices`` int64 (n,)."""
        pixels = self.images[indices].to(self.device).float() / 255
        return pixels.contiguous(memory_format=layout(self.device)), self.labels[indices].to(self.device)

    def each(
        self,
        key: Sequence[Json] | None,
        work: Callable[[Tensor], Json],
        what: str,
        among: Tensor | None = None,
        part: tuple[int, int] = (0, 1),
        name: str = "",
    ) -> list[Json]:
        """``work(indices)`` for each chunk as JSON, from the journal, else computed and kept.

        ``indices``, int64 (n,), are those of a chunk where ``among``, bool (N,), is true; a chunk without any is
        skipped. ``key`` is what a result depends on in addition to the model, the images with their labels and
        indices, the seed and the device: the assessment, its version and its settings. With None nothing is kept.
        The observer hears of ``what``, which is part ``part[0]`` of ``part[1]``; ``name`` is that of the entries.
        Raises `Interrupted` after a chunk if a stop was requested; finished chunks are kept.
        """
        results, total = [], len(self.images)
        for indices in self.chunks():
            chosen = indices if among is None else indices[among[indices]]
            if len(chosen):
                results.append(self._recalled(key, work, name or what, chosen))
            done = part[0] * total + int(indices[-1]) + 1
            self.observer(ImagesMeasured(self.title + what, done, part[1] * total))
            self.answer_stop()
        return results

    def _recalled(
        self, key: Sequence[Json] | None, work: Callable[[Tensor], Json], name: str, chosen: Tensor
    ) -> Json:
        if key is None or self.weights is None:
            return as_stored(work(chosen))
        return self.journal.recall(self._entry(key, chosen), name, lambda: work(chosen))

    def _entry(self, key: Sequence[Json], chosen: Tensor) -> str:
        """The key of a result in the journal."""
        content = tensors_digest({"images": self.images[chosen], "labels": self.labels[chosen], "indices": chosen})
        return digest([self._context, *key, self.chunk_of(int(chosen[0])), content])

    def seconds(self, key: Sequence[Json], indices: Tensor) -> float:
        """How long the result of `each` for the chunk ``indices``, int64 (n,), took; 0 if it was not kept."""
        return 0.0 if self.weights is None else self.journal.seconds(self._entry(key, indices))

    def mask(self, results: Sequence[Json], among: Tensor | None = None) -> Tensor:
        """The images whose indices ``results`` list, bool (N,).

        Raises `EvonasError` for anything but lists of indices of images where ``among``, bool (N,), is true.
        """
        found = torch.zeros(len(self.images), dtype=torch.bool)
        for listed in results:
            if not isinstance(listed, list) or not all(type(i) is int and 0 <= i < len(found) for i in listed):
                raise self._damaged("an entry does not hold image indices")
            found[listed] = True
        if among is not None and (found & ~among).any():
            raise self._damaged("an entry holds indices of images that it was not asked for")
        return found

    def require_same(self, right: Tensor, again: Tensor, what: str) -> None:
        """Raises `EvonasError` unless predictions agree with the images that are correct, both bool (N,)."""
        if not torch.equal(right, again):
            raise self._damaged(f"the predictions of {what} differ from its accuracy")

    def _damaged(self, what: str) -> EvonasError:
        return EvonasError(f"cannot use {self.journal.path}: {what}; remove it to start again")

    def correct(self, pixels: Tensor, labels: Tensor) -> Tensor:
        """Which images are classified correctly, bool (n,) on the CPU.

        ``pixels`` float32 (n, 3, H, W) in [0, 1], ``labels`` int64 (n,), both on the device.
        """
        with undisturbed(self.model, self.device):
            return correct(self.model, pixels, labels).cpu()

    def logits(self, pixels: Tensor) -> Tensor:
        """Logits float32 (n, classes) on the CPU; ``pixels`` float32 (n, 3, H, W) in [0, 1] on the device."""
        with undisturbed(self.model, self.device), torch.no_grad():
            return logits_of(self.model, pixels).cpu()

    @cached_property
    def classes(self) -> int:
        """The number of classes of the model."""
        with undisturbed(self.model, self.device):
            return logits_of(self.model, self.load(torch.arange(1))[0]).shape[1]

    @cached_property
    def right(self) -> Tensor:
        """Which images are classified correctly, bool (N,)."""
        return self.clean()

    def predict(self, pixels: Tensor) -> Tensor:
        """The predicted classes, int64 (n,) on the CPU; -1 where a logit is not finite.

        ``pixels`` float32 (n, 3, H, W) in [0, 1] on the device.
        """
        logits = self.logits(pixels)
        return logits.argmax(1).where(logits.isfinite().all(1), -1)

    @cached_property
    def predicted(self) -> Tensor:
        """The predicted classes of the clean images, int64 (N,)."""
        return self.predictions(None, lambda indices: self.predict(self.load(indices)[0]), "clean predictions")

    def predictions(
        self,
        key: Sequence[Json] | None,
        predict: Callable[[Tensor], Tensor],
        what: str,
        among: Tensor | None = None,
        part: tuple[int, int] = (0, 1),
        name: str = "",
    ) -> Tensor:
        """The classes that ``predict(indices)`` gives, int64 (N,); -1 for images not in ``among``, bool (N,).

        They are kept under ``key`` as those of `each`, with indices.
        """

        def work(indices: Tensor) -> Json:
            return {"indices": indices.tolist(), "classes": predict(indices).tolist()}

        found = torch.full((len(self.images),), -1)
        kept = None if key is None else [*key, "predictions"]
        for entry in self.each(kept, work, what, among, part, name and f"{name} predictions"):
            try:
                found[torch.tensor(entry["indices"])] = torch.tensor(entry["classes"])
            except (KeyError, TypeError, IndexError, ValueError, RuntimeError):
                raise self._damaged("an entry does not hold predicted classes") from None
        return found

    def clean(self, transform: Callable[[Tensor, Tensor], Tensor] | None = None, what: str = "clean") -> Tensor:
        """Which images are classified correctly, bool (N,), after ``transform(pixels, indices)``."""

        def right(indices: Tensor) -> Json:
            pixels, labels = self.load(indices)
            if transform is not None:
                pixels = transform(pixels, indices)
            return indices[self.correct(pixels, labels)].tolist()

        return self.mask(self.each(None, right, what))

    def say(self, text: str) -> None:
        """Tell the observer one line."""
        self.observer(Message(text))

    def answer_stop(self) -> None:
        """Raises `Interrupted` if a stop was requested."""
        if self.stop.requested:
            where = f" in {self.journal.path}" if self.journal.path else ""
            raise Interrupted(f"interrupted; finished work is saved{where}. Repeat the command to continue")

    def rate(self, right: Tensor) -> Rate:
        """The share of all images; ``right`` bool (N,)."""
        return Rate.of(int(right.sum()), len(right))

    def only(self, indices: Tensor, title: str) -> Subject:
        """The same model on some of the images, in the order of ``indices``, int64 (n,)."""
        return dataclasses.replace(self, images=self.images[indices], labels=self.labels[indices], title=title)

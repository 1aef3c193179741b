"""A model and its images in chunks, on the device, in float32."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from evonas.core.digests import digest, tensors_digest
from evonas.core.events import Listener, Observer
from evonas.core.signals import Interrupted, StopRequest
from evonas.evaluation.attacks.base import Attack, correct, logits_of
from evonas.evaluation.attacks.draws import Draws
from evonas.evaluation.attacks.undisturbed import Model, undisturbed
from evonas.evaluation.events import ImagesMeasured
from evonas.evaluation.journal import Journal
from evonas.evaluation.rates import Rate
from spaces.errors import UsageError


@dataclass
class Subject:
    """The subject of an attack: ``model``, and images uint8 (N, 3, H, W) with int64 labels on the CPU.

    Chunks are fixed: images k B to (k + 1) B. Only the correctly classified images of a chunk are attacked.
    """

    model: Model
    images: Tensor
    labels: Tensor
    title: str = ""  # prefix of messages to the observer
    identity: str = ""  # distinguishes models with the same weights
    device: str = "cpu"
    batch_size: int = 250
    seed: int = 0
    journal: Journal = field(default_factory=Journal)
    observer: Observer = field(default_factory=Listener)
    stop: StopRequest = field(default_factory=StopRequest)
    context: dict[str, Any] = field(init=False)  # digest of everything that outcomes depend on

    def __post_init__(self) -> None:
        if self.images.dtype != torch.uint8 or self.images.ndim != 4 or self.images.shape[1] != 3:
            kind = str(self.images.dtype).removeprefix("torch.")
            raise UsageError(f"images are uint8 (N, 3, H, W), not {kind} {tuple(self.images.shape)}")
        if self.labels.dtype != torch.int64 or self.labels.shape != self.images.shape[:1]:
            raise UsageError(f"{len(self.images)} images need int64 labels ({len(self.images)},)")
        if not len(self.images):
            raise UsageError("there are no images to evaluate")
        weights = tensors_digest(self.model.state_dict()) if isinstance(self.model, nn.Module) else None
        self.context = {
            "weights": weights,
            "model": f"{self.identity} {self.model}" if weights else "",
            "seed": self.seed,
            "device": torch.device(self.device).type,
            "torch": torch.__version__,
        }

    def chunks(self) -> Iterator[Tensor]:
        """Indices of the images, int64, chunk by chunk."""
        yield from torch.arange(len(self.images)).split(self.batch_size)

    def load(self, indices: Tensor) -> tuple[Tensor, Tensor]:
        """Images float32 in [0, 1] and labels on the device."""
        pixels = self.images[indices].to(self.device).float() / 255
        return pixels.contiguous(memory_format=torch.channels_last), self.labels[indices].to(self.device)

    def classes(self) -> int:
        """The number of classes of the model."""
        with undisturbed(self.model, self.device):
            return logits_of(self.model, self.load(torch.arange(1))[0]).shape[1]

    def clean(self, transform: Callable[[Tensor, Tensor], Tensor] | None = None, what: str = "clean") -> Tensor:
        """Which images are classified correctly, bool (N,), after ``transform(pixels, indices)``."""
        right = torch.zeros(len(self.images), dtype=torch.bool)
        for indices in self.chunks():
            pixels, labels = self.load(indices)
            if transform is not None:
                pixels = transform(pixels, indices)
            with undisturbed(self.model, self.device):
                right[indices] = correct(self.model, pixels, labels).cpu()
            self.observer(ImagesMeasured(self.title + what, int(indices[-1]) + 1, len(self.images)))
            self.answer_stop()
        return right

    def attack(self, attack: Attack, epsilon: float, right: Tensor) -> list[tuple[str, Tensor]]:
        """The images that stay correct after each part of ``attack``, among those where ``right`` is true."""
        outcomes = []
        for number, part in enumerate(attack.parts):
            what = f"{attack.name} {epsilon:g}/255"
            if len(attack.parts) > 1:
                what += f", {number + 1} of {len(attack.parts)}" + f" ({part.name})" * (part.name != attack.name)
            right = self._part(part, epsilon, right, what)
            outcomes.append((part.name, right))
        return outcomes

    def _part(self, part: Attack, epsilon: float, right: Tensor, what: str) -> Tensor:
        left = right.clone()
        for indices in self.chunks():
            chosen = indices[right[indices]]
            if len(chosen):
                kept = self._outcome(part, epsilon, chosen, int(indices[0]))
                left[chosen] = False
                left[kept] = True
            self.observer(ImagesMeasured(self.title + what, int(indices[-1]) + 1, len(self.images)))
            self.answer_stop()
        return left

    def _outcome(self, part: Attack, epsilon: float, chosen: Tensor, chunk: int) -> Tensor:
        """The indices among ``chosen`` that stay correct, from the journal or computed."""
        content = tensors_digest({"images": self.images[chosen], "labels": self.labels[chosen], "indices": chosen})
        key = digest([self.context, part.settings(), epsilon, chunk, content])
        found = self.journal.get(key) if self.context["weights"] else None
        if found is not None:
            return torch.tensor(found, dtype=torch.int64)
        started = time.perf_counter()
        pixels, labels = self.load(chosen)
        draws = Draws(self.seed, tuple(chosen.tolist()), chunk)
        moved = part(self.model, pixels, labels, epsilon, draws)
        with undisturbed(self.model, self.device):
            still = correct(self.model, moved, labels).cpu()
        kept = chosen[still]
        if self.context["weights"]:
            self.journal.put(key, part.name, epsilon, kept.tolist(), time.perf_counter() - started)
        return kept

    def answer_stop(self) -> None:
        """Raises `Interrupted` if a stop was requested."""
        if self.stop.requested:
            where = f" in {self.journal.path}" if self.journal.path else ""
            raise Interrupted(f"interrupted; finished work is saved{where}. Repeat the command to continue")

    def rate(self, right: Tensor) -> Rate:
        """The share of all images."""
        return Rate.of(int(right.sum()), len(right))

    def only(self, indices: Tensor, title: str) -> Subject:
        """The same model on some of the images, in the order of ``indices``."""
        return dataclasses.replace(self, images=self.images[indices], labels=self.labels[indices], title=title)

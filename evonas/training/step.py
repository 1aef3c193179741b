"""One step of a training: attack or bounds, forward and backward pass, clipping, optimiser."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from evonas.core.events import Observer
from evonas.training.adversary import perturb, step_size_of
from evonas.training.certified import certified_loss
from evonas.training.forward import Forward
from evonas.training.model import Classifier
from evonas.training.norms import Norms
from evonas.training.optimisers import optimiser_of
from evonas.training.parallel import Group
from evonas.training.recipe import Recipe


class Step:
    """Steps of ``recipe`` on ``model``, which is on ``device`` and in training mode.

    In bfloat16 under autocast, or in float32. ``observer`` is told if the network cannot be compiled. ``weights``
    (classes,) are those of the classes in the loss.
    """

    def __init__(
        self,
        model: nn.Module,
        recipe: Recipe,
        device: str,
        *,
        bfloat16: bool,
        compile: bool,
        observer: Observer,
        group: Group,
        weights: Tensor | None = None,
    ) -> None:
        self.weights = weights
        self.model, self.recipe, self.bfloat16 = model, recipe, bfloat16
        self.forward, self.norms = Forward(model, device, compile, observer, group), Norms(model)
        self.optimiser = optimiser_of(recipe, model.parameters(), fused=True if self.forward.cuda else None)

    def __call__(self, pixels: Tensor, labels: Tensor, adversary_steps: int, passed: float = 1.0) -> Tensor:
        """Learn from float32 (n, 3, H, W) in [0, 1] after the part ``passed`` of the training.

        Returns (2,): the sum of the losses, and correct images.
        """
        self.optimiser.zero_grad(set_to_none=True)
        if self.recipe.is_certified:
            assert isinstance(self.model, Classifier)
            loss, logits = certified_loss(
                self.model, self.norms, self.recipe, pixels, labels, passed, self.cross_entropy
            )
        else:
            loss, logits = self._usual_loss(pixels, labels, adversary_steps)
        loss.backward()
        if self.recipe.clip:
            nn.utils.clip_grad_norm_(self.model.parameters(), self.recipe.clip)
        self.optimiser.step()
        return torch.stack((loss.detach() * len(labels), (logits.argmax(1) == labels).sum()))

    def _usual_loss(self, pixels: Tensor, labels: Tensor, adversary_steps: int) -> tuple[Tensor, Tensor]:
        """The loss on attacked or noisy images, (), and logits (n, classes)."""
        recipe = self.recipe
        self.forward.prepare(lambda network: self._loss(network, pixels, labels)[0])
        with self._autocast():
            if recipe.adversary != "none":
                size = step_size_of(recipe, adversary_steps)
                with self.norms.kept(), self.forward.attacked():
                    pixels = perturb(self.forward.logits, pixels, labels, recipe.eps, size, adversary_steps)
            if recipe.sigma:
                pixels = pixels + recipe.sigma * torch.randn_like(pixels)
            return self._loss(self.forward, pixels, labels)

    def _loss(self, network: Any, pixels: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """The loss, (), and logits (n, classes)."""
        with self._autocast():
            answer = network(pixels)
            logits, auxiliary = answer if isinstance(answer, tuple) else (answer, None)
            loss = self.cross_entropy(logits, labels)
            if auxiliary is not None:
                loss = loss + self.recipe.auxiliary * self.cross_entropy(auxiliary, labels)
        return loss, logits

    def cross_entropy(self, logits: Tensor, labels: Tensor) -> Tensor:
        """That of the recipe, (), of logits (n, classes)."""
        return F.cross_entropy(logits.float(), labels, self.weights, label_smoothing=self.recipe.label_smoothing)

    def _autocast(self) -> AbstractContextManager[None]:
        kind = "cuda" if self.forward.cuda else "cpu"
        return torch.autocast(kind, torch.bfloat16, enabled=self.bfloat16)

"""One step of a training: attack, forward and backward pass, clipping, SGD."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from evonas.core.events import Observer
from evonas.training.adversary import perturb, step_size_of
from evonas.training.forward import Forward
from evonas.training.norms import Norms
from evonas.training.parallel import Group
from evonas.training.recipe import Recipe


class Step:
    """Steps of SGD of ``recipe`` on ``model``, which is on ``device`` and in training mode.

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
        self.optimiser = torch.optim.SGD(
            model.parameters(),
            lr=recipe.lr,
            momentum=recipe.momentum,
            weight_decay=recipe.weight_decay,
            nesterov=recipe.nesterov,
            fused=True if self.forward.cuda else None,
        )

    def __call__(self, pixels: Tensor, labels: Tensor, adversary_steps: int) -> Tensor:
        """Learn from float32 (n, 3, H, W) in [0, 1]; returns (2,): the sum of the losses, and correct images."""
        recipe = self.recipe
        self.optimiser.zero_grad(set_to_none=True)
        self.forward.prepare(lambda network: self._loss(network, pixels, labels)[0])
        with self._autocast():
            if recipe.adversary != "none":
                size = step_size_of(recipe, adversary_steps)
                with self.norms.kept(), self.forward.attacked():
                    pixels = perturb(self.forward.logits, pixels, labels, recipe.eps, size, adversary_steps)
            loss, logits = self._loss(self.forward, pixels, labels)
        loss.backward()
        if recipe.clip:
            nn.utils.clip_grad_norm_(self.model.parameters(), recipe.clip)
        self.optimiser.step()
        return torch.stack((loss.detach() * len(labels), (logits.argmax(1) == labels).sum()))

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

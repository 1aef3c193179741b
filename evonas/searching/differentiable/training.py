"""The training of a supernet: its weights on one half of the images, its architecture parameters on the other.

Source: Liu, Simonyan, Yang, "DARTS: Differentiable Architecture Search", ICLR 2019: alternating steps, and
the numbers of the released code.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from evonas.searching.differentiable.replaced import Replaced
from evonas.searching.differentiable.robustness import Examples, Robustness
from evonas.searching.differentiable.unrolled import correction, stepped
from evonas.searching.supplies import Supplies
from evonas.training import optimisers
from evonas.training.augment import augment, draw
from evonas.training.images import Images, stratified
from evonas.training.recipe import Recipe
from fitness import stable_hash
from fitness.transfer import downloaded
from spaces import Network
from spaces.errors import EvonasError, UsageError
from spaces.supernet import Supernet

MIN_IMAGES = 4  # two in each half: BatchNorm needs more than one


class Numbers(Protocol):
    """The numbers of a training; see the options of the algorithms."""

    epochs: int
    images: int | None
    batch: int
    lr: float
    lr_min: float
    momentum: float
    weight_decay: float
    clip: float
    crop: int
    alpha_lr: float
    alpha_beta1: float
    alpha_beta2: float
    alpha_weight_decay: float
    warmup: int
    order: int


@dataclass(frozen=True)
class Losses:
    """The means of an epoch; those of the architecture are None while it is not learned."""

    training: float
    validation: float | None = None
    accuracy: float | None = None  # on the second half
    robustness: float | None = None  # R, where it is in the loss

    def __str__(self) -> str:
        words = [f"training loss {self.training:.4g}"]
        if self.validation is not None:
            words.append(f"validation loss {self.validation:.4g}, accuracy {100 * (self.accuracy or 0):.2f} %")
        return ", ".join(words + ([] if self.robustness is None else [f"R {self.robustness:.4g}"]))


class Halves:
    """The training images of a search, in two halves with every class in proportion, on its device."""

    def __init__(self, supplies: Supplies, numbers: Numbers, seed: int) -> None:
        device, images = supplies.settings.device, supplies.images
        if numbers.images is not None:
            images = images.among(stratified(images.labels, numbers.images, seed).sort().values)
        chosen = torch.zeros(len(images), dtype=torch.bool)
        chosen[stratified(images.labels, len(images) // 2, seed + 1)] = True
        self.first, self.second = (images.among(half).to(device) for half in (~chosen, chosen))
        self.batch = min(numbers.batch, len(self.second))
        self.steps = len(self.second) // self.batch
        self.mean, self.std = (
            torch.tensor(values, device=device).view(1, 3, 1, 1) for values in supplies.source.statistics()
        )
        flip = supplies.source.flips
        self.recipe = Recipe(source="", epochs=1, crop=min(numbers.crop, images.side - 1), flip=flip, area=0)

    def batches(self, half: Images, generator: torch.Generator) -> Iterator[Examples]:
        """A half in random order, augmented; the rest of the division by the batch is left out."""
        order, places = half.placed(torch.randperm(len(half), generator=generator))
        for start in range(0, self.steps * self.batch, self.batch):
            here = slice(start, start + self.batch)
            draws = draw(self.batch, half.side, self.recipe, generator, str(half.device))
            pixels = augment(half.pixels(places[here]), draws, self.recipe, self.mean, torch.contiguous_format)
            yield Examples(pixels, half.labels[order[here]], self.mean, self.std)


def require_halves(count: int, images: int | None) -> None:
    """Raises `UsageError` if ``count`` training images, or ``images`` of them, cannot be halved."""
    if images is not None and images > count:
        raise UsageError(
            f"--option images={images} is larger than the {count} training images; use at most {count}"
        )
    if count < MIN_IMAGES:
        raise UsageError(f"{count} training images cannot be halved: at least {MIN_IMAGES} are needed")


class Training:
    """A supernet with both optimisers, after ``epoch`` epochs; all that is random follows from ``seed``."""

    def __init__(
        self,
        supernet: Supernet,
        supplies: Supplies,
        numbers: Numbers,
        seed: int,
        gamma: float = 0.0,
        robustness: Robustness | None = None,
    ) -> None:
        """L_val - ``gamma`` R is minimised by the architecture, without R if ``gamma`` is 0."""
        self.supernet, self.supplies, self.numbers, self.seed = supernet, supplies, numbers, seed
        self.gamma, self.robustness = gamma, robustness if gamma else None
        self.halves = Halves(supplies, numbers, stable_hash(seed, "halves"))
        self.layers, self.architecture = supernet.layers(), supernet.architecture()
        self.of_layers = torch.optim.SGD(
            [one for _, one in self.layers],
            lr=numbers.lr,
            momentum=numbers.momentum,
            weight_decay=numbers.weight_decay,
        )
        self.of_architecture = torch.optim.Adam(
            [one for _, one in self.architecture],
            lr=numbers.alpha_lr,
            betas=(numbers.alpha_beta1, numbers.alpha_beta2),
            weight_decay=numbers.alpha_weight_decay,
        )
        self.epoch = 0

    @property
    def lr(self) -> float:
        """The learning rate of the next epoch: a cosine over the planned epochs, then the smallest."""
        numbers = self.numbers
        part = min(self.epoch, numbers.epochs) / numbers.epochs
        return numbers.lr_min + (numbers.lr - numbers.lr_min) * (1 + math.cos(math.pi * part)) / 2

    def train_epoch(self) -> Losses:
        """One epoch. Raises `EvonasError` if a loss is not finite."""
        halves, self.supernet = self.halves, self.supernet.train()
        for group in self.of_layers.param_groups:
            group["lr"] = self.lr
        pairs = zip(
            *(
                halves.batches(half, torch.Generator().manual_seed(stable_hash(self.seed, self.epoch, name)))
                for name, half in (("weights", halves.first), ("architecture", halves.second))
            ),
            strict=True,
        )
        rows = []
        for first, second in pairs:
            self.supplies.proceed()
            learned = self._architecture_step(second, first) if self.epoch >= self.numbers.warmup else ()
            rows.append((self._weights_step(first), *learned))
        self.epoch += 1
        return Losses(*(float(torch.stack(column).double().mean()) for column in zip(*rows, strict=True)))

    def _weights_step(self, examples: Examples) -> Tensor:
        loss = F.cross_entropy(self.supernet(examples.images), examples.labels)
        parameters = [one for _, one in self.layers]
        self._require_finite(loss)
        self._descend(torch.autograd.grad(loss, parameters), self.layers, self.of_layers, self.numbers.clip)
        return loss.detach()

    def _architecture_step(self, examples: Examples, others: Examples) -> tuple[Tensor, ...]:
        gradients, row = self.architecture_gradients(examples, others)
        self._descend(gradients, self.architecture, self.of_architecture)
        return row

    def architecture_gradients(
        self, examples: Examples, others: Examples
    ) -> tuple[list[Tensor], tuple[Tensor, ...]]:
        """Gradients of L_val - gamma R on ``examples``, (edges, operations); L_val, accuracy, and R if it is used.

        In second order, after a step of the weights on ``others``.
        """
        layers, architecture = dict(self.layers), dict(self.architecture)
        network: Network = self.supernet
        moved: dict[str, Tensor] = {}  # the weights after the step
        if self.numbers.order > 1:

            def training(replaced: Replaced) -> Tensor:
                return F.cross_entropy(replaced(others.images), others.labels)

            moved = stepped(self.supernet, layers, self.of_layers, training)
            network = Replaced(self.supernet, moved)
        if self.robustness is None:
            logits, value = network(examples.images), None
        else:
            logits, value = self.robustness(network, examples)
        clean = F.cross_entropy(logits, examples.labels)
        loss = clean if value is None else clean - self.gamma * value
        self._require_finite(loss)
        found = torch.autograd.grad(loss, [*architecture.values(), *moved.values()])
        gradients, vector = list(found[: len(architecture)]), list(found[len(architecture) :])
        if moved:
            lr = self.of_layers.param_groups[0]["lr"]
            second = correction(self.supernet, layers, architecture, vector, training)
            gradients = [one - lr * other for one, other in zip(gradients, second, strict=True)]
        accuracy = (logits.detach().argmax(1) == examples.labels).float().mean()
        return gradients, (clean.detach(), accuracy, *([] if value is None else [value.detach()]))

    def _descend(
        self,
        gradients: Sequence[Tensor],
        named: list[tuple[str, nn.Parameter]],
        optimiser: torch.optim.Optimizer,
        clip: float = 0.0,
    ) -> None:
        parameters = [one for _, one in named]
        for one, gradient in zip(parameters, gradients, strict=True):
            one.grad = gradient
        if clip:
            nn.utils.clip_grad_norm_(parameters, clip)
        optimiser.step()

    def _require_finite(self, loss: Tensor) -> None:
        if not math.isfinite(float(loss.detach())):
            lower = f"--option lr={self.numbers.lr / 4:.2g}"
            raise EvonasError(
                f"the loss of the supernet is no longer finite in epoch {self.epoch + 1}; epoch {self.epoch} is "
                f"kept. Start a new search with a lower learning rate, such as {lower}"
                + (", or a smaller gamma" if self.robustness else "")
            )

    def arrays(self) -> dict[str, np.ndarray]:
        """Weights, buffers and both optimisers' states by name."""
        tensors = dict(self.supernet.state_dict())
        tensors |= optimisers.state_of(self.of_layers, self.layers)
        tensors |= optimisers.state_of(self.of_architecture, self.architecture)
        return {name: tensor.numpy().copy() for name, tensor in downloaded(tensors).items()}

    def load(self, arrays: Mapping[str, Any], epoch: int) -> None:
        """Continue after ``epoch``. Raises `EvonasError` for arrays of another supernet."""
        self.epoch = epoch
        device = self.supplies.settings.device
        shapes = {name: one.shape for name, one in self.supernet.state_dict().items()}
        try:
            found = {
                name: torch.from_numpy(np.array(value)).view(shapes[name if name in shapes else _plain(name)])
                for name, value in arrays.items()
            }
            self.supernet.load_state_dict({name: found[name] for name in shapes})
        except (KeyError, RuntimeError, TypeError, ValueError) as error:
            raise EvonasError(f"the stored state of the supernet cannot be read: {error}") from None
        states = {name: one.to(device) for name, one in found.items() if name not in shapes}
        steps = self.halves.steps * max(0, epoch - self.numbers.warmup)
        optimisers.load(self.of_layers, self.layers, states, 0)
        optimisers.load(self.of_architecture, self.architecture, states, steps)


def _plain(name: str) -> str:
    """The parameter that an array of an optimiser belongs to."""
    return name.partition(".")[2]

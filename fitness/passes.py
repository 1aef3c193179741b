"""Passes through an untrained network, shared by the gradient proxies, that do not modify it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Generic, NamedTuple, TypeVar

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F

from fitness.base import NoScore, Task
from fitness.transfer import numbers

T = TypeVar("T")


def layers(network: nn.Module) -> dict[str, nn.Module]:
    """Every Conv2d and Linear layer by name: what the proxies sum over."""
    return {name: module for name, module in network.named_modules() if isinstance(module, (nn.Conv2d, nn.Linear))}


def weights(network: nn.Module) -> dict[str, Tensor]:
    """Copies of the layers' weights by name, (C_out, C_in, k, k) or (C_out, C_in), to be differentiated."""
    named = layers(network)
    return {name: network.get_parameter(f"{name}.weight").detach().clone().requires_grad_() for name in named}


def logits(network: nn.Module, images: Tensor, theta: dict[str, Tensor]) -> Tensor:
    """f(x), (N, 3, H, W) -> (N, K), with the weights ``theta`` of `weights` and BatchNorm in training mode.

    Running statistics move in copies, so ``network`` stays bit for bit what it was.
    """
    buffers = buffers_of(network)
    parameters = {f"{name}.weight": weight for name, weight in theta.items()}
    with training(network):
        return functional_call(network, {**buffers, **parameters}, (images,))


def buffers_of(network: nn.Module) -> dict[str, Tensor]:
    """Copies of the buffers by name, of any shapes, all of one type by one call."""
    alike: dict[torch.dtype, dict[str, Tensor]] = {}
    for name, buffer in network.named_buffers():
        alike.setdefault(buffer.dtype, {})[name] = buffer
    found: dict[str, Tensor] = {}
    for group in alike.values():
        parts = torch.cat([one.reshape(-1) for one in group.values()]).split(
            [one.numel() for one in group.values()]
        )
        # `data`, because views would share the version that autograd compares
        found |= {name: part.view(one.shape).data for (name, one), part in zip(group.items(), parts, strict=True)}
    return found


def slope(norm: nn.BatchNorm2d) -> Tensor:
    """|gamma| of each channel, (C,); 1 where BatchNorm has no parameters. Detached."""
    ones = norm.running_var
    assert ones is not None
    return torch.ones_like(ones) if norm.weight is None else norm.weight.detach().abs()


@contextmanager
def training(network: nn.Module) -> Iterator[None]:
    """Training mode inside, the mode of every module as before afterwards."""
    modes = [(module, module.training) for module in network.modules()]
    network.train()
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode


@contextmanager
def hooks(modules: Mapping[str, nn.Module], observe: Callable[[str, Tensor, Tensor], None]) -> Iterator[None]:
    """Calls ``observe(name, input, output)`` after each forward of ``modules``."""

    def hook_of(name: str) -> Any:
        def hook(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            observe(name, inputs[0], output)

        return hook

    handles = [module.register_forward_hook(hook_of(name)) for name, module in modules.items()]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


class LayerSums(NamedTuple):
    """First-order sums of one layer with weight theta and gradient g = grad_theta L(f(x), y)."""

    plain: float  # sum g theta
    snip: float  # sum |g theta|
    norm: float  # |g|
    fisher: float  # 1/2 sum over channels of the mean over images of (sum over positions of a dL/da)^2


def first_order(network: nn.Module, images: Tensor, labels: Tensor) -> dict[str, LayerSums]:
    """`LayerSums` of every layer that the gradient of the mean cross-entropy reaches; one forward and backward.

    Images (N, 3, H, W), labels (N,).
    """
    theta = weights(network)
    fisher: dict[str, Tensor] = {}

    def observe(layer: str, _: Tensor, activation: Tensor) -> None:
        a = activation.detach()

        def reduce(gradient: Tensor) -> None:
            g_nk = (a * gradient).flatten(2).sum(2) if a.dim() > 2 else a * gradient  # (N, K)
            fisher[layer] = g_nk.double().square().mean(0).sum() / 2

        activation.register_hook(reduce)

    with hooks(layers(network), observe):
        loss = F.cross_entropy(logits(network, images, theta), labels)
    gradients = torch.autograd.grad(loss, list(theta.values()), allow_unused=True)
    sums: dict[str, tuple[Tensor, ...]] = {}
    for (layer, weight), g in zip(theta.items(), gradients, strict=True):
        if g is not None:
            product = (weight.detach() * g).double()
            sums[layer] = product.sum(), product.abs().sum(), g.double().norm(), fisher[layer]
    values = iter(numbers(value for row in sums.values() for value in row))
    return {layer: LayerSums(*(next(values) for _ in LayerSums._fields)) for layer in sums}


class Remembered(Generic[T]):
    """Keeps the last result of ``function``, so that proxies that need the same passes run them once."""

    def __init__(self, function: Callable[[Any, Task], T]) -> None:
        self._function = function
        self._last: tuple[Any, Task, T | NoScore] | None = None

    def __call__(self, genotype: Any, task: Task) -> T:
        last = self._last
        if last is None or last[1] is not task or last[0] != genotype:
            self._last = None  # which may be large
            last = (genotype, task, self._function(genotype, task))
            self.keep(*last)
        if isinstance(last[2], NoScore):
            raise last[2]
        return last[2]

    def keep(self, genotype: Any, task: Task, result: T | NoScore) -> None:
        """Set the last result from one computed elsewhere for the canonical ``genotype``."""
        self._last = (genotype, task, result)


@Remembered
def first_order_sums(genotype: Any, task: Task) -> LayerSums:
    """`first_order` of the task's network, summed over layers; shared by plain, grad-norm, snip and fisher."""
    images, labels = task.images_and_labels()
    found = first_order(task.network(genotype), images, labels).values()
    return LayerSums(*(sum(column) for column in zip(*found, strict=True)))

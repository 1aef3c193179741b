"""The rule of each layer: how it acts on intervals, and the transpose or the linear relaxation for linear bounds.

A rule is made for a module and the centre of its input. It is looked up by the exact type of the module: a
subclass may compute something else.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.grad import conv2d_input

from fitness.bounds.relaxation import Relaxation, max_pool, max_pool_slope, relu
from fitness.norm import ExactBatchNorm2d
from spaces.arithmetic import Selection
from spaces.errors import UsageError
from spaces.skeleton.blocks import StridedPointwise


class Affine(ABC):
    """L x + b; ``x`` (N, ...) is the centre of the input.

    ``terms`` is the largest number of products in a sum, 0 if nothing is rounded.
    """

    terms = 0
    bias: tuple[Tensor, Tensor] | None = None  # broadcasts over the output; and what bounds its size

    def __init__(self, module: Any, x: Tensor) -> None:
        self.module, self.shape = module, x.shape

    @abstractmethod
    def apply(self, x: Tensor) -> Tensor:
        """L x of ``x`` (N, ...), without the bias."""

    def magnitude(self, x: Tensor) -> Tensor:
        """|L| x of ``x`` (N, ...); L itself where it has no negative entries."""
        return self.apply(x)

    def transpose(self, a: Tensor) -> Tensor:
        """L^T a for rows ``a`` (K, N, ...), by default from the gradient of `apply`."""
        history = torch.is_grad_enabled()  # of the rows, in training
        with torch.enable_grad():
            x = torch.zeros((a.shape[0] * a.shape[1], *self.shape[1:]), dtype=a.dtype, device=a.device)
            y = self.apply(x.requires_grad_())
            return torch.autograd.grad(y, x, a.flatten(0, 1), create_graph=history)[0].unflatten(0, a.shape[:2])


class Monotone(ABC):
    """A function that grows with every input, such as ReLU: it acts on both ends of an interval."""

    def __init__(self, module: Any, x: Tensor) -> None:
        self.module = module

    def apply(self, x: Tensor) -> Tensor:
        """The function of the module, of ``x`` (N, ...)."""
        return self.module(x)

    def derivative(self, x: Tensor, direction: Tensor) -> Tensor:
        """The derivative of `apply` at ``x`` in a ``direction``, both (N, ...); one-sided where it has an edge."""
        return torch.autograd.functional.jvp(self.apply, x, direction)[1]

    @abstractmethod
    def relaxation(self, low: Tensor, high: Tensor) -> Relaxation:
        """Linear bounds for inputs between ``low`` and ``high``, (N, ...)."""


Rule = Callable[[Any, Tensor], Affine | Monotone]
RULES: dict[type[nn.Module], Rule] = {}
R = TypeVar("R", bound=Rule)


def register(*kinds: type[nn.Module]) -> Callable[[R], R]:
    """Decorator of a rule, for modules of exactly these types."""

    def enter(rule: R) -> R:
        for kind in kinds:
            if kind in RULES:
                raise ValueError(f"bounds of {kind.__name__} are registered twice")
            RULES[kind] = rule
        return rule

    return enter


def rule_of(module: nn.Module) -> Rule:
    """Raises `UsageError` for a module without a rule."""
    if type(module) in RULES:
        return RULES[type(module)]
    if isinstance(module, Selection):
        return Chosen
    raise UsageError(
        f"there are no bounds for the layer {type(module).__name__}; register a rule for it with "
        "fitness.bounds.register"
    )


@register(nn.Identity, nn.Dropout, nn.Flatten)
class Chosen(Affine):
    """Every output is an input or zero. Dropout is the identity in eval mode."""

    def apply(self, x: Tensor) -> Tensor:
        return self.module(x)


@register(nn.Conv2d, StridedPointwise)
class Convolution(Affine):
    """Any stride, dilation and groups; padding by zeros."""

    def __init__(self, module: nn.Conv2d, x: Tensor) -> None:
        super().__init__(module, x)
        if module.padding_mode != "zeros":
            raise UsageError(f"there are no bounds for convolutions with padding mode {module.padding_mode}")
        if isinstance(module.padding, str):
            raise UsageError(f"there are no bounds for convolutions with padding {module.padding!r}")
        self.weight = module.weight  # now, as a function of the module may replace it
        self.numbers = (module.stride, module.padding, module.dilation, module.groups)
        self.terms = module.weight[0].numel()
        if module.bias is not None:
            bias = module.bias.view(1, -1, 1, 1)
            self.bias = (bias, bias.abs())

    def apply(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.weight, None, *self.numbers)

    def magnitude(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.weight.abs(), None, *self.numbers)

    def transpose(self, a: Tensor) -> Tensor:
        shape = (a.shape[0] * a.shape[1], *self.shape[1:])
        found = conv2d_input(shape, self.weight, a.flatten(0, 1), *self.numbers)
        return found.unflatten(0, a.shape[:2])


@register(nn.Linear)
class Linear(Affine):
    """W x + b."""

    def __init__(self, module: nn.Linear, x: Tensor) -> None:
        super().__init__(module, x)
        self.terms, self.weight = module.in_features, module.weight
        if module.bias is not None:
            self.bias = (module.bias, module.bias.abs())

    def apply(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight)

    def magnitude(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight.abs())

    def transpose(self, a: Tensor) -> Tensor:
        return a @ self.weight


@register(nn.BatchNorm2d, ExactBatchNorm2d)
class Norm(Affine):
    """BatchNorm, by default with its running statistics: gamma (x - mean) / sqrt(variance + eps) + beta."""

    terms = 4

    def __init__(self, module: nn.BatchNorm2d, x: Tensor, statistics: tuple[Tensor, Tensor] | None = None) -> None:
        super().__init__(module, x)
        mean, variance = statistics or (module.running_mean, module.running_var)
        if mean is None or variance is None:
            raise UsageError("there are no bounds for BatchNorm without running statistics")
        scale = (variance + module.eps).rsqrt()
        scale = scale if module.weight is None else scale * module.weight
        shift = -mean * scale
        beta = torch.zeros_like(shift) if module.bias is None else module.bias
        self.scale = scale.view(1, -1, 1, 1)
        self.bias = ((shift + beta).view_as(self.scale), (shift.abs() + beta.abs()).view_as(self.scale))

    def apply(self, x: Tensor) -> Tensor:
        return x * self.scale

    def magnitude(self, x: Tensor) -> Tensor:
        return x * self.scale.abs()

    def transpose(self, a: Tensor) -> Tensor:
        return a * self.scale


@register(nn.AvgPool2d)
class AveragePool(Affine):
    """The mean of a window; the divisor may depend on the position, as at borders without padding counted."""

    def __init__(self, module: nn.AvgPool2d, x: Tensor) -> None:
        super().__init__(module, x)
        kernel = module.kernel_size
        self.terms = 1 + (kernel * kernel if isinstance(kernel, int) else kernel[0] * kernel[1])

    def apply(self, x: Tensor) -> Tensor:
        return self.module(x)


@register(nn.AdaptiveAvgPool2d)
class AdaptiveAveragePool(Affine):
    """The mean of a window, at most of the whole image."""

    def __init__(self, module: nn.AdaptiveAvgPool2d, x: Tensor) -> None:
        super().__init__(module, x)
        self.terms = 1 + x.shape[-1] * x.shape[-2]

    def apply(self, x: Tensor) -> Tensor:
        return self.module(x)


@register(nn.ReLU)
class Rectified(Monotone):
    """max(x, 0)."""

    def apply(self, x: Tensor) -> Tensor:
        return x.clamp(min=0)  # not in place, whatever the module does

    def derivative(self, x: Tensor, direction: Tensor) -> Tensor:
        return torch.where(x > 0, direction, torch.where(x < 0, 0, direction.clamp(min=0)))

    def relaxation(self, low: Tensor, high: Tensor) -> Relaxation:
        return relu(low, high)


@register(nn.MaxPool2d)
class MaxPool(Monotone):
    """The largest input of a window; padding is never the largest."""

    def __init__(self, module: nn.MaxPool2d, x: Tensor) -> None:
        super().__init__(module, x)
        if module.ceil_mode or module.return_indices:
            raise UsageError("there are no bounds for max pooling with ceil_mode or return_indices")
        self.windows = (module.kernel_size, module.stride, module.padding, module.dilation)

    def derivative(self, x: Tensor, direction: Tensor) -> Tensor:
        return max_pool_slope(x, direction, *self.windows)

    def relaxation(self, low: Tensor, high: Tensor) -> Relaxation:
        return max_pool(low, high, *self.windows)

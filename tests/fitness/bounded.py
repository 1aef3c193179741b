"""Random networks and points in boxes around images, for tests of bounds."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn

from fitness.bounds import Interval, box, logit_bounds, lower_margins
from fitness.bounds.stacked import StackedArithmetic
from spaces import NetworkSize, Space

ULPS = 1e-9  # share of the largest logit by which the network itself is rounded


def disturbed(module: nn.Module, seed: int) -> nn.Module:
    """``module`` in float64 and eval mode with random weights and statistics, slopes of both signs among them."""
    generator = torch.Generator().manual_seed(seed)

    def normal(x: Tensor) -> Tensor:
        return torch.randn(x.shape, generator=generator, dtype=torch.float64)

    module = module.double().eval()
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            fan_in = parameter[0].numel() if parameter.ndim > 1 else 1
            parameter.copy_(normal(parameter) / fan_in**0.5 + 0.1 * name.endswith("weight"))
        for name, buffer in module.named_buffers():
            if name.endswith("running_mean"):
                buffer.copy_(0.3 * normal(buffer))
            elif name.endswith("running_var"):
                buffer.copy_(0.3 + normal(buffer) ** 2)
    return module


def network(space: Space, seed: int, side: int = 8, classes: int = 4) -> nn.Module:
    """A random network of a space, of 2 channels and one to three cells."""
    rng = np.random.default_rng(seed)
    layers = int(rng.integers(1, 4)) if space.name != "nasbench201" else 1
    size = NetworkSize(channels=2, layers=layers, classes=classes, image_size=side)
    return disturbed(space.construct(space.random(rng), size), seed)


def boxes(shape: tuple[int, ...], radius: float, seed: int) -> Interval:
    """A box around random images, some of whose pixels are 0 and 1."""
    pixels = torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return box((1.4 * pixels - 0.2).clamp(0, 1), radius)


def points(x: Interval, count: int, seed: int) -> Tensor:
    """Corners of the box, and as many points on a line between two of them, (count, N, C, H, W)."""
    generator = torch.Generator().manual_seed(seed)
    shape = (count, *x.centre.shape)
    corners = 2.0 * torch.randint(2, shape, generator=generator) - 1
    share = torch.rand((count, *[1] * x.centre.ndim), generator=generator, dtype=torch.float64)
    share[: count // 2] = 1
    return x.centre + x.radius * corners * share


def steepest(module: nn.Module, x: Interval, sign: int, steps: int = 4) -> Iterator[Tensor]:
    """For each output the corner that the signs of its gradient reach, (N, C, H, W)."""
    with torch.no_grad():
        outputs = module(x.centre[:1]).shape[1]
    for k in range(outputs):
        here = x.centre
        for _ in range(steps):
            with torch.enable_grad():
                at = here.detach().requires_grad_()
                (slope,) = torch.autograd.grad(sign * module(at)[:, k].sum(), at)
            here = x.centre + x.radius * slope.sign()
        yield here.detach()


def outside(module: nn.Module, x: Interval, count: int, seed: int = 0) -> int:
    """How many of more than ``count`` points of the box leave the bounds of outputs or margins, of any kind."""
    places = [points(x, count, seed), torch.stack([*steepest(module, x, 1), *steepest(module, x, -1)])]
    with torch.no_grad():
        found = module(torch.cat(places).flatten(0, 1)).unflatten(0, (-1, len(x.centre)))  # (points, N, classes)
    rounding = ULPS * found.abs().amax()
    labels = torch.arange(len(x.centre)) % found.shape[2]
    margins = found.gather(2, labels[:, None].expand(len(found), -1, 1)) - found
    wrong = torch.zeros(found.shape[:2], dtype=torch.bool)
    for linear, arithmetic in ((False, None), (True, None), (False, StackedArithmetic(module))):
        low, high = logit_bounds(module, x, linear, arithmetic)
        below = lower_margins(module, x, labels, linear, arithmetic).where(low.isfinite(), -torch.inf)
        below = below.scatter(1, labels[:, None], 0)
        assert not (low.isnan() | high.isnan() | below.isnan()).any()
        wrong |= ((found < low - rounding) | (found > high + rounding)).any(2)
        wrong |= (margins < below - rounding).any(2)
    return int(wrong.sum())


def waves(module: nn.Module) -> nn.Module:
    """``module`` in float64 and eval mode with weights and statistics of a closed form, not drawn."""
    module = module.double().eval()
    with torch.no_grad():
        for name, tensor in [*module.named_parameters(), *module.named_buffers()]:
            if not tensor.is_floating_point():
                continue
            wave = torch.sin(1 + 1.7 * torch.arange(tensor.numel(), dtype=torch.float64)).view_as(tensor)
            fan_in = tensor[0].numel() if tensor.ndim > 1 else 1
            tensor.copy_(1.5 + wave if name.endswith("running_var") else wave / fan_in**0.5)
    return module


def still_images() -> Tensor:
    """Two images away from 0 and 1, float64 (2, 3, 8, 8)."""
    return 0.5 + 0.3 * torch.sin(2.3 * torch.arange(384, dtype=torch.float64)).view(2, 3, 8, 8)

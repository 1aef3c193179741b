"""BatchNorm in float32 keeps its digits, whatever the layout of the memory."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from fitness.norm import ExactBatchNorm2d, keep_digits


def gradients(norm: nn.BatchNorm2d, x: Tensor, upstream: Tensor) -> list[Tensor]:
    """Of sum(upstream * BN(x)): for x, gamma and beta."""
    x = x.clone(memory_format=torch.preserve_format).requires_grad_()
    y = norm(x)
    assert y.is_contiguous() == x.is_contiguous()
    return list(torch.autograd.grad((y * upstream).sum(), [x, norm.weight, norm.bias]))


def test_gradients_are_as_good_channels_last_as_contiguous() -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(8, 16, 32, 32, generator=generator) + 1
    upstream = torch.randn(8, 16, 32, 32, generator=generator) + 1
    exact = gradients(nn.BatchNorm2d(16).double(), x.double(), upstream.double())
    last = x.to(memory_format=torch.channels_last)
    for found, expected in zip(gradients(ExactBatchNorm2d(16), last, upstream), exact, strict=True):
        assert float((found - expected).norm() / expected.norm()) < 1e-5


def test_a_network_keeps_its_parameters_and_hooks() -> None:
    network, seen = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4)), []
    network[1].register_forward_hook(lambda *given: seen.append(given))
    before = dict(network.state_dict())
    keep_digits(network)
    network(torch.zeros(2, 3, 4, 4))
    assert isinstance(network[1], ExactBatchNorm2d) and len(seen) == 1
    assert list(before) == list(network.state_dict())

"""The pretended card refuses what CUDA refuses, and notes every wait and upload."""

from __future__ import annotations

import gc

import pytest
import torch
from torch import nn

from tests.pretended import card


def test_tensors_know_their_device_and_results_are_those_of_the_cpu() -> None:
    x = torch.arange(6.0).view(2, 3)
    with card() as log:
        y = x.to("cuda")
        assert y.is_cuda and not y.is_cpu and y.device == torch.device("cuda", 0) and x.device.type == "cpu"
        z = (y * 2).relu().sum(dim=1)
        assert z.is_cuda and torch.zeros(2, device="cuda").is_cuda and torch.zeros_like(z).is_cuda
        assert not torch.zeros(2).is_cuda and not torch.tensor([1.0]).is_cuda
        assert not log.waits
        assert z.tolist() == [6.0, 24.0] and z.cpu().numpy().tolist() == [6.0, 24.0]
        assert sum(log.waits.values()) == 2 and sum(log.uploads.values()) == 1
        assert all(key.startswith("tests/pretended/test_itself.py:") for key in [*log.waits, *log.uploads])
    assert not x.is_cuda


def test_what_cuda_refuses_is_an_error() -> None:
    with card(count=2):
        y, other = torch.ones(3, device="cuda"), torch.ones(3, device="cuda:1")
        for mixing in (
            lambda: y + torch.ones(3),
            lambda: y + other,
            lambda: torch.cat([y, torch.ones(3)]),
            lambda: nn.functional.linear(y, torch.ones(2, 3)),
            lambda: torch.ones(3).add_(y),
            lambda: y.index_put_((torch.tensor([0]),), torch.ones(1)),
        ):
            with pytest.raises(RuntimeError, match="found at least two devices"):
                mixing()
        with pytest.raises(TypeError, match="can't convert cuda"):
            y.numpy()
        for drawing in (
            lambda: torch.rand(2, device="cuda", generator=torch.Generator()),
            lambda: y.bernoulli_(0.5, generator=torch.Generator()),
        ):
            with pytest.raises(RuntimeError, match="for generator"):
                drawing()
        with pytest.raises(RuntimeError, match="only dense CPU tensors can be pinned"):
            y.pin_memory()
        with pytest.raises(RuntimeError, match="invalid device ordinal"):
            torch.cuda.set_device(2)
        assert (y + torch.tensor(1.0)).is_cuda  # a number of the CPU may take part


def test_waits_and_uploads_are_found() -> None:
    with card() as log:
        y = torch.arange(4.0, device="cuda")
        for waiting in (lambda: y.sum().item(), lambda: bool(y.any()), lambda: y.nonzero(), lambda: y[y > 1]):
            before = sum(log.waits.values())
            waiting()
            assert sum(log.waits.values()) == before + 1
        log.clear()
        y[torch.tensor([0, 1])]
        torch.tensor([1.0, 2.0], device="cuda")
        y.copy_(torch.ones(4))
        y.new_tensor([1.0])
        assert sum(log.uploads.values()) == 4 and not log.waits
        pinned = torch.ones(3).pin_memory()
        assert pinned.is_pinned() and torch.empty(2, pin_memory=True)[1:].is_pinned()
        assert not torch.ones(3).is_pinned() and not pinned.clone().is_pinned()
        pinned.to("cuda", non_blocking=True)
        assert sum(log.uploads.values()) == 4
        torch.ones(3).to("cuda", non_blocking=True)  # CUDA reads other memory after all work of the device
        pinned.to("cuda")
        assert sum(log.uploads.values()) == 6


def test_gradients_are_on_the_card_of_their_parameters() -> None:
    with card() as log:
        network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.LazyLinear(2))
        network(torch.ones(1, 3, 8, 8))
        network.to("cuda")
        optimiser = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9)
        images = torch.rand(2, 3, 8, 8).to("cuda").requires_grad_()
        log.clear()
        for _ in range(2):
            loss = network(images).square().sum()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        assert images.grad is not None and images.grad.is_cuda
        assert all(one.grad is not None and one.grad.is_cuda for one in network.parameters())
        assert not log.waits and not log.uploads and log.calls > 20


def test_storages_that_are_gone_are_forgotten() -> None:
    with card():
        for _ in range(50):
            torch.ones(1000, device="cuda")
            gc.collect(0)
            assert not torch.ones(1000).is_cuda

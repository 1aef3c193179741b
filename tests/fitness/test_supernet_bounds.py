"""Bounds of supernets: sound for any architecture parameters, and the same in training as in a proof."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor

from fitness.bounds import Interval, lower_margins, training_bounds
from fitness.bounds.untrained import calibrated
from spaces import NetworkSize, spaces
from spaces.supernet import Supernet

LABELS = torch.tensor([0, 2])
RADIUS = 1e-8  # at which bounds of untrained supernets say something
ONE_HOT = 60.0  # its softmax leaves 1e-26 for the others


def supernet(seed: int, partial: int, one_hot: bool) -> Supernet:
    generator = torch.Generator().manual_seed(seed)
    size = NetworkSize(2 * partial, 3, 3, 8)
    found = spaces["darts"].supernet(size, generator=generator, partial=partial, edge_weights=partial > 1).double()
    for alpha in found.alphas.values():
        chosen = torch.randint(alpha.shape[1], (alpha.shape[0],), generator=generator)
        alpha.data = (
            torch.nn.functional.one_hot(chosen, alpha.shape[1]).double() * ONE_HOT
            if one_hot
            else 2 * torch.randn(alpha.shape, generator=generator).double()
        )
    return found


def images() -> Interval:
    generator = torch.Generator().manual_seed(5)
    centre = torch.randn(2, 3, 8, 8, generator=generator, dtype=torch.float64)
    return Interval(centre, torch.full_like(centre, RADIUS))


def margins(network: Supernet, x: Tensor) -> Tensor:
    logits = network(x)
    found = logits.gather(1, LABELS[:, None]) - logits
    return found.scatter(1, LABELS[:, None], torch.inf).detach()


def lowest(network: Supernet, x: Interval) -> Tensor:
    """The smallest margins at corners, inside, and after steps down the smallest one, (N, classes)."""
    found = margins(network, x.centre)
    for seed in range(2):
        start = torch.randn(x.centre.shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
        point = x.centre + x.radius * (start.sign() if seed % 2 else start.clamp(-1, 1))
        for _ in range(2):
            found = torch.minimum(found, margins(network, point))
            point.requires_grad_()
            logits = network(point)
            worst = (logits.gather(1, LABELS[:, None]) - logits.scatter(1, LABELS[:, None], -torch.inf)).amin(1)
            (slope,) = torch.autograd.grad(worst.sum(), point)
            point = (point.detach() - x.radius * slope.sign()).clamp(x.low, x.high)
    return torch.minimum(found, margins(network, point))


CASES = {
    "mixed": (False, 1, 0),
    "one-hot, partial": (True, 2, 1),
    "one-hot": (True, 1, 2),
    "mixed, partial": (False, 2, 3),
}


@pytest.mark.parametrize(
    ("one_hot", "partial", "seed"),
    [
        pytest.param(*case, id=name, marks=[pytest.mark.slow] if seed else [])
        for seed, (name, case) in enumerate(CASES.items())
    ],
)
def test_bounds_of_a_supernet_in_training_hold_what_it_computes(one_hot: bool, partial: int, seed: int) -> None:
    """Intervals, and linear bounds, which are those of a proof with the same statistics and never looser."""
    x, trained = images(), supernet(seed, partial, one_hot).train()
    network = calibrated(copy.deepcopy(trained), x.centre)
    reached = lowest(network, x)
    of_intervals, linear = (
        training_bounds(trained, x.centre, x, LABELS, linear)
        .margins.detach()
        .scatter(1, LABELS[:, None], torch.inf)
        for linear in (False, True)
    )
    assert (of_intervals <= reached).all() and (linear <= reached).all()
    assert (linear >= of_intervals).all() and (linear > of_intervals).sum() == 4
    assert float((reached - linear).nan_to_num(0).max()) < 3
    torch.testing.assert_close(linear, lower_margins(network, x, LABELS, linear=True), rtol=1e-6, atol=1e-9)


def test_linear_bounds_in_training_lead_back_to_the_architecture() -> None:
    x, network = images(), supernet(7, 1, False).train()
    alpha = network.alphas["normal"]

    def bound() -> Tensor:
        return training_bounds(network, x.centre, x, LABELS, linear=True).margins[0, 1]

    (slope,) = torch.autograd.grad(bound(), alpha)
    at = divmod(int(slope.abs().argmax()), alpha.shape[1])
    step, ends = 1e-6, []
    for sign in (1, -1):
        with torch.no_grad():
            alpha[at] += sign * step
            ends.append(bound())
            alpha[at] -= sign * step
    torch.testing.assert_close(slope[at], (ends[0] - ends[1]) / (2 * step), rtol=1e-3, atol=0)

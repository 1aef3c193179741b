"""The limit of the certified radius: a derivative of bounds that bisection finds as well, at any depth."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from fitness import Batch, Task, proxies
from fitness.bounds import Interval, lower_margins
from fitness.bounds.growth import Growing, GrowthArithmetic, log_radii
from fitness.bounds.layers import MaxPool, Monotone
from fitness.bounds.untrained import calibrated_of, normalised_box, normalised_growth
from spaces import NetworkSize, Space, spaces

LIMIT = proxies["certified-radius-limit"]
RADIUS = 2.0**-34  # of the difference quotient: so small that bounds are straight, and 2^19 times the rounding
SLACK = 1e-3  # in log2
DEEP = "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|none~0|nor_conv_3x3~1|nor_conv_3x3~2|"


def task_of(space: Space, layers: int = 1) -> Task:
    """A batch with black and white pixels, some of them next to each other."""
    generator = torch.Generator().manual_seed(3)
    low, high = torch.full((3, 1, 1), -1.9).double(), torch.full((3, 1, 1), 2.1).double()
    pixels = (1.6 * torch.rand(2, 3, 12, 12, generator=generator, dtype=torch.float64) - 0.3).clamp(0, 1)
    pixels[:, :, 6:] = 0
    batch = Batch(low + (high - low) * pixels, torch.tensor([0, 1]), low, high)
    return Task(space, NetworkSize(4, layers, image_size=12), seed=7, batch=batch, dtype=torch.float64)


def by_difference(network: nn.Module, images: Tensor, batch: Batch) -> Tensor:
    """log2 of the radius of each image if bounds fell as steeply as from radius 0 to 2^-34, (N,)."""
    logits = network(images)
    labels, margins = logits.argmax(1), logits.amax(1, keepdim=True) - logits
    first, last = (
        lower_margins(network, normalised_box(batch, images, radius), labels).scatter(1, labels[:, None], 0)
        for radius in (0.0, RADIUS)
    )
    radii = RADIUS * margins / (first - last)  # the rounding that both enclose falls out
    return radii.scatter(1, labels[:, None], torch.inf).amin(1).log2()


@pytest.mark.parametrize("seed", [0, 2])
def test_it_is_the_slope_of_the_bounds_at_radius_0(space: Space, seed: int) -> None:
    task = task_of(space)
    genotype = space.canonical(space.random(np.random.default_rng(seed)))
    network, images, batch = calibrated_of(task, genotype)
    found = log_radii(network, images, normalised_growth(batch, images))
    assert found.tolist() == pytest.approx(by_difference(network, images, batch).tolist(), abs=SLACK)
    score = LIMIT.score(genotype, task)
    assert score.value == pytest.approx(found.mean().item(), rel=1e-12), score.reason
    whole = proxies["certified-radius"].score(genotype, task).value
    assert score.value == pytest.approx(whole, abs=0.2)  # some ReLUs change their sign within that radius


def test_ends_of_max_pooling_move_with_the_largest_input_and_of_equal_ones_with_the_fastest() -> None:
    pool = nn.MaxPool2d(3, 2, 1)
    x = torch.tensor([0.0, 2.0, 2.0, 0.0]).view(1, 1, 2, 2).double()
    rule = MaxPool(pool, x)
    for rates, expected in (((9, 1, 3, 9), 3), ((9, -1, -3, 9), -1)):
        direction = torch.tensor(rates).view_as(x).double()
        assert rule.derivative(x, direction).flatten().tolist() == [expected]
        step = (rule.apply(x + 1e-6 * direction) - rule.apply(x)) / 1e-6
        assert step.flatten().tolist() == pytest.approx([expected])


def test_a_rule_of_a_package_has_the_derivative_of_its_function() -> None:
    class Squashed(Monotone):
        relaxation = None  # type: ignore[assignment]

        def apply(self, x: Tensor) -> Tensor:
            return x.tanh()

    x, direction = torch.tensor([0.0, 0.5]), torch.tensor([2.0, 1.0])
    found = Squashed(nn.Tanh(), x).derivative(x, direction)
    assert torch.allclose(found, direction * (1 - x.tanh() ** 2))


def test_relu_at_0_follows_the_ends_that_rise() -> None:
    x = torch.tensor([[0.0, 0.0, 1.0, -1.0]]).double()
    slope = Interval(torch.tensor([[0.0, -3.0, 1.0, 1.0]]).double(), torch.full((1, 4), 2.0).double())
    found = GrowthArithmetic().layer(nn.ReLU(), Growing(x, slope, torch.zeros(()).double()))
    assert found.slope.low.tolist() == [[0, 0, -1, 0]] and found.slope.high.tolist() == [[2, 0, 3, 0]]


def test_derivatives_beyond_the_range_of_float64_are_added() -> None:
    arithmetic = GrowthArithmetic()
    one = torch.ones(1, 1, 1, 1).double()
    large, small = (
        arithmetic.state(Growing(one, Interval(0.5 * one, 4 * one), torch.tensor(log).double()))
        for log in (2000.0, 2000.0 - np.log(2))
    )
    assert float(large.slope.radius) == 1 and float(large.log) == pytest.approx(2000 + np.log(4))
    for total, times in (
        (arithmetic.add([small, large]), 1.5),
        (arithmetic.weighted([small, large], [2.0, 3.0]), 4.0),
    ):
        assert float(total.log) == float(large.log) and float(total.slope.radius) == pytest.approx(times)
        assert float(total.slope.centre) == pytest.approx(times / 8)
    joined = arithmetic.concatenate([small, large])
    assert joined.slope.radius.flatten().tolist() == pytest.approx([0.5, 1])
    nothing = arithmetic.state(Growing(one, Interval(0 * one, 0 * one), torch.zeros(()).double()))
    assert float(nothing.slope.radius) == 0 and float(nothing.log) == 0


def test_networks_too_deep_for_a_radius_have_a_limit() -> None:
    task = task_of(spaces["nasbench201"], 5)
    genotype = spaces["nasbench201"].parse(DEEP)
    assert "float64 does not resolve" in proxies["certified-radius"].score(genotype, task).reason
    found = LIMIT.score(genotype, task).value
    assert found is not None and found < -60


def test_what_has_no_finite_radius_has_no_score() -> None:
    space = spaces["nasbench201"]
    task, dead = task_of(space), space.parse("|none~0|+|none~0|none~1|+|none~0|none~1|none~2|")
    assert LIMIT.score(dead, task)[:2] == (None, "the logits do not depend on the images")

    class Undecided(Task):
        def network(self, genotype: Any, *, norm: bool = True) -> Any:
            network = super().network(genotype, norm=norm)
            with torch.no_grad():
                network.classifier.weight[1:] = network.classifier.weight[0]
                network.classifier.bias[1:] = network.classifier.bias[0]
            return network

    undecided = Undecided(**{field: getattr(task, field) for field in task.__dataclass_fields__})
    assert LIMIT.score(space.parse(DEEP), undecided).reason == "two classes have the largest logit of an image"

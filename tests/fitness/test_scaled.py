"""Numbers with a log-scale stand for the same tensors as plain arithmetic."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fitness import Batch
from fitness.scaled import MAX_LOG, Scaled, ScaledArithmetic, cross_entropy_gradient
from spaces import Network, NetworkSize, Space
from spaces.arithmetic import Arithmetic

LOGS = (-25.0, 0.0, 3.0, 25.0)


def scaled(x: Tensor, log: float) -> Scaled:
    """``x`` written with a log-scale."""
    return Scaled(x * math.exp(-log), torch.tensor(log, dtype=torch.float64))


def true(x: Scaled) -> Tensor:
    return x.value * torch.exp(x.log)


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("log", LOGS)
def test_batch_norm_sees_through_the_scale_and_resets_it(log: float) -> None:
    norm = nn.BatchNorm2d(3).double()
    with torch.no_grad():
        norm.weight.copy_(random(3).abs())
        norm.bias.copy_(random(3, seed=1))
    x = random(4, 3, 5, 5) * 1e-3  # small beside the square root of eps
    found = ScaledArithmetic().apply(norm, scaled(x, log))
    assert float(found.log) == 0
    torch.testing.assert_close(found.value, norm(x), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("log", LOGS)
def test_a_batch_norm_leaves_its_running_statistics_alone(log: float) -> None:
    norm = nn.BatchNorm2d(3).double()
    before = {name: tensor.clone() for name, tensor in norm.state_dict().items()}
    ScaledArithmetic().apply(norm, scaled(random(4, 3, 5, 5), log))
    assert all(torch.equal(tensor, before[name]) for name, tensor in norm.state_dict().items())


@pytest.mark.parametrize("log", LOGS)
@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (nn.Conv2d(3, 4, 3, stride=2, padding=1), (2, 3, 7, 7)),
        (nn.Conv2d(4, 4, 3, padding=2, dilation=2, groups=4), (2, 4, 7, 7)),
        (nn.Conv2d(3, 4, 3, bias=False), (2, 3, 7, 7)),
        (nn.Linear(6, 5), (2, 6)),
        (nn.Sequential(nn.ReLU(), nn.Conv2d(3, 4, 1), nn.ReLU(), nn.AvgPool2d(2)), (2, 3, 6, 6)),
    ],
    ids=["conv", "depthwise", "no bias", "linear", "sequence"],
)
def test_layers_with_and_without_bias_see_through_the_scale(
    layer: nn.Module, shape: tuple[int, ...], log: float
) -> None:
    layer, x = layer.double(), random(*shape)
    torch.testing.assert_close(
        true(ScaledArithmetic().apply(layer, scaled(x, log))), layer(x), rtol=1e-10, atol=1e-12
    )


def test_sums_and_concatenations_bring_their_terms_to_one_scale() -> None:
    parts = [random(2, 3, 4, 4, seed=i) * 10.0 ** (3 * i) for i in range(3)]
    arithmetic = ScaledArithmetic()
    terms = [scaled(part, log) for part, log in zip(parts, (-20.0, 0.0, 20.0), strict=True)]
    torch.testing.assert_close(true(arithmetic.add(terms)), sum(parts), rtol=1e-12, atol=0)
    torch.testing.assert_close(true(arithmetic.concatenate(terms)), torch.cat(parts, 1), rtol=1e-12, atol=0)


def test_terms_a_thousand_orders_apart_neither_overflow_nor_turn_nan() -> None:
    x = random(2, 3, 4, 4)
    large, small = Scaled(x, torch.tensor(2000.0).double()), Scaled(x, torch.tensor(-2000.0).double())
    total = ScaledArithmetic().add([small, large])
    assert torch.equal(total.value, x) and float(total.log) == 2000


def test_a_state_has_largest_entry_one_and_keeps_its_value() -> None:
    arithmetic, x = ScaledArithmetic(), random(2, 3, 4, 4) * 1e30
    state = arithmetic.state(arithmetic.lift(x))
    assert float(state.value.abs().max()) == 1
    torch.testing.assert_close(true(state), x, rtol=1e-12, atol=0)


def test_a_state_of_zeros_stays_as_it_is() -> None:
    arithmetic = ScaledArithmetic()
    state = arithmetic.state(Scaled(torch.zeros(1, 2, 3, 3), torch.tensor(4.0).double()))
    assert not state.value.any() and float(state.log) == 4


@pytest.fixture(
    params=["DARTS_V2", "|nor_conv_3x3~0|+|avg_pool_3x3~0|nor_conv_1x1~1|+|none~0|nor_conv_3x3~1|skip_connect~2|"]
)
def network(request: pytest.FixtureRequest, darts: Space, nasbench201: Space) -> Network:
    """A small network with positive weights and no BatchNorm, in float64."""
    space = nasbench201 if "|" in request.param else darts
    generator = torch.Generator().manual_seed(0)
    built = space.build(space.parse(request.param), NetworkSize(4, 3), generator=generator, norm=False).double()
    for parameter in built.parameters():
        parameter.data.abs_()
    return built


class Listener(Arithmetic):
    """Plain arithmetic that keeps the stages."""

    def __init__(self) -> None:
        self.stages: dict[str, Tensor] = {}

    def stage(self, name: str, x: Tensor) -> Tensor:
        self.stages[name] = x
        return x


def test_a_whole_network_computes_the_same_stages_and_logits(
    network: Network, make_batch: Callable[..., Batch]
) -> None:
    images, plain, arithmetic = make_batch(side=16).images, Listener(), ScaledArithmetic()
    expected, found = network(images, plain), network(images, arithmetic)
    torch.testing.assert_close(true(found), expected, rtol=1e-10, atol=0)
    assert plain.stages.keys() == arithmetic.stages.keys()
    for name, stage in plain.stages.items():
        torch.testing.assert_close(
            true(arithmetic.stages[name]), stage, rtol=1e-9, atol=1e-9 * float(stage.detach().abs().max())
        )


def test_constants_replay_exactly_and_put_gradients_on_one_scale(
    network: Network, make_batch: Callable[..., Batch]
) -> None:
    weights = [parameter for parameter in network.parameters() if parameter.dim() > 1]
    first, second = make_batch(side=16).images, make_batch(side=16, seed=1).images * 3
    measured = ScaledArithmetic()
    network(first, measured)
    again = ScaledArithmetic(measured.scales)
    logits = network(second, again)
    assert again.scales == measured.scales  # the same tensors
    torch.testing.assert_close(true(logits), network(second), rtol=1e-10, atol=0)

    for images in (first, second):
        arithmetic = ScaledArithmetic(measured.scales)
        logits = network(images, arithmetic)
        true_gradients = torch.autograd.grad(network(images).sum(), weights)
        gradients = torch.autograd.grad(logits.value.sum(), weights)
        for found, expected in zip(gradients, true_gradients, strict=True):
            largest = float(expected.abs().max())
            torch.testing.assert_close(found * torch.exp(logits.log), expected, rtol=1e-8, atol=1e-10 * largest)


@pytest.mark.parametrize("log", [-30.0, 0.0, 5.0])
def test_the_gradient_of_the_loss_equals_autograd(log: float) -> None:
    logits, labels = random(5, 10), torch.tensor([0, 3, 3, 9, 1])
    tracked = logits.clone().requires_grad_()
    F.cross_entropy(tracked, labels).backward()
    unit, largest = cross_entropy_gradient(scaled(logits, log), labels)
    torch.testing.assert_close(unit * largest, tracked.grad, rtol=1e-10, atol=1e-16)
    assert float(unit.abs().max()) == 1


def test_logits_beyond_every_float_give_a_one_hot_softmax() -> None:
    logits = Scaled(torch.tensor([[1.0, 0.5], [0.2, 0.9]]), torch.tensor(1e6, dtype=torch.float64))
    unit, largest = cross_entropy_gradient(logits, torch.tensor([1, 0]))
    assert unit.tolist() == [[1.0, -1.0], [-1.0, 1.0]] and float(largest) == 0.5
    unit, largest = cross_entropy_gradient(logits, torch.tensor([0, 1]))  # certain and right
    assert float(largest) == 0 and not unit.any()


def test_the_largest_log_is_far_from_overflow() -> None:
    assert math.isfinite(math.exp(MAX_LOG) * torch.finfo(torch.float32).max)

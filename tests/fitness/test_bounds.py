"""Bounds hold what networks of every space compute, and are attained where layers are affine."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from fitness.bounds import Interval, box, logit_bounds, lower_margins, normalised, register, training_bounds
from fitness.bounds.interval import IntervalArithmetic
from fitness.bounds.layers import Convolution
from fitness.bounds.stacked import StackedArithmetic
from spaces import NetworkSize, Space, UsageError, spaces
from spaces.arithmetic import PLAIN, Arithmetic, Block, Selection
from spaces.darts import operations as darts
from spaces.nasbench201 import network as nasbench201
from spaces.robnet import network as robnet
from tests.fitness.bounded import boxes, disturbed, network, outside, still_images, waves

LAYERS: dict[str, Callable[[], nn.Module]] = {
    **{
        f"{name} stride {stride}": lambda name=name, stride=stride: darts.BUILD[name](2, stride, True)
        for name in darts.BUILD
        for stride in (1, 2)
    },
    **{
        f"robnet {name} stride {stride}": lambda name=name, stride=stride: robnet.BUILD[name](2, stride, True)
        for name in robnet.BUILD
        for stride in (1, 2)
    },
    **{
        f"nasbench201 {name}": lambda name=name: nasbench201._operation(name, 2, True)
        for name in ("nor_conv_3x3", "nor_conv_1x1", "avg_pool_3x3", "skip_connect", "none")
    },
    "nasbench201 convolution with bias": lambda: nasbench201._operation("nor_conv_3x3", 2, False),
    "nasbench201 reduction": lambda: nasbench201.ResNetBasicblock(2, 4),
    "pooling and classifier": lambda: nn.Sequential(nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(8, 5)),
}
RECORDED: list[dict[str, Any]] = json.loads((Path(__file__).parent / "auto_lirpa.json").read_text())
EXACT = {  # affine: an interval of one layer and a linear bound of any number of them are attained
    "convolution": nn.Conv2d(2, 3, 3, stride=2, padding=1),
    "dilated": nn.Conv2d(2, 2, 3, padding=2, dilation=2, groups=2),
    "grouped": nn.Conv2d(4, 6, 3, padding=1, groups=2),
    "batch norm": nn.BatchNorm2d(2),
    "average pool": nn.AvgPool2d(3, 1, 1, count_include_pad=False),
    "average pool stride 2": nn.AvgPool2d(3, 2, 1, count_include_pad=False),
    "average pool ceil": nn.AvgPool2d(2, ceil_mode=True),
    "adaptive": nn.AdaptiveAvgPool2d(1),
    "identity": nn.Identity(),
}


def flat(module: nn.Module) -> nn.Module:
    return nn.Sequential(module, nn.Flatten())


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("radius", [0.01, 0.3])
def test_no_output_of_a_layer_leaves_its_bounds(layer: str, radius: float) -> None:
    torch.manual_seed(0)
    module = flat(disturbed(nn.Sequential(nn.BatchNorm2d(2), LAYERS[layer]()), 1))  # of negative inputs, too
    assert outside(module, boxes((3, 2, 5, 5), radius, 2), 30) == 0


def test_no_output_of_a_network_leaves_its_bounds(space: Space) -> None:
    for seed in range(3):
        module = network(space, seed)
        assert outside(module, boxes((2, 3, 8, 8), (1e-4, 1e-2, 0.2)[seed], seed), 60, seed) == 0


def test_intervals_in_one_tensor_are_those_in_two_but_for_rounding(space: Space) -> None:
    for seed, radius in enumerate((0.0, 1e-3)):
        module = network(space, seed).requires_grad_(False)
        x = boxes((2, 3, 8, 8), radius, seed)
        stacked = StackedArithmetic(module)
        expected = logit_bounds(module, x)
        for _ in range(2):  # of one arithmetic
            found = logit_bounds(module, x, arithmetic=stacked)
            torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-7)
        with torch.no_grad():  # without a radius, bounds hold the rounding alone
            exact = module(x.centre)
        assert ((found[0] <= exact) & (exact <= found[1])).all()


@pytest.mark.slow
def test_100_000_points_in_networks_of_every_space_stay_inside(space: Space) -> None:
    checked = 0
    for seed in range(170):
        module = network(space, 1000 + seed)
        radius = 10 ** -(1 + 4 * torch.rand((), generator=torch.Generator().manual_seed(seed)).item())
        assert outside(module, boxes((4, 3, 8, 8), radius, seed), 50, seed) == 0, seed
        checked += 4 * 50
    assert checked >= 34_000  # three spaces


@pytest.mark.parametrize("name", EXACT)
def test_bounds_of_an_affine_layer_are_attained(name: str) -> None:
    module = flat(disturbed(EXACT[name], 3))
    x = boxes((2, 4 if name == "grouped" else 2, 6, 6), 0.1, 4)
    jacobian = torch.autograd.functional.jacobian(lambda x: module(x).sum(0), x.centre)  # (outputs, N, C, H, W)
    with torch.no_grad():
        exact = module(x.centre) - (jacobian.abs() * x.radius).flatten(2).sum(2).T
    for linear in (False, True):
        low, _ = logit_bounds(module, x, linear)
        assert ((low <= exact) & (low > exact - 1e-7)).all()


def test_a_linear_bound_of_affine_layers_in_a_row_is_attained_and_intervals_are_looser() -> None:
    layers = (nn.Conv2d(2, 4, 3, padding=1), nn.BatchNorm2d(4), EXACT["average pool stride 2"], nn.Flatten())
    module = disturbed(nn.Sequential(*layers, nn.Linear(36, 3)), 5)
    x = boxes((2, 2, 6, 6), 0.1, 6)
    jacobian = torch.autograd.functional.jacobian(lambda x: module(x).sum(0), x.centre)
    exact = module(x.centre) - (jacobian.abs() * x.radius).flatten(2).sum(2).T
    assert torch.allclose(logit_bounds(module, x, linear=True)[0], exact)
    assert (logit_bounds(module, x)[0] < exact - 1e-3).all()


def test_counting_the_padding_of_average_pooling_would_be_unsound() -> None:
    ones = torch.ones(1, 2, 4, 4, dtype=torch.float64)
    x = box(ones, 0.1)
    right, wrong = (
        nn.Sequential(nn.AvgPool2d(3, 1, 1, count_include_pad=counted), nn.Flatten()) for counted in (False, True)
    )
    answer = right(ones)
    for linear in (False, True):
        low, high = logit_bounds(right, x, linear)
        assert (low <= answer).all() and (answer <= high).all()
        assert (logit_bounds(wrong, x, linear)[1] < answer).any()


@pytest.mark.parametrize("row", RECORDED, ids=lambda row: f"{row['space']} {row['layers']}")
def test_bounds_are_those_of_auto_lirpa_where_it_is_right(row: dict[str, Any]) -> None:
    """Recorded with auto_LiRPA 0.3 in float64, adapted to a new PyTorch; its CROWN-IBP takes no 3x3 pooling."""
    size = NetworkSize(channels=4, layers=row["layers"], classes=3, image_size=8)
    module = waves(spaces[row["space"]].construct(spaces[row["space"]].parse(row["genotype"]), size))
    for method, linear in (("IBP", False), ("CROWN-IBP", True)):
        if method in row:
            low, high = (torch.tensor(end, dtype=torch.float64) for end in row[method])
            below, above = logit_bounds(module, box(still_images(), row["radius"]), linear)
            slack = 1e-7 if linear else 1e-10 * high.abs().max()
            assert torch.allclose(below, low, rtol=0, atol=slack) and torch.allclose(
                above, high, rtol=0, atol=slack
            )


def test_average_pooling_is_right_where_auto_lirpa_is_wrong() -> None:
    module = nn.Sequential(nn.AvgPool2d(3, 1, 1, count_include_pad=False), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    x, (answer, *_) = box(still_images(), 0.01), module(still_images())
    theirs = torch.tensor([0.4132, 0.4137, 0.4067]), torch.tensor([0.4301, 0.4306, 0.4236])  # by intervals, 0.3
    assert (answer > theirs[1]).all()
    for linear in (False, True):
        low, high = logit_bounds(module, x, linear)
        assert (low[0] <= answer).all() and (answer <= high[0]).all() and (high - low < 0.0201).all()


@pytest.mark.parametrize("stride", [1, 2])
def test_linear_bounds_of_max_pooling_are_exact_where_one_input_is_above_all_others(stride: int) -> None:
    module = flat(nn.MaxPool2d(3, stride, 1))
    x = box(torch.linspace(0, 1, 36, dtype=torch.float64).view(1, 1, 6, 6), 0.01)
    low, high = logit_bounds(module, x, linear=True)
    at = module(x.centre)
    exact = module(x.high) - at
    assert torch.allclose(high, at + exact) and torch.allclose(low, module(x.low))
    assert (high - low < 0.0201).all()


def test_edges_with_the_same_first_layer_share_its_relaxation() -> None:
    """relu(x) - relu(x) is 0, though the two are modules of two edges."""

    class Difference(Block):
        def __init__(self, first: nn.Module, second: nn.Module) -> None:
            super().__init__()
            self.first, self.second = (
                nn.Sequential(first, nn.Conv2d(2, 2, 1)),
                nn.Sequential(second, nn.Conv2d(2, 2, 1)),
            )
            with torch.no_grad():
                for edge, sign in ((self.first, 1.0), (self.second, -1.0)):
                    edge[1].weight.copy_(sign * torch.eye(2).view(2, 2, 1, 1))
                    edge[1].bias.zero_()

        def forward(self, x: Any, arithmetic: Arithmetic = PLAIN) -> Any:
            return arithmetic.add([arithmetic.apply(self.first, x), arithmetic.apply(self.second, x)])

    x = normalised(boxes((2, 2, 4, 4), 0.3, 0), torch.tensor(0.5), torch.tensor(1.0))
    pooled = nn.MaxPool2d(3, 1, 1), nn.MaxPool2d(3, 1, 1)
    for first, second in ((nn.ReLU(), nn.ReLU()), pooled):
        low, high = logit_bounds(flat(Difference(first, second)).double(), x, linear=True)
        assert (high - low).max() < 1e-6
    low, high = logit_bounds(
        flat(Difference(nn.MaxPool2d(3, 1, 1), nn.MaxPool2d(5, 1, 2))).double(), x, linear=True
    )
    assert (high - low).max() > 0.1


def test_linear_bounds_are_never_looser_and_mostly_tighter(space: Space) -> None:
    tighter = 0
    for seed in range(2):
        module, x = network(space, seed), boxes((2, 3, 8, 8), 0.01, seed)
        labels = torch.tensor([0, 1])
        low, high = logit_bounds(module, x)
        below, above = logit_bounds(module, x, linear=True)
        assert (below >= low).all() and (above <= high).all()
        loose, tight = (lower_margins(module, x, labels, linear) for linear in (False, True))
        assert (tight >= loose).all()
        tighter += int((tight > loose + 0.1 * loose.abs()).any())
    assert tighter == 2


def test_intervals_grow_with_the_radius(space: Space) -> None:
    module, pixels, before = network(space, 1), torch.rand(2, 3, 8, 8), None
    for radius in (0.0, 1e-6, 1e-3, 0.1, 1.0):
        found = lower_margins(module, box(pixels, radius), torch.tensor([0, 1])).clamp(max=1e300)
        assert before is None or (found <= before).all()
        before = found


def test_the_box_of_radius_0_holds_the_images_alone_and_no_box_leaves_the_pixel_range() -> None:
    pixels = torch.tensor([0.0, 1e-9, 0.5, 1.0]).expand(2, 3, 1, 4)
    still = box(pixels, 0.0)
    assert torch.equal(still.centre, pixels.double()) and not still.radius.any()
    each = box(pixels, torch.tensor([1e-30, 0.7], dtype=torch.float64))
    assert each.radius[0, 0, 0, 2] == 1e-30  # is not lost where the centre is larger
    low, high = torch.tensor([0, 0, 0, 0.3]), torch.tensor([0.7, 0.7, 1, 1])
    assert torch.allclose(each.low[1, 0, 0], low.double()) and torch.allclose(each.high[1, 0, 0], high.double())


def test_normalisation_is_inside() -> None:
    mean, std = torch.tensor([0.1, 0.5, 0.3]).view(1, 3, 1, 1), torch.tensor([0.2, 0.5, 2.0]).view(1, 3, 1, 1)
    x = normalised(box(torch.full((1, 3, 2, 2), 0.5), 0.25), mean.double(), std.double())
    assert torch.allclose(x.low[0, :, 0, 0], ((0.25 - mean) / std).view(3).double())
    assert torch.allclose(x.high[0, :, 0, 0], ((0.75 - mean) / std).view(3).double())


def test_classes_are_subtracted_before_the_last_layer() -> None:
    module = disturbed(nn.Sequential(nn.Flatten(), nn.Linear(12, 3)), 7)
    x, labels = boxes((4, 3, 2, 2), 0.1, 8), torch.tensor([0, 1, 2, 0])
    low, high = logit_bounds(module, x)
    margins = lower_margins(module, x, labels)
    rows = module[1].weight[labels][:, None] - module[1].weight
    exact = (rows @ x.centre.flatten(1)[:, :, None])[..., 0] - (rows.abs() @ x.radius.flatten(1)[:, :, None])[
        ..., 0
    ]
    exact = exact + module[1].bias[labels][:, None] - module[1].bias
    other = torch.ones(4, 3, dtype=torch.bool).scatter(1, labels[:, None], False)
    assert torch.allclose(margins[other], exact[other]) and margins[~other].isinf().all()
    assert (margins > low.gather(1, labels[:, None]) - high)[other].all()


def test_the_rounding_of_a_layer_is_inside_its_interval() -> None:
    large = nn.Linear(1000, 1, bias=False).double()  # a sum that cancels: float64 keeps few digits of it
    with torch.no_grad():
        large.weight.copy_(torch.cat([torch.full((1, 500), 1e12), torch.full((1, 500), -1e12)], 1) + 0.1)
    x = torch.rand(1, 1000, dtype=torch.float64)
    exact = sum(
        int(w * 2**20) * int(v * 2**60) for w, v in zip(large.weight[0].tolist(), x[0].tolist(), strict=True)
    )
    found = IntervalArithmetic().apply(large, Interval(x, torch.zeros_like(x)))
    exact_value = exact / 2**80
    assert abs(exact_value - found.centre.item()) <= found.radius.item() < 1000


def test_numbers_beyond_float64_certify_nothing() -> None:
    module = nn.Sequential(nn.Flatten(), nn.Linear(12, 4), nn.ReLU(), nn.Linear(4, 3)).double()
    with torch.no_grad():
        for layer in (module[1], module[3]):
            layer.weight.mul_(1e200)
    x = boxes((1, 3, 2, 2), 0.5, 0)
    for linear in (False, True):
        assert (lower_margins(module, x, torch.tensor([1]), linear)[0, [0, 2]] == -torch.inf).all()


class Odd(nn.Conv2d):
    """Something other than a convolution."""


def test_a_layer_without_a_rule_is_refused_until_it_has_one() -> None:
    x = box(torch.rand(1, 3, 4, 4), 0.1)
    for layer in (
        nn.GELU(),
        Odd(3, 3, 1),
        nn.MaxPool2d(2, ceil_mode=True),
        nn.Conv2d(3, 3, 3, padding_mode="circular"),
    ):
        with pytest.raises(UsageError, match="there are no bounds for"):
            logit_bounds(flat(layer.double()), x)
    with pytest.raises(ValueError, match="twice"):
        register(nn.Conv2d)(Convolution)


class Crop(Selection):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x[:, :, 1:]


def test_a_selection_has_bounds_by_itself() -> None:
    x = boxes((2, 3, 3, 3), 0.1, 1)
    for linear in (False, True):
        low, high = logit_bounds(flat(Crop()), x, linear)
        assert torch.allclose(low, x.low[:, :, 1:].flatten(1)) and torch.allclose(
            high, x.high[:, :, 1:].flatten(1)
        )


@pytest.mark.parametrize("pixels", [torch.full((1, 3, 2, 2), 1.5), torch.full((1, 3, 2, 2), torch.nan)])
def test_images_outside_the_pixel_range_are_refused(pixels: torch.Tensor) -> None:
    with pytest.raises(UsageError, match=r"\[0, 1\]"):
        box(pixels, 0.1)
    with pytest.raises(UsageError, match="radius"):
        box(pixels.new_zeros(1, 3, 2, 2), -0.1)


@pytest.mark.parametrize("space", list(spaces))
def test_bounds_in_training_hold_the_network_and_are_those_of_a_proof(space: str) -> None:
    """In training mode with the statistics of the images, in eval mode with running ones; differentiable."""
    x = boxes((3, 3, 8, 8), 0.01, seed=1)
    labels = torch.tensor([0, 3, 1])
    model = network(spaces[space], seed=3)
    proved = lower_margins(model, x, labels)
    bounds = training_bounds(model, x.centre, x, labels)
    torch.testing.assert_close(bounds.margins.scatter(1, labels[:, None], torch.inf), proved)
    torch.testing.assert_close(bounds.logits, model(x.centre))
    model.train()
    before = {name: value.clone() for name, value in model.named_buffers()}
    bounds = training_bounds(model, x.centre, x, labels)
    bounds.margins.sum().backward()  # before the running statistics are restored
    updated = {name: value.clone() for name, value in model.named_buffers()}
    model.load_state_dict(before, strict=False)
    torch.testing.assert_close(bounds.logits, model(x.centre))
    assert all(torch.equal(value, updated[name]) for name, value in model.named_buffers())  # once, by the images
    margins = bounds.logits.gather(1, labels[:, None]) - bounds.logits  # the centres of the boxes lie in them
    assert (bounds.margins <= margins + 1e-9).all() and len(bounds.rectified) > 3
    point = training_bounds(model, x.centre, Interval(x.centre, torch.zeros_like(x.radius)), labels)
    torch.testing.assert_close(point.margins, margins)
    assert all(parameter.grad is not None and parameter.grad.isfinite().all() for parameter in model.parameters())


def test_the_gradient_of_bounds_in_training_is_that_of_differences() -> None:
    layers = [nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    model = disturbed(nn.Sequential(*layers, nn.Linear(4, 3)), seed=0).train()
    x = boxes((2, 3, 6, 6), 0.02, seed=2)
    labels = torch.tensor([1, 2])

    def margins(weight: torch.Tensor) -> torch.Tensor:
        return torch.func.functional_call(  # type: ignore[no-any-return]
            Bounding(model), {"model.0.weight": weight}, (x.centre, x, labels)
        )

    assert torch.autograd.gradcheck(margins, (layers[0].weight.detach().clone().requires_grad_(),))


class Bounding(nn.Module):
    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, images: torch.Tensor, around: Interval, labels: torch.Tensor) -> torch.Tensor:
        return training_bounds(self.model, images, around, labels).margins

"""The supernet: what it derives, and that with one operation per edge it is the network of that genotype."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from fitness.bounds import Interval, cell_norms, logit_bounds, lower_margins
from fitness.bounds.interval import IntervalArithmetic
from fitness.bounds.paired import Paired, PairedArithmetic
from spaces import NetworkSize, UsageError, spaces
from spaces.darts.supernet import CELLS, EDGES, MIXED, derive
from spaces.supernet import Supernet

SPACE = spaces["darts"]
SIZE = NetworkSize(4, 3, 3, 8)
CONVOLUTIONS = (
    "Genotype(normal=[('sep_conv_3x3', 0), ('skip_connect', 1), ('dil_conv_5x5', 1), ('sep_conv_5x5', 2), "
    "('skip_connect', 0), ('dil_conv_3x3', 3), ('sep_conv_3x3', 2), ('skip_connect', 4)], "
    "normal_concat=[2, 3, 4, 5], reduce=[('skip_connect', 0), ('dil_conv_3x3', 1), ('skip_connect', 2), "
    "('sep_conv_3x3', 1), ('sep_conv_5x5', 0), ('skip_connect', 3), ('dil_conv_5x5', 4), ('skip_connect', 1)], "
    "reduce_concat=[2, 3, 4, 5])"
)


def made(**options: Any) -> Supernet:
    """In eval mode and float64, with running statistics of some images and uneven weights."""
    network = SPACE.supernet(SIZE, generator=torch.Generator().manual_seed(0), **options).double()
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for _, parameter in network.architecture():
            parameter.copy_(torch.randn(parameter.shape, generator=generator))
        network.train()(torch.randn(4, 3, 8, 8, generator=generator, dtype=torch.float64))
    return network.eval()


def images(count: int) -> torch.Tensor:
    return torch.randn(count, 3, 8, 8, generator=torch.Generator().manual_seed(2), dtype=torch.float64)


def test_the_two_strongest_edges_of_a_node_stay_with_their_strongest_operation_but_none() -> None:
    strengths = {cell: torch.full((len(EDGES), len(MIXED)), 0.01) for cell in CELLS}

    def strengthen(cell: str, source: int, target: int, operation: str, strength: float) -> None:
        strengths[cell][EDGES.index((source, target)), MIXED.index(operation)] = strength

    strengthen("normal", 0, 2, "skip_connect", 0.2)
    strengthen("normal", 1, 2, "sep_conv_3x3", 0.3)
    strengthen("normal", 2, 3, "none", 0.9)  # does not count
    strengthen("normal", 0, 3, "max_pool_3x3", 0.2)
    strengthen("normal", 1, 3, "dil_conv_5x5", 0.1)
    strengthen("normal", 3, 4, "avg_pool_3x3", 0.4)
    strengthen("normal", 3, 4, "sep_conv_5x5", 0.39)
    strengthen("normal", 2, 4, "sep_conv_5x5", 0.3)
    strengthen("normal", 4, 5, "dil_conv_3x3", 0.2)  # of the last node, the other edges are equal
    strengthen("reduce", 3, 5, "skip_connect", 0.2)
    strengthen("reduce", 1, 5, "skip_connect", 0.3)
    assert str(derive(strengths)) == (
        "Genotype(normal=[('sep_conv_3x3', 1), ('skip_connect', 0), ('max_pool_3x3', 0), ('dil_conv_5x5', 1), "
        "('avg_pool_3x3', 3), ('sep_conv_5x5', 2), ('dil_conv_3x3', 4), ('max_pool_3x3', 0)], "
        "normal_concat=[2, 3, 4, 5], reduce=[('max_pool_3x3', 0), ('max_pool_3x3', 1), ('max_pool_3x3', 0), "
        "('max_pool_3x3', 1), ('max_pool_3x3', 0), ('max_pool_3x3', 1), ('skip_connect', 1), "
        "('skip_connect', 3)], reduce_concat=[2, 3, 4, 5])"
    )


def test_with_one_operation_per_edge_it_has_the_values_and_the_bounds_of_the_discrete_network() -> None:
    genotype, network = SPACE.parse(CONVOLUTIONS), made()
    discrete = SPACE.build(genotype, SIZE, generator=torch.Generator()).double().eval()
    of_supernet, renamed = network.state_dict(), {}
    with torch.no_grad():
        for alpha in network.alphas.values():
            alpha.zero_()[:, MIXED.index("none")] = 1000
        for cell, edges in (("normal", genotype.normal), ("reduce", genotype.reduce)):
            for i, (operation, state) in enumerate(edges):
                edge, place = EDGES.index((state, 2 + i // 2)), MIXED.index(operation)
                network.alphas[cell][edge] = 1000 * torch.eye(len(MIXED))[place]
                for number in range(SIZE.layers):
                    if (cell == "reduce") == (number in (1, 2)):
                        renamed[f"cells.{number}._ops.{i}."] = f"cells.{number}._ops.{edge}.operations.{place}."
    for name in discrete.state_dict():
        start = next((one for one in renamed if name.startswith(one)), "")
        source = "network." + renamed.get(start, "") + name.removeprefix(start)
        if source in of_supernet:  # BatchNorm of a supernet has no parameters
            discrete.state_dict()[name].copy_(of_supernet[source])
    assert SPACE.canonical(network.genotype()) == SPACE.canonical(genotype)
    assert network.likelihood(genotype) == 0
    around, labels = Interval(images(2), torch.full((2, 3, 8, 8), 1e-3).double()), torch.tensor([0, 2])
    torch.testing.assert_close(network(images(2)), discrete(images(2)), rtol=1e-9, atol=1e-9)
    for linear in (False, True):
        margins = [lower_margins(one, around, labels, linear) for one in (network, discrete)]
        torch.testing.assert_close(*margins, rtol=1e-6, atol=1e-6)


def test_the_bounds_of_a_weighted_sum_are_attained() -> None:
    generator = torch.Generator().manual_seed(0)
    x, y = (
        Interval(torch.randn(1, 2, 3, 3, generator=generator).double(), torch.rand(1, 2, 3, 3).double())
        for _ in range(2)
    )
    found = IntervalArithmetic().weighted([x, y], [0.25, 0.5])
    torch.testing.assert_close(found.low, 0.25 * x.low + 0.5 * y.low, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(found.high, 0.25 * x.high + 0.5 * y.high, rtol=1e-12, atol=1e-12)
    pair = PairedArithmetic().weighted([Paired(x.centre, x), Paired(y.centre, y)], [0.25, 0.5])
    torch.testing.assert_close(pair.value, 0.25 * x.centre + 0.5 * y.centre)
    torch.testing.assert_close(pair.interval.radius, found.radius)


@pytest.mark.parametrize("options", [{}, {"partial": 2, "edge_weights": True}], ids=["whole", "partial"])
def test_no_output_lies_outside_the_bounds_through_mixed_operations(options: dict[str, Any]) -> None:
    network, radius = made(**options), 0.01
    around = Interval(images(1), torch.full((1, 3, 8, 8), radius).double())
    signs = torch.randint(2, (64, 3, 8, 8), generator=torch.Generator().manual_seed(3)).double() * 2 - 1
    with torch.no_grad():
        outputs = network(images(1) + radius * signs)
    widths = []
    for linear in (False, True):
        low, high = logit_bounds(network, around, linear)
        assert (outputs >= low).all() and (outputs <= high).all()
        widths.append(float((high - low).mean()))
    assert widths[1] < widths[0]


def test_the_bound_of_a_cell_holds_for_its_true_jacobian() -> None:
    network = made()
    for module in network.modules():  # a BatchNorm whose slope is not 1 for every channel
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_var.mul_(0.5)
    _, norms = cell_norms(network, images(1))
    inner: Any = network.network
    stem = inner.stem(images(1)).detach()
    inputs = [stem.clone().requires_grad_(), stem.clone().requires_grad_()]
    outputs = inner.cells[0](*inputs).flatten()
    rows = [torch.autograd.grad(outputs[i], inputs, retain_graph=True) for i in range(20, len(outputs), 64)]
    largest = max(sum(float(part.abs().sum()) for part in row) for row in rows)
    assert norms.shape == (1, 3) and largest <= float(norms[0, 0].detach()) < 50 * largest


def test_partial_channels_pass_the_others_and_shuffle() -> None:
    network = made(partial=2)
    some = network.mixed[0]
    x = images(1)[:, :1].expand(-1, 4, -1, -1) * torch.arange(1.0, 5).view(1, 4, 1, 1)
    network(images(1))  # sets the weights
    torch.testing.assert_close(some(x)[:, 1::2], x[:, 2:])
    halved, wide = next(one for one in network.mixed if len(one.others) == 2), torch.cat([x, 9 * x], 1)
    torch.testing.assert_close(halved(wide)[:, 1::2], torch.nn.functional.max_pool2d(9 * x, 2))


@pytest.mark.parametrize(
    ("space", "size", "options", "text"),
    [
        ("nasbench201", SIZE, {}, "the space nasbench201 has no supernet"),
        ("darts", replace(SIZE, layers=2), {}, "at least 3 layers"),
        ("darts", replace(SIZE, channels=6), {"partial": 4}, "6 channels cannot be divided by 4"),
        ("darts", SIZE, {"partial": 4}, "into parts of at least 2"),
        ("darts", replace(SIZE, image_size=10), {"partial": 2}, "a multiple of 4, not 10"),
    ],
)
def test_a_supernet_that_cannot_be_is_refused(space: str, size: Any, options: Any, text: str) -> None:
    with pytest.raises(UsageError, match=text):
        spaces[space].supernet(size, generator=torch.Generator(), **options)

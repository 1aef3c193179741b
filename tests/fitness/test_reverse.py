"""`fitness.reverse` finds the gradients that autograd finds, and `croze` on it the same terms."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from fitness import croze_terms, reverse
from fitness.croze_autograd import croze_terms_by_autograd
from fitness.croze_reverse import croze_terms_by_reverse
from fitness.reverse import depthwise
from fitness.reverse.depthwise import Geometry
from spaces import Network, Space
from spaces.darts import PUBLISHED
from tests.fitness.conftest import Tasks
from tests.fitness.test_croze import DEEPEST
from tests.fitness.unchanged import unchanged

STRANGE = {  # what the space does not draw
    "one node alone in the output, two edges from one state": """Genotype(
        [('skip_connect', 0), ('max_pool_3x3', 1), ('sep_conv_7x7', 2), ('skip_connect', 2),
         ('dil_conv_5x5', 3), ('skip_connect', 3), ('avg_pool_3x3', 0), ('dil_conv_3x3', 1)], [4],
        [('skip_connect', 0), ('skip_connect', 0), ('dil_conv_5x5', 1), ('dil_conv_3x3', 0),
         ('sep_conv_5x5', 1), ('max_pool_3x3', 0), ('avg_pool_3x3', 1), ('skip_connect', 1)], [2, 3, 4, 5])""",
    "one node twice in the output, dense convolutions": """Genotype(
        [('skip_connect', 0), ('skip_connect', 1), ('conv_7x1_1x7', 0), ('skip_connect', 2),
         ('sep_conv_3x3', 0), ('skip_connect', 3), ('skip_connect', 1), ('skip_connect', 0)], [3, 5, 5],
        [('conv_7x1_1x7', 0), ('skip_connect', 1), ('skip_connect', 2), ('sep_conv_3x3', 0),
         ('skip_connect', 3), ('skip_connect', 1), ('skip_connect', 1), ('skip_connect', 0)], [2, 5])""",
}


def assert_equal_terms(network: Network, images: Tensor, labels: Tensor) -> None:
    """Both ways agree on every layer to 1e-9, and on x'."""
    assert reverse.known(network)
    expected, expected_x_prime = croze_terms_by_autograd(network, images, labels)
    with unchanged(network):
        found, x_prime = croze_terms_by_reverse(network, images, labels)
    assert list(found) == list(expected)
    for layer, terms in expected.items():
        assert found[layer] == pytest.approx(terms, rel=1e-9, abs=0), layer
    torch.testing.assert_close(x_prime, expected_x_prime, rtol=0, atol=1e-12)


SOME = ("DARTS_V2", "CROZE_CIFAR10")


@pytest.mark.parametrize(
    ("channels", "layers", "side"),
    [(4, 3, 9), *(pytest.param(*size, marks=pytest.mark.slow) for size in [(4, 3, 16), (5, 4, 13), (3, 6, 9)])],
)
def test_random_networks_have_the_terms_of_autograd(
    channels: int, layers: int, side: int, darts: Space, make_task: Tasks
) -> None:
    rng = np.random.default_rng(side)
    for _ in range(4):
        task = make_task(darts, channels, layers, side=side)
        assert_equal_terms(task.network(darts.random(rng), norm=False), *task.images_and_labels())


@pytest.mark.parametrize(
    "name",
    [*STRANGE, *(name if name in SOME else pytest.param(name, marks=pytest.mark.slow) for name in PUBLISHED)],
)
def test_published_and_strange_networks_have_the_terms_of_autograd(
    name: str, darts: Space, make_task: Tasks
) -> None:
    task = make_task(darts, 4, 3, n=2, side=10)
    network = task.network(darts.parse(STRANGE.get(name, name)), norm=False)
    if any(operation == "none" for operation in genotype_operations(network)):
        assert not reverse.known(network)
    else:
        assert_equal_terms(network, *task.images_and_labels())


def genotype_operations(network: Network) -> list[str]:
    genotype = network.genotype
    return [operation for operation, _ in (*genotype.normal, *genotype.reduce)]


def test_the_deepest_cells_have_the_terms_of_autograd(darts: Space, make_task: Tasks) -> None:
    task = make_task(darts, 8, 8, n=2)
    assert_equal_terms(task.network(darts.parse(DEEPEST), norm=False), *task.images_and_labels())


def test_croze_takes_the_tape_in_single_precision_and_autograd_in_double(
    darts: Space, rng: np.random.Generator, make_task: Tasks
) -> None:
    genotype = darts.random(rng)
    for dtype, expected in ((torch.float32, croze_terms_by_reverse), (torch.float64, croze_terms_by_autograd)):
        task = make_task(darts, dtype=dtype)
        network, batch = task.network(genotype, norm=False), task.images_and_labels()
        assert croze_terms(network, *batch)[0] == expected(network, *batch)[0]


def test_networks_with_a_batch_norm_or_a_layer_without_a_rule_are_not_known(
    space: Space, darts: Space, rng: np.random.Generator, make_task: Tasks
) -> None:
    task, genotype = make_task(space), space.random(rng)
    assert not reverse.known(task.network(genotype))
    assert reverse.known(task.network(genotype, norm=False)) == (space is darts)  # NAS-Bench-201 keeps two
    for layer in (
        nn.Conv2d(4, 4, 3),  # a bias
        nn.Conv2d(4, 4, 3, padding=1, groups=2, bias=False),
        nn.Conv2d(4, 4, 4, padding=1, groups=4, bias=False),
        nn.MaxPool2d(2),
        nn.GELU(),
    ):
        assert not reverse.known(nn.Sequential(nn.ReLU(), layer))


@pytest.mark.parametrize("side", [(7, 9), (8, 6), (5, 8)], ids=str)
@pytest.mark.parametrize(
    ("kernel", "stride", "dilation"),
    [(k, s, d) for k, s, d in itertools.product((3, 5, 7), (1, 2), (1, 2)) if (s, d) != (2, 2)],
)
def test_depthwise_convolutions_and_their_gradients_equal_autograd(
    kernel: int, stride: int, dilation: int, side: tuple[int, int]
) -> None:
    n, c, by = 3, 4, Geometry(kernel, stride, dilation)
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(*side, n, c, generator=generator, dtype=torch.float64)
    layer = nn.Conv2d(c, c, kernel, stride, by.padding, dilation, groups=c, bias=False).double()
    assert depthwise.geometry(layer) == by
    images = x.permute(2, 3, 0, 1).contiguous().requires_grad_()
    expected = layer(images)
    g = torch.randn(expected.shape, generator=generator, dtype=torch.float64)
    of_images, of_filters = torch.autograd.grad(expected, [images, layer.weight], g)

    filters = layer.weight.detach().repeat(n, 1, 1, 1)
    flipped, g = filters.flip(2, 3), g.permute(2, 3, 0, 1).contiguous()
    found = depthwise.convolve(x, filters, by)
    torch.testing.assert_close(found.permute(2, 3, 0, 1), expected, rtol=1e-12, atol=1e-12)
    found = depthwise.gradient_of_images(g, x, filters, flipped, by)
    torch.testing.assert_close(found.permute(2, 3, 0, 1), of_images, rtol=1e-12, atol=1e-12)
    found = depthwise.gradient_of_filters(g, x, filters, by).sum(0)
    torch.testing.assert_close(found, of_filters, rtol=1e-12, atol=1e-12)

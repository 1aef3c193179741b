"""What every registered proxy promises, whatever it measures."""

import math

import numpy as np
import pytest
import torch

from fitness import Batch, Task, proxies, score_all
from spaces import NetworkSize, spaces
from tests.fitness.conftest import ROUNDING_ALONE

SIZES = {
    "nasbench201": NetworkSize(4, 1, image_size=12),
    "darts": NetworkSize(4, 3, image_size=12),
    "robnet": NetworkSize(4, 1, image_size=12),
}
DEEPEST = (
    "Genotype(normal=[('sep_conv_5x5', 1), ('sep_conv_5x5', 0), ('sep_conv_5x5', 2), ('sep_conv_5x5', 1), "
    "('sep_conv_5x5', 3), ('sep_conv_5x5', 2), ('sep_conv_5x5', 4), ('sep_conv_5x5', 3)], "
    "normal_concat=[2, 3, 4, 5], reduce=[('sep_conv_5x5', 1), ('sep_conv_5x5', 0), ('sep_conv_5x5', 2), "
    "('sep_conv_5x5', 1), ('sep_conv_5x5', 3), ('sep_conv_5x5', 2), ('sep_conv_5x5', 4), ('sep_conv_5x5', 3)], "
    "reduce_concat=[2, 3, 4, 5])"
)
ORDER_MATTERS = {"zico", "croze-paper[gaussian]"}  # halves of the batch; noise drawn for each position


def random_batch(n=6, side=12, dtype=torch.float64):
    generator = torch.Generator().manual_seed(3)
    low, high = torch.full((3, 1, 1), -1.9, dtype=dtype), torch.full((3, 1, 1), 2.1, dtype=dtype)
    images = low + (high - low) * torch.rand(n, 3, side, side, generator=generator, dtype=dtype)
    return Batch(images, torch.randint(0, 10, (n,), generator=generator), low, high)


def make_task(space_name, dtype=torch.float64, batch=None):
    return Task(spaces[space_name], SIZES[space_name], seed=7, batch=batch or random_batch(), dtype=dtype)


def genotype_of(space_name, seed=5):
    space = spaces[space_name]
    return space.canonical(space.random(np.random.default_rng(seed)))


def compared_in(space):
    """The proxies whose scores say something about networks of a space."""
    return [name for name in proxies if (name, space) not in ROUNDING_ALONE]


def values(names, space, dtype=torch.float64, batch=None):
    """The values of one genotype by proxy; those of the same passes are computed once."""
    (found,) = score_all([genotype_of(space)], names, make_task(space, dtype, batch))
    return {name: score.value for name, score in found.items()}


@pytest.mark.parametrize("space", list(spaces))
def test_order_of_the_images_does_not_matter(space):
    batch, order = random_batch(), torch.tensor([3, 0, 5, 1, 4, 2])
    shuffled = batch._replace(images=batch.images[order], labels=batch.labels[order])
    names = [name for name in compared_in(space) if name not in ORDER_MATTERS]
    one, other = (values(names, space, batch=b) for b in (batch, shuffled))
    for name in names:
        assert one[name] == pytest.approx(other[name], rel=1e-6, abs=1e-9), name


def test_only_known_pairs_of_a_proxy_and_a_space_are_left_out():
    assert all(name in proxies and space in spaces and reason for (name, space), reason in ROUNDING_ALONE.items())


def test_zico_does_not_see_the_order_within_its_halves():
    batch, order = random_batch(), torch.tensor([2, 0, 1, 4, 5, 3])
    shuffled = batch._replace(images=batch.images[order], labels=batch.labels[order])
    genotype = genotype_of("darts")
    one, other = (proxies["zico"].score(genotype, make_task("darts", batch=b)) for b in (batch, shuffled))
    assert one.value == pytest.approx(other.value, rel=1e-6)


@pytest.mark.parametrize("space", list(spaces))
def test_float32_agrees_with_float64(space):
    names = compared_in(space)
    single, double = (values(names, space, dtype) for dtype in (torch.float32, torch.float64))
    for name in names:
        loose = name.startswith("croze-paper")  # a sign of a vanishing image gradient may differ
        assert single[name] == pytest.approx(double[name], rel=0.1 if loose else 2e-3), name


IMAGES = random_batch()
EQUAL = {"images": IMAGES.images[:1].expand_as(IMAGES.images), "labels": IMAGES.labels[:1].expand(6)}
DISCONNECTED = "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|"


@pytest.mark.parametrize(
    ("text", "batch"),
    [
        (DISCONNECTED, IMAGES),
        (None, IMAGES._replace(**EQUAL)),
        (None, IMAGES._replace(images=torch.zeros_like(IMAGES.images))),
        (None, IMAGES._replace(images=IMAGES.images[:1], labels=IMAGES.labels[:1])),
    ],
    ids=["a disconnected cell", "equal images", "black images", "one image"],
)
def test_a_score_that_cannot_be_computed_is_named(text, batch):
    genotype = spaces["nasbench201"].parse(text) if text else genotype_of("nasbench201")
    (found,) = score_all([genotype], list(proxies), make_task("nasbench201", batch=batch))
    for name, score in found.items():
        if score.value is None:
            assert score.reason, name
            assert "nan" not in score.reason, name
        else:
            assert math.isfinite(score.value), name
            assert not score.reason, name


@pytest.mark.slow
@pytest.mark.parametrize("name", ["synflow", "jacobian-norm"])
def test_deepest_darts_network_at_full_size_does_not_overflow(name):
    space = spaces["darts"]
    batch = random_batch(2, 32, torch.float32)
    values = []
    for dtype in (torch.float32, torch.float64):
        task = Task(space, NetworkSize(36, 20), batch=batch, dtype=dtype)
        values.append(proxies[name].score(space.parse(DEEPEST), task).value)
    assert values[0] == pytest.approx(values[1], rel=1e-3)  # of a logarithm in the hundreds

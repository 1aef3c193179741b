"""`croze`: equal to a naive second statement, blind to scale, precision and order."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from fitness import Batch, LayerTerms, Task, croze_terms, proxies
from spaces import Network, NetworkSize, Space
from spaces.darts import PUBLISHED
from tests.benchmarks.released_croze import darts_stages, nasbench201_stages, released_terms
from tests.fitness.conftest import Tasks
from tests.fitness.unchanged import unchanged

STAGES = {"darts": darts_stages, "nasbench201": nasbench201_stages, "robnet": darts_stages}
CHAIN = "[('sep_conv_5x5', 0), ('sep_conv_5x5', 1), " + ", ".join(
    f"('sep_conv_5x5', {state}), ('sep_conv_5x5', {state + 1})" for state in (1, 2, 3)
)
DEEPEST = f"Genotype({CHAIN}], [2, 3, 4, 5], {CHAIN}], [2, 3, 4, 5])"  # four sep_conv_5x5 nodes in a row


def terms_of(task: Task, network: Network) -> tuple[dict[str, LayerTerms], torch.Tensor]:
    return croze_terms(network, *task.images_and_labels())


def score(terms: dict[str, LayerTerms]) -> float:
    return sum(abs(P * G * Z) for P, G, Z in terms.values())


def value(task: Task, genotype: object) -> float:
    found = proxies["croze"].score(genotype, task)
    assert found.value is not None, found.reason
    return found.value


@pytest.mark.parametrize(
    ("channels", "layers"), [(4, 3), *(pytest.param(*size, marks=pytest.mark.slow) for size in [(5, 4), (8, 5)])]
)
def test_every_layer_equals_the_naive_statement(
    space: Space, channels: int, layers: int, make_task: Tasks
) -> None:
    rng = np.random.default_rng(channels)
    task = make_task(space, channels, min(layers, 3) if space.name == "nasbench201" else layers)
    for _ in range(2):
        network = task.network(space.random(rng), norm=False)
        found, x_prime = terms_of(task, network)
        expected, expected_x_prime = released_terms(
            network, *task.images_and_labels(), STAGES[space.name](network)
        )
        assert found.keys() == expected.keys()
        for layer, terms in expected.items():
            assert all(math.isfinite(term) for term in terms)  # here plain float64 is enough
            assert found[layer] == pytest.approx(terms, rel=1e-9, abs=0), layer
        torch.testing.assert_close(x_prime, expected_x_prime, rtol=0, atol=1e-12)


def test_single_precision_equals_double(darts: Space, rng: np.random.Generator, make_task: Tasks) -> None:
    # in a smaller network one ReLU whose input is all rounding can be 1e-6 of the score
    for _ in range(4):
        genotype = darts.random(rng)
        single, double = (
            value(make_task(darts, 16, 8, dtype=d), genotype) for d in (torch.float32, torch.float64)
        )
        assert single == pytest.approx(double, rel=1e-6, abs=0)


def precisions_of_the_deepest(darts: Space, make_task: Tasks, **size: int) -> tuple[Task, float, float]:
    genotype = darts.parse(DEEPEST)
    task = make_task(darts, **size, n=2, dtype=torch.float32)
    return task, value(task, genotype), value(make_task(darts, **size, n=2), genotype)


def test_deep_cells_are_finite_in_single_precision_where_plain_numbers_overflow(
    darts: Space, make_task: Tasks
) -> None:
    task, single, double = precisions_of_the_deepest(darts, make_task, channels=8, layers=10)
    plain = task.network(darts.parse(DEEPEST), norm=False)
    with torch.no_grad():
        for parameter in plain.parameters():
            parameter.abs_()
        assert not plain(task.images_and_labels()[0]).isfinite().all()
    assert single == pytest.approx(double, rel=1e-6, abs=0)
    assert single > 2 * proxies["croze-size"].function(darts.parse(DEEPEST), task)


@pytest.mark.slow
def test_the_deepest_cells_at_paper_size_are_finite_and_equal_in_both_precisions(
    darts: Space, make_task: Tasks
) -> None:
    task, single, double = precisions_of_the_deepest(darts, make_task, channels=36, layers=20, side=32)
    assert single == pytest.approx(double, rel=1e-6, abs=0)
    # every cosine saturates: the score is a few percent from 3.65 times the closed form
    assert single == pytest.approx(3.65 * proxies["croze-size"].function(darts.parse(DEEPEST), task), rel=0.05)


def test_the_order_of_the_batch_changes_nothing(space: Space, rng: np.random.Generator, make_task: Tasks) -> None:
    task = make_task(space, n=6)
    assert task.batch is not None
    images, labels, low, high = task.batch
    order = torch.tensor([3, 0, 5, 1, 4, 2])
    turned = Task(space, task.size, task.seed, Batch(images[order], labels[order], low, high), dtype=torch.float64)
    for _ in range(3):
        genotype = space.random(rng)
        assert value(turned, genotype) == pytest.approx(value(task, genotype), rel=1e-9, abs=0)


def test_the_signs_of_the_weights_change_nothing(darts: Space, rng: np.random.Generator, make_task: Tasks) -> None:
    task = make_task(darts)
    network = task.network(darts.random(rng), norm=False)
    before = terms_of(task, network)[0]
    with torch.no_grad():
        for i, parameter in enumerate(network.parameters()):
            parameter.mul_(-1 if i % 2 else 1)
    assert terms_of(task, network)[0] == before


def test_the_network_is_left_as_it_was(space: Space, rng: np.random.Generator, make_task: Tasks) -> None:
    task = make_task(space)
    network = task.network(space.random(rng), norm=False)
    for training in (True, False):
        network.train(training)
        with unchanged(network):
            terms_of(task, network)


def test_black_images_give_a_finite_score(space: Space, rng: np.random.Generator, make_task: Tasks) -> None:
    task = make_task(space)
    assert task.batch is not None
    _, labels, low, high = task.batch
    for level in (low, high, torch.zeros_like(low)):
        batch = Batch(level.expand(3, 3, 16, 16).clone(), labels, low, high)
        flat = Task(space, NetworkSize(4, 3, image_size=16), batch=batch)
        for _ in range(3):
            assert math.isfinite(value(flat, space.random(rng)))


def test_a_network_certain_of_every_label_has_no_score_and_a_reason(darts: Space, make_task: Tasks) -> None:
    genotype, task = darts.canonical(darts.parse("DARTS_V2")), make_task(darts)
    assert task.batch is not None
    images = task.batch.images.abs() * 1e9  # logits so far apart that the softmax is one-hot
    network = task.network(genotype, norm=False)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.abs_()
        certain = network(images).argmax(1)
    for labels, scored in ((certain, False), ((certain + 1) % 10, True)):
        batch = task.batch._replace(images=images, labels=labels)
        found = proxies["croze"].score(genotype, replace(task, batch=batch))
        assert (found.value is not None) == scored
        assert ("predicts every label" in found.reason) != scored


@pytest.mark.parametrize("name", list(PUBLISHED))
def test_every_published_genotype_has_a_positive_score(darts: Space, name: str, make_task: Tasks) -> None:
    found = proxies["croze"].score(darts.parse(name), make_task(darts, 2, 3, n=2, side=8, dtype=torch.float32))
    assert found.value is not None and found.value > 0, found.reason

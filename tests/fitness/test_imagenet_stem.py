"""Every proxy, both ways of differentiating and bounds take networks with the stem "imagenet"."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import torch

from fitness import Task, proxies, score_all
from spaces import NetworkSize, Space, spaces
from tests.fitness.bounded import boxes, disturbed, outside
from tests.fitness.conftest import Tasks
from tests.fitness.test_reverse import assert_equal_terms

HAVE = [name for name in spaces if spaces[name].has_imagenet_stem]


def stemmed(task: Task) -> Task:
    return dataclasses.replace(task, size=dataclasses.replace(task.size, stem="imagenet"))


@pytest.fixture(params=HAVE)
def stemmed_space(request: pytest.FixtureRequest) -> Space:
    return spaces[request.param]


def test_the_spaces_of_the_skeleton_have_it() -> None:
    assert {"darts", "robnet"} <= set(HAVE) and "nasbench201" not in HAVE


def test_the_tape_finds_the_terms_of_autograd(darts: Space, make_task: Tasks) -> None:
    task, genotype = stemmed(make_task(darts, 4, 2, side=35)), darts.random(np.random.default_rng(1))
    assert_equal_terms(task.network(genotype, norm=False), *task.images_and_labels())


def test_every_proxy_has_a_value(stemmed_space: Space, make_task: Tasks) -> None:
    task = stemmed(make_task(stemmed_space, 2, 2, side=40, dtype=torch.float32))
    genotype = stemmed_space.random(np.random.default_rng(0))
    (found,) = score_all([genotype], list(proxies), task)
    for name, score in found.items():
        assert score.value is not None and math.isfinite(score.value), f"{name}: {score.reason}"


def test_no_output_leaves_its_bounds(stemmed_space: Space) -> None:
    size = NetworkSize(2, 2, classes=3, image_size=34, stem="imagenet")
    network = disturbed(stemmed_space.construct(stemmed_space.random(np.random.default_rng(2)), size), 0)
    assert outside(network, boxes((2, 3, 34, 34), 1e-3, 0), 60) == 0

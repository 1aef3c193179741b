"""Scores, training, attacks and corruptions on a pretended card: nothing mixes devices, and waits are listed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from evonas.core.digests import tensors_digest
from evonas.core.events import unwatched
from evonas.core.signals import stop_requests
from evonas.evaluation.attacks import attacks
from evonas.evaluation.attacks.base import AttackOptions
from evonas.evaluation.attacks.draws import Draws
from evonas.evaluation.corruptions import corrupt, corruptions
from evonas.training import checkpoint
from evonas.training.images import Images, TrainingData
from evonas.training.model import Classifier
from evonas.training.parallel import Group
from evonas.training.recipes import recipes
from evonas.training.settings import TrainSettings
from evonas.training.training import Training
from fitness import Batch, Populations, Task, proxies, score_all
from fitness.population.shared import PASSES
from spaces import NetworkSize, spaces
from tests.device import PIXELS, POPULATION, share_apart
from tests.pretended import Log, card

PUBLISHED = "DARTS_V2"
SIZE = NetworkSize(4, 3, image_size=16)
CALLS = {  # of the loop, for one network; those at L=20 are in test_single.py
    **dict.fromkeys(("croze", "croze-paper", "croze-paper[gaussian]", "croze-paper[none]"), 3400),
    **{"grasp": 4000, "certified-radius": 5200},
}


def batch(count: int = 3, side: int = 16) -> Batch:
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(count, 3, side, side, generator=generator)
    low, high = images.amin((0, 2, 3)), images.amax((0, 2, 3))
    return Batch(images, torch.arange(count) % 2, low[:, None, None], high[:, None, None])


def genotypes(space: str, count: int) -> list[Any]:
    rng = np.random.default_rng(0)
    return [spaces[space].random(rng) for _ in range(count)]


def task(device: str, space: str = "darts", **options: Any) -> Task:
    size = SIZE if space == "darts" else NetworkSize(4, 1, image_size=16)
    return Task(spaces[space], size, 0, batch(), device, **options)


@pytest.mark.parametrize("name", list(PASSES))
def test_a_population_waits_for_the_device_once_and_has_the_scores_of_a_cpu(name: str) -> None:
    some = genotypes("darts", 3)
    expected = [one[name].value for one in score_all(some, [name], task("cpu", populations=Populations(3)))]
    with card() as log:
        found = [one[name].value for one in score_all(some, [name], task("cuda", populations=Populations(3)))]
    assert (log.calls > 100) == log.pretended and sum(log.waits.values()) <= 2, log.waits
    assert sum(log.uploads.values()) <= 2, log.uploads  # images and labels
    assert found == pytest.approx(expected, rel=POPULATION)


@pytest.mark.parametrize("space", ["darts", "nasbench201", "robnet"])
@pytest.mark.parametrize("name", list(proxies))
def test_a_proxy_is_computed_on_the_device(name: str, space: str) -> None:
    (one,) = genotypes(space, 1)
    (expected,) = score_all([one], [name], task("cpu", space))
    with card() as log:
        (found,) = score_all([one], [name], task("cuda", space))
    assert sum(log.uploads.values()) <= 20, log.uploads
    assert sum(log.waits.values()) <= 4, log.waits
    assert log.calls <= CALLS.get(name.split(":")[0], 2000) * (space == "darts" or 0.85), log.calls
    assert (found[name].value is None) == (expected[name].value is None), found[name].reason
    if expected[name].value is not None and (name, space) not in {("jacob-cov", "robnet")}:
        assert found[name].value == pytest.approx(expected[name].value, rel=2e-2)


def test_a_network_comes_to_the_device_in_two_uploads() -> None:
    (one,) = genotypes("darts", 1)
    expected = task("cpu").network(one).state_dict()
    with card() as log:
        network = task("cuda").network(one)
        assert sum(log.uploads.values()) == 2 * log.pretended and not log.waits, log.uploads
        found = network.state_dict()
        assert all(value.is_cuda for value in [*network.parameters(), *network.buffers()])
        assert all(torch.equal(found[name].cpu(), value) for name, value in expected.items())
        assert all(found[name].dtype == value.dtype for name, value in expected.items())


def classifier() -> Classifier:
    space = spaces["darts"]
    genotype = space.published()[PUBLISHED].genotype
    network = space.build(genotype, SIZE, generator=torch.Generator().manual_seed(0))
    return Classifier(network, [0.5] * 3, [0.25] * 3).eval()


def test_a_checkpoint_waits_once_for_each_type_of_numbers_and_is_the_file_of_a_cpu(tmp_path: Path) -> None:
    model = classifier().to(memory_format=torch.channels_last)
    tensors = {**model.state_dict(), "none": torch.zeros(0, 2), "double": torch.rand(2, 3).double().T}
    settings = TrainSettings(PUBLISHED, channels=4, layers=3, device="cpu").resolve()
    checkpoint.write(tmp_path / "cpu", settings, 1, {}, tensors)
    with card() as log:
        there = {name: one.to("cuda") for name, one in tensors.items()}
        log.clear()
        checkpoint.write(tmp_path / "cuda", settings, 1, {}, there)
        assert sum(log.waits.values()) == 3 * log.pretended, log.waits  # float32, float64 and int64
        found = tensors_digest(there)
        assert sum(log.waits.values()) == 6 * log.pretended, log.waits
    assert found == tensors_digest(tensors) and parts(tmp_path / "cuda") == parts(tmp_path / "cpu")


def parts(path: Path) -> tuple[Any, bytes]:
    """The header of a checkpoint, whose metadata have a random order in the file, and the bytes of its tensors."""
    content = path.read_bytes()
    start = 8 + int.from_bytes(content[:8], "little")
    return json.loads(content[8:start]), content[start:]


@pytest.mark.parametrize("name", list(recipes))
def test_a_training_waits_for_the_device_only_to_read_its_loss(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Adam asks the driver, which is not pretended, for the stream that is captured
    check = "_accelerator_graph_capture_health_check"
    monkeypatch.setattr(torch.optim.Optimizer, check, lambda self: None, raising=False)
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (40, 3, 16, 16), dtype=torch.uint8, generator=generator)
    numbers: dict[str, Any] = {"epochs": 2, "batch_size": 8, "cutout": 4, "ema": 0.9}
    numbers |= {"steps": 2} if recipes[name].uses_eps else {}
    numbers |= {} if recipes[name].is_certified else {"drop_path": 0.1}
    with card() as log:
        settings = TrainSettings(
            PUBLISHED,
            channels=4,
            layers=3,
            image_size=16,
            recipe=name,
            overrides=numbers,
            validation=8,
            device="cuda",
        ).resolve()
        data = TrainingData(Images(pixels, torch.arange(40) % 10), None)  # type: ignore[arg-type]  # no file to check
        training = Training(tmp_path, settings, unwatched, Group(), data)
        found = between_steps(training, log)
        assert len(found) == training.steps - 1 > 2
        for number, step in enumerate(found):
            checked = number == 0  # see STEPS_BETWEEN_CHECKS
            assert [place.split()[1] for place in step] == ["_require_finite"] * (checked and log.pretended), step
        assert all(one.grad is not None and one.grad.is_cuda for one in training.model.parameters())
        assert training.optimiser.param_groups[0]["fused"]
        for model in filter(None, (training.model, training.average and training.average.model)):
            counters = [one for name, one in model.named_buffers() if name.endswith("num_batches_tracked")]
            assert len(counters) > 10 and all(one.tolist() == training.steps for one in counters)


def between_steps(training: Training, log: Log) -> list[list[str]]:
    """Waits and blocking uploads from the beginning of each step of the second epoch to that of the next one."""
    found: list[list[str]] = []
    step, begun = training.step, False

    def watched(*given: Any) -> None:
        nonlocal begun
        if begun:
            found.append([*log.waits.elements(), *log.uploads.elements()])
        log.clear()
        begun = True
        step(*given)

    training.step = watched  # type: ignore[method-assign]
    with stop_requests(print) as stop, torch.random.fork_rng(devices=[]):
        training._learn(1, stop)
    return found


@pytest.mark.parametrize("name", [one for one in attacks if one != "autoattack"])
def test_an_attack_stays_on_the_device(name: str) -> None:
    attack = attacks[name].from_options(AttackOptions(steps=3, queries=3))
    images = torch.rand(3, 3, 16, 16, generator=torch.Generator().manual_seed(1))
    labels = torch.arange(3)
    expected = attack(classifier(), images, labels, 8.0, Draws.of(0, 0, 3))
    with card():
        model = classifier().to("cuda")
        found = attack(model, images.to("cuda"), labels.to("cuda"), 8.0, Draws.of(0, 0, 3))
        assert found.is_cuda
        found = found.cpu()
    assert share_apart(found, expected, 1e-6) <= PIXELS and share_apart(found, images, 8.001 / 255) == 0


@pytest.mark.parametrize("name", list(corruptions))
def test_a_corruption_stays_on_the_device(name: str) -> None:
    images = torch.randint(0, 256, (2, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    expected = corrupt(images, name, 3)
    with card() as log:
        found = corrupt(images.to("cuda"), name, 3)
        assert found.is_cuda and sum(log.waits.values()) <= 1, log.waits
        found = found.cpu()
    assert share_apart(found, expected, 0) <= PIXELS

"""A network is compiled once for all epochs, and a training without a compiler is one without compiling."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch._dynamo.testing import CompileCounter

from evonas.core.events import Event, Listener, Warned
from evonas.training import checkpoint
from evonas.training.convolutions import fastest_convolutions
from evonas.training.execution import MIN_COMPILED_PASSES, compiles
from evonas.training.norms import Norms
from evonas.training.parallel import Group
from evonas.training.paths import LAST
from evonas.training.room import times
from evonas.training.settings import TrainSettings
from evonas.training.training import Training
from tests.device import REAL
from tests.pretended import card

Small = Callable[..., TrainSettings]


def last(directory: Path, settings: TrainSettings, observer: Any = None) -> checkpoint.Checkpoint:
    directory.mkdir(exist_ok=True)
    Training(directory, settings, observer or Listener(), Group()).run()
    return checkpoint.load(directory / LAST)


def same(first: checkpoint.Checkpoint, second: checkpoint.Checkpoint) -> bool:
    return first.tensors.keys() == second.tensors.keys() and all(
        torch.equal(first.tensors[name], second.tensors[name]) for name in first.tensors
    )


class Broken(nn.Module):
    """What a machine without a compiler makes of a network."""

    def __init__(self, network: nn.Module, **options: Any) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        self.network(images)
        raise RuntimeError("no working\nC++ compiler found")


def test_one_graph_for_each_of_attack_and_training_without_and_with_dropped_paths(
    small: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counter, compile = CompileCounter(), torch.compile

    def counting(network: nn.Module, **options: Any) -> Any:
        assert options == {"mode": "reduce-overhead", "dynamic": False}
        return compile(network, backend=counter, fullgraph=True, dynamic=False)

    monkeypatch.setattr(torch, "compile", counting)
    settings = replace(small(epochs=3, adversary="pgd", steps=1, drop_path=0.3, ema=0.9), channels=2, layers=1)
    found = last(tmp_path / "compiled", replace(settings, compile=True))
    assert counter.frame_count == 3
    assert found.facts["compiled"] is True and found.settings.compile is True
    monkeypatch.setattr(torch, "compile", Broken)  # what is compiled stays so, whatever is asked for
    again = last(tmp_path / "compiled", replace(settings, compile=False))
    assert again.settings.compile is True and same(again, found)


def test_without_a_compiler_a_training_is_the_same_as_without_compiling_and_says_so_once(
    small: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []

    def observer(event: Event) -> None:
        if isinstance(event, Warned):
            said.append(event.text)

    settings = replace(small(adversary="pgd", steps=1, drop_path=0.3, ema=0.9), channels=2, layers=1)
    expected = last(tmp_path / "plain", settings)
    assert "compiled" not in expected.facts
    monkeypatch.setattr(torch, "compile", Broken)
    found = last(tmp_path / "broken", replace(settings, compile=True), observer)
    assert said == ["torch.compile failed (no working C++ compiler found); the network is trained without it"]
    assert same(found, expected) and found.facts["compiled"] is False
    assert [row[1:6] for row in found.facts["history"]] == [row[1:6] for row in expected.facts["history"]]
    last(tmp_path / "broken", replace(settings, compile=True), observer)
    assert len(said) == 1


@pytest.mark.slow
def test_what_is_compiled_learns_what_is_not_compiled_learns(small: Small, tmp_path: Path) -> None:
    settings = replace(small(adversary="pgd", steps=1, drop_path=0), channels=2, layers=1)
    compiled = last(tmp_path / "compiled", replace(settings, compile=True))
    assert compiled.facts["compiled"] is True
    expected = last(tmp_path / "plain", settings)
    for found, row in zip(compiled.facts["history"], expected.facts["history"], strict=True):
        assert found[2] == pytest.approx(row[2], rel=1e-3)  # the loss


def test_algorithms_of_convolutions_are_timed_on_a_gpu_unless_results_must_not_differ() -> None:
    cudnn, cuda = torch.backends.cudnn, torch.device("cuda")
    with fastest_convolutions(cuda):
        assert cudnn.benchmark
    assert not cudnn.benchmark
    with fastest_convolutions(torch.device("cpu")):
        assert not cudnn.benchmark
    with cudnn.flags(deterministic=True), fastest_convolutions(cuda):
        assert not cudnn.benchmark


def test_long_trainings_are_compiled_on_a_gpu() -> None:
    passes = MIN_COMPILED_PASSES
    assert compiles(None, "cuda:1", passes) and not compiles(None, "cuda", passes - 1)
    assert not compiles(None, "cuda", passes, certified=True)
    assert not compiles(None, "cpu", passes) and compiles(True, "cpu", 1) and not compiles(False, "cuda", passes)


def test_a_training_that_continues_on_a_device_of_the_same_kind_stays_compiled(small: Small) -> None:
    settings = small()
    assert settings.compile is False
    on_gpu = replace(settings, device="cuda", compile=True)
    assert replace(settings, device="cuda:1").continuing(on_gpu).compile is True
    assert settings.continuing(on_gpu).compile is False


def test_an_attack_uses_statistics_of_its_batch_and_changes_none() -> None:
    norm, images = nn.BatchNorm2d(3), torch.rand(4, 3, 2, 2)
    expected = nn.functional.batch_norm(images, None, None, norm.weight, norm.bias, training=True)
    norms, before = Norms(norm), {name: value.clone() for name, value in norm.state_dict().items()}
    with norms.kept():
        assert torch.equal(norm(images), expected)
    assert all(torch.equal(value, before[name]) for name, value in norm.state_dict().items())
    with norms.counted_at_the_end(5):
        norm(images)
    assert norm.num_batches_tracked.item() == 5 and not torch.equal(norm.running_mean, before["running_mean"])


@pytest.mark.skipif(REAL, reason="asks a pretended card")
def test_a_batch_grows_on_a_gpu_by_its_shapes_whatever_memory_is_free() -> None:
    layers = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1, stride=2), nn.ReLU())
    # they return 2 * 8 * 16 * 16 values for an image
    assert times(layers, torch.zeros(2, 3, 32, 32), 512, 4) == 1
    for memory in (100, 2**40):
        with card(memory=memory):
            images, model = torch.zeros(2, 3, 32, 32, device="cuda"), layers.to("cuda")
            for batch, expected in ((512, 4), (2**16, 4), (2**18 - 1, 1), (2**17 - 1, 2), (2**17, 2), (2**30, 1)):
                assert times(model, images, batch, 4) == expected
            assert not any(layer._forward_hooks for layer in model.modules())

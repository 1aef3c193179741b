"""Whole commands on a pretended card, and what they ask of it."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from rich.console import Console

import evonas
from evonas import EvaluateSettings, FinalPlan, SearchSettings
from evonas.core import devices
from evonas.core.memory_errors import memory_reported
from evonas.engine import worker
from evonas.reporting.speed import speed
from evonas.searching.task import task_of
from fitness import Task
from fitness.base import Proxy
from fitness.layout import layout
from fitness.population.memory import is_exhaustion, is_exhaustion_of_card, is_too_large
from spaces import EvonasError
from tests.evonas.trained import pictures  # noqa: F401  (a fixture)
from tests.pictures import bright_and_dark
from tests.pretended import card
from tests.pretended.test_paths import genotypes, task

Conv = Callable[[], str]


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> str:
    """36 images."""
    return bright_and_dark(tmp_path_factory.mktemp("pictures"), 18)


def test_a_search_is_trained_evaluated_verified_and_reported(
    few: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for steps in ("MORE_STEPS", "LARGE_STEPS"):
        monkeypatch.setattr(f"evonas.evaluation.checks.{steps}", 1)  # a device sees nothing new in more of them
    run = tmp_path / "run"
    settings = SearchSettings(
        dataset=few,
        image_size=16,
        channels=2,
        layers=3,
        population=4,
        children=2,
        generations=1,
        batch_size=4,
        batch_networks=4,
        device="cuda",
    )
    plan = FinalPlan(overrides={"epochs": 1, "batch_size": 12, "cutout": 4}, images=4, checks=2)
    with card():
        found = evonas.search(settings, run, final=plan)
        assert found.best is not None and found.best.score and found.evaluation is not None
        wider = EvaluateSettings(
            attacks=("fgsm", "apgd-ce"), epsilons=(8.0,), steps=2, images=4, corruptions=False, device="cuda"
        )
        evaluation = evonas.evaluate(run, wider)
        assert 0 <= evaluation.clean.accuracy <= 1 and set(evaluation.attacks) == {"fgsm", "apgd-ce"}
        assert evonas.verify(run, sample=2).passed
        assert "cuda" in evonas.report(run).read_text()
        assert evonas.export(run, ["genotype", "safetensors"]).files


def test_a_benchmark_measures_what_the_first_hour_on_a_gpu_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("evonas.speed.roofline.COPIED", {"cuda": 2**20})
    monkeypatch.setattr("evonas.speed.roofline.WIDTH", {"cuda": 32})
    settings = SearchSettings(dataset="digits", image_size=8, channels=2, layers=1, batch_size=2, device="cuda")
    with card():
        found = evonas.bench(
            settings, engines="in-process", architectures=2, rounds=1, train_batch=2, compile=False
        )
        text = Console(width=100, file=io.StringIO())
        text.print(speed(found))
    ways = [(row.what, row.networks) for row in found.rows]
    assert ways == [("score", 2), ("score", 1), ("score", 1), ("train", None)]
    assert [row.how.endswith("at once") for row in found.rows] == [True, True, False, False]
    assert all(row.difference is not None and row.difference < 1e-4 for row in found.rows[:3])
    assert [row.networks for row in found.host] == [None, 1, 2]
    assert found.host[0].calls > found.host[1].calls > found.host[2].calls > 100
    assert all(row.fraction is not None for row in found.rows) and found.limits.bfloat16_flops_per_second
    assert len(found.kernels) == 2 * 2 * 3 and {*found.versions} == {"torch", "cuda", "cudnn", "driver"}
    printed = text.file.getvalue()  # type: ignore[attr-defined]
    assert "a pretended card (cuda)" in printed and "TF32" in printed and "the loop" in printed


def test_no_score_is_computed_in_tf32(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []

    def watched(genotype: Any, task: Task) -> float:
        cudnn: Any = torch.backends.cudnn
        seen.append(cudnn.conv.fp32_precision if hasattr(cudnn, "conv") else cudnn.allow_tf32)
        return 1.0

    proxy = Proxy("watched", watched, "", "", "", needs_images=False)
    assert proxy.score(genotypes("darts", 1)[0], task("cpu")).value == 1.0
    assert seen in (["ieee"], [False])


def test_memory_formats() -> None:
    last, plain = torch.channels_last, torch.contiguous_format
    assert layout("cpu") == last and layout("cpu", torch.float64) == plain
    assert layout("cuda:1") == plain and layout("cuda", autocast=True) == last
    (one,) = genotypes("darts", 1)
    for device in ("cpu", "cuda"):
        with card():
            weight = task(device).network(one).stem[0].weight
            images, _ = task(device).images_and_labels()
            assert images.is_contiguous(memory_format=layout(device))
            assert weight.is_contiguous(memory_format=layout(device))


@pytest.mark.parametrize(
    ("device", "cards", "workers", "share"),
    [("cpu", 1, 4, 4), ("cuda", 2, 2, 1), ("cuda", 2, 3, 2), ("cuda:1", 2, 3, 3), ("cuda", 4, 1, 1)],
)
def test_workers_on_one_card_share_its_memory(device: str, cards: int, workers: int, share: int) -> None:
    settings = SearchSettings(device=device, channels=4, layers=3, batch_networks=8, memory=0.8)
    with card(cards):
        from evonas.searching.resolve import resolve

        populations = task_of(resolve(settings), None, workers).populations
    assert populations is not None and populations.memory == pytest.approx(0.8 / share)


def test_a_named_card_is_the_only_one_that_is_touched() -> None:
    with card(2):
        assert devices.pick("cuda:1") == "cuda:1" and torch.cuda.current_device() == 1
        torch.cuda.set_device(0)
        worker.settle("cuda:1", 0)
        assert torch.cuda.current_device() == 1
        worker.settle("cuda", 2)
        assert torch.cuda.current_device() == 0


def test_a_card_that_is_named_after_another_one_is_selected(monkeypatch: pytest.MonkeyPatch) -> None:
    with card(2):
        for name, selected in (("cuda:1", 1), ("cuda:0", 0), ("cuda:1", 1), ("cuda", 1), ("cpu", 1)):
            assert devices.pick(name) == name and torch.cuda.current_device() == selected
        monkeypatch.setattr(
            torch.distributed, "is_initialized", lambda: True
        )  # by `parallel.joined`, for its card
        assert devices.pick("cuda:0") == "cuda:0" and torch.cuda.current_device() == 1


def test_the_first_card_is_not_opened_before_it_is_used() -> None:
    with card(2), pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(torch.cuda, "is_initialized", lambda: False)
        monkeypatch.setattr(torch.cuda, "set_device", lambda device: pytest.fail("opened"))
        assert devices.pick("cuda:0") == "cuda:0"  # as PyTorch selects it


@pytest.mark.parametrize(
    "text",
    [
        "CUDA error: out of memory",
        "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
        "cuDNN error: CUDNN_STATUS_ALLOC_FAILED",
        "DefaultCPUAllocator: can't allocate memory",
    ],
)
def test_exhaustion_is_known_by_its_texts(text: str) -> None:
    assert is_exhaustion(RuntimeError(text)) and not is_exhaustion(RuntimeError("CUDA error: launch failure"))
    assert is_exhaustion_of_card(RuntimeError(text)) != text.startswith("DefaultCPUAllocator")
    assert not is_too_large(RuntimeError(text)) and not is_exhaustion_of_card(MemoryError(text))


@pytest.mark.parametrize(
    "text",
    [
        "Expected canUse32BitIndexMath(input) && canUse32BitIndexMath(output) to be true, but got false.",
        "numel needs to be smaller than int32_t max; otherwise, please use packed_accessor64",
        "integer out of range",
        "input tensor must fit into 32-bit index math",
        "at::cuda::blas::gemm argument m must be non-negative and less than 2147483647 but got 3000000000",
    ],
)
def test_tensors_beyond_the_indices_of_kernels_are_known_by_their_texts(text: str) -> None:
    assert is_too_large(RuntimeError(text)) and not is_too_large(ValueError(text))
    assert not is_exhaustion(RuntimeError(text))
    expected = pytest.raises(EvonasError, match=r"tensors too large for a GPU while training .*; less")
    with expected, memory_reported("training", "less"):
        raise RuntimeError(text)

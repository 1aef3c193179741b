"""Cells by kernels of Triton, in Triton's interpreter, against the same cells by PyTorch."""

from __future__ import annotations

import dataclasses
import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import _disable_current_modes

from fitness import Populations, score_all
from fitness.population import kernels
from fitness.population.blocks import Around, Observer, Parameters
from fitness.population.cell import StageOutput
from fitness.population.comparing import Comparing
from fitness.population.forms import PlainForm
from fitness.population.joint import launches
from fitness.population.joint.cell import JointCellPass
from fitness.population.joint.fused_cell import FusedCellPass
from fitness.population.joint.fused_comparing import FusedComparing
from fitness.population.joint.index import joint_cells
from fitness.population.plan import Plan, plan
from fitness.population.weights import Weights
from spaces import NetworkSize, spaces
from tests.pretended import card
from tests.pretended.test_paths import batch, task
from tests.pretended.test_populations import genotypes

EVERY = (
    "Genotype(normal=[('sep_conv_3x3', 0), ('avg_pool_3x3', 1), ('sep_conv_7x7', 0), ('dil_conv_3x3', 1),"
    " ('max_pool_3x3', 2), ('skip_connect', 1), ('avg_pool_3x3', 3), ('max_pool_3x3', 0)],"
    " normal_concat=[2, 3, 4, 5], reduce=[('sep_conv_5x5', 0), ('dil_conv_5x5', 1), ('skip_connect', 0),"
    " ('avg_pool_3x3', 1), ('skip_connect', 2), ('max_pool_3x3', 0), ('max_pool_3x3', 2), ('max_pool_3x3', 1)],"
    " reduce_concat=[2, 3, 4, 5])"
)
PREFIX = "fitness.population.joint.triton_"
SIDE, IMAGES = 5, 2


@pytest.fixture
def interpreter(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Kernels run in Triton's interpreter."""
    pytest.importorskip("triton")
    monkeypatch.setenv("TRITON_INTERPRET", "1")
    monkeypatch.setattr(launches, "BLOCK", 64)
    forget()
    language = importlib.import_module("triton.language")  # its own functions are as they were imported, too
    combine = language.standard
    monkeypatch.setattr(language, "sum", lambda x, axis: language.reduce(x, axis, combine._sum_combine))
    monkeypatch.setattr(language, "max", lambda x, axis: language.reduce(x, axis, combine._elementwise_max))
    yield
    forget()


def forget() -> None:
    """A kernel is compiled or interpreted as it was when its module was imported."""
    for name in [name for name in sys.modules if name.startswith(PREFIX)]:
        del sys.modules[name]


def passed(of: Plan, number: int, kind: type[JointCellPass | FusedCellPass]) -> list[Tensor]:
    """The output of a cell, its logarithm, and all gradients."""
    generator = torch.Generator().manual_seed(0)

    def some(*shape: int) -> Tensor:
        return torch.rand(shape, generator=generator) - 0.5

    cell, index = of.cells[number], joint_cells(of, "cpu")[number]
    assert cell is not None and index is not None
    stacks = [some(*stack.shape) for stack in of.stacks]
    gradients = list(map(torch.zeros_like, stacks))
    stages = [(len(stage.networks), stage.channels, IMAGES, stage.side, stage.side) for stage in of.stages]
    logs = torch.zeros(of.networks, dtype=torch.float64)
    outputs = [StageOutput(some(*shape), logs, False) for shape in stages[: number + 1]]
    one: JointCellPass | FusedCellPass = kind(
        cell, index, Around(Parameters(stacks, gradients), PlainForm(), Observer(), keep=True)
    )
    value, log = one.forward(outputs)
    last = StageOutput(some(*value.shape), log, False)
    last.gradient, last.before_relu = some(*value.shape), kind is JointCellPass
    if last.before_relu:
        kernels.relu_backward_(last.gradient, last.positive)
    one.backward(last, outputs)
    one.around.parameters.add_images()
    read = [torch.where(one.positive > 0, one.gradient, 0) for one in outputs if one.gradient is not None]
    return [value, log, *read, *gradients]


@pytest.mark.parametrize(("number", "channels"), [(0, 1), (1, 2)], ids=["normal", "reduction"])
def test_a_cell_by_kernels_of_triton_equals_one_by_pytorch(
    number: int, channels: int, interpreter: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    darts = spaces["darts"]
    of = plan([darts.canonical(darts.parse(EVERY))], NetworkSize(channels, 3, image_size=SIDE))
    monkeypatch.setattr(kernels, "DEPTHWISE", None)  # of CUDA
    expected = passed(of, number, JointCellPass)
    assert sum(bool(other.any()) for other in expected) >= 7
    monkeypatch.setenv(launches.VARIABLE, "1")
    for found, other in zip(passed(of, number, FusedCellPass), expected, strict=True):
        torch.testing.assert_close(found, other, rtol=1e-5, atol=1e-6)


def test_comparisons_by_kernels_of_triton_equal_those_by_pytorch(interpreter: None) -> None:
    generator = torch.Generator().manual_seed(0)

    def some(*shapes: tuple[int, ...]) -> list[Tensor]:
        return [torch.rand(shape, generator=generator) - 0.5 for shape in shapes]

    shapes = (2, 3, 150), (3, 40, 30)  # two blocks of columns, and of numbers
    weights, *gradients = (some(*shapes) for _ in range(4))
    for stack in (weights, gradients[0]):
        stack[1][1] = 0  # a layer whose direction is not defined
    shares = [tuple(torch.rand(len(stack), 1, 1, generator=generator) for stack in weights) for _ in range(2)]
    u, v = some((1, 3, 2, 20, 20), (1, 3, 2, 20, 20))
    u[0, 0, :, 0] = 0

    def compared(by: Comparing) -> list[Tensor]:
        perturbed = by.perturbed(Weights(weights, weights[0]), gradients[0])
        found = [*perturbed, *by.weights(perturbed, weights), *by.gradients(gradients[1:], shares, gradients[0])]
        return [*found, by.stage(u, v), by.stage(u.mean((3, 4)), v.mean((3, 4)))]

    for found, other in zip(compared(FusedComparing()), compared(Comparing()), strict=True):
        torch.testing.assert_close(found, other, rtol=1e-5, atol=1e-6)


@pytest.mark.slow
def test_a_population_by_kernels_of_triton_has_the_scores_of_the_loop(
    interpreter: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    launch = launches.run

    def run(kernel: str, grid: tuple[int, ...], *arguments: Any) -> None:
        with torch._C.DisableTorchFunction(), _disable_current_modes():  # the interpreter uses PyTorch itself
            launch(kernel, grid, *arguments)

    given, names = genotypes()[:2], ["croze", "croze:P", "croze:G", "croze:Z", "synflow"]
    alone = dataclasses.replace(task("cpu"), batch=batch(2, 8), size=NetworkSize(2, 3, image_size=8))
    expected = [{name: score.value for name, score in one.items()} for one in score_all(given, names, alone)]
    monkeypatch.setenv(launches.VARIABLE, "1")
    monkeypatch.setattr(launches, "BLOCK", 1024)
    monkeypatch.setattr(launches, "run", run)
    with card():
        together = dataclasses.replace(alone, device="cuda", populations=Populations(len(given)))
        found = [{name: score.value for name, score in one.items()} for one in score_all(given, names, together)]
    for one, network in zip(found, expected, strict=True):
        assert one == pytest.approx(network, rel=1e-5, abs=0)


@pytest.mark.slow
@pytest.mark.parametrize("number", ["fp32", "fp64"])
@pytest.mark.parametrize("kernel", launches.MODULES)
def test_kernels_are_compiled_for_a_gpu(
    kernel: str, number: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    triton = pytest.importorskip("triton")
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    monkeypatch.delenv("TRITON_INTERPRET", raising=False)
    forget()
    module = importlib.import_module(f"{launches.__package__}.{launches.MODULES[kernel]}")
    found = getattr(module, kernel)
    kinds = {one: KINDS.get(one, f"*{number}") for one in found.arg_names}
    source = ASTSource(
        fn=found,
        signature=kinds,
        constexprs={name: CONSTANTS[name] for name in found.arg_names if name in CONSTANTS},
    )
    assert triton.compile(source, target=GPUTarget("cuda", 90, 32)).asm["cubin"]
    forget()


NUMBERS = [
    *("s0", "s1", "s2", "s3", "twice", "separable", "halved", "averaged", "C", "N", "H", "W", "H_out", "W_out"),
    *("stride", "blocks", "count", "entries", "split", "numbers", "states", "networks", "area", "parts"),
    *("outputs", "fan"),
]
CONSTANTS = {"BLOCK": launches.BLOCK, "BETA": 0.1, "MIXED": True}
KINDS = {
    **dict.fromkeys(NUMBERS, "i32"),
    **dict.fromkeys(("rows", "begins", "reach", "here", "there"), "*i64"),
    **dict.fromkeys(("growth", "log_first", "log_second", "logs", "sums"), "*fp64"),
    **dict.fromkeys(CONSTANTS, "constexpr"),
}

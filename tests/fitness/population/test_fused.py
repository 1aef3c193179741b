"""Cells by kernels of Triton, in Triton's interpreter, against the same cells by PyTorch."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor

from fitness.population import kernels
from fitness.population.blocks import Around, Observer, Parameters
from fitness.population.cell import CellPass, StageOutput
from fitness.population.forms import PlainForm
from fitness.population.joint.cell import JointCellPass
from fitness.population.joint.fused_cell import FusedCellPass
from fitness.population.joint.index import joint_cells
from fitness.population.joint.launches import BLOCK
from fitness.population.plan import Plan, plan
from spaces import NetworkSize, spaces

PREFIX = "fitness.population.joint.triton_"
EVERY = (
    "Genotype(normal=[('sep_conv_3x3', 0), ('sep_conv_5x5', 1), ('sep_conv_7x7', 0), ('dil_conv_3x3', 1),"
    " ('dil_conv_5x5', 2), ('skip_connect', 1), ('avg_pool_3x3', 3), ('max_pool_3x3', 0)],"
    " normal_concat=[2, 3, 4, 5], reduce=[('sep_conv_3x3', 0), ('dil_conv_5x5', 1), ('skip_connect', 0),"
    " ('avg_pool_3x3', 1), ('skip_connect', 2), ('max_pool_3x3', 0), ('dil_conv_3x3', 2), ('max_pool_3x3', 1)],"
    " reduce_concat=[2, 3, 4, 5])"
)
SIDE, IMAGES = 5, 2


@pytest.fixture
def interpreter(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Kernels run in Triton's interpreter."""
    pytest.importorskip("triton")
    monkeypatch.setenv("TRITON_INTERPRET", "1")
    _forget()
    language = importlib.import_module("triton.language")  # its own functions are as they were imported, too
    monkeypatch.setattr(language, "sum", lambda x, axis: language.reduce(x, axis, language.standard._sum_combine))
    yield
    _forget()


def _forget() -> None:
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
    one: CellPass = kind(cell, index, Around(Parameters(stacks, gradients), PlainForm(), Observer(), keep=True))
    value, log = one.forward(outputs)
    one.backward(some(*value.shape), outputs)
    one.around.parameters.add_images()
    read = [output.gradient for output in outputs if output.gradient is not None]
    return [value, log, *read, *gradients]


@pytest.mark.parametrize(("number", "channels"), [(0, 1), (1, 2)], ids=["normal", "reduction"])
def test_a_cell_by_kernels_of_triton_equals_one_by_pytorch(
    number: int, channels: int, interpreter: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    darts = spaces["darts"]
    of = plan([darts.canonical(darts.parse(EVERY))], NetworkSize(channels, 3, image_size=SIDE))
    monkeypatch.setattr(kernels, "DEPTHWISE", None)  # of CUDA
    expected = passed(of, number, JointCellPass)
    assert sum(bool(other.any()) for other in expected) >= 8
    for found, other in zip(passed(of, number, FusedCellPass), expected, strict=True):
        torch.testing.assert_close(found, other, rtol=1e-5, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("number", ["fp32", "fp64"])
@pytest.mark.parametrize("kernel", ["sums.sums_of_rows", "edges.forward", "edges.backward"])
def test_kernels_are_compiled_for_a_gpu(
    kernel: str, number: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    triton = pytest.importorskip("triton")
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    monkeypatch.delenv("TRITON_INTERPRET", raising=False)
    _forget()
    module, name = kernel.split(".")
    found = getattr(importlib.import_module(PREFIX + module), name)
    kinds = {one: _kind(one, number) for one in found.arg_names}
    source = ASTSource(fn=found, signature=kinds, constexprs={"BLOCK": BLOCK})
    assert triton.compile(source, target=GPUTarget("cuda", 90, 32)).asm["cubin"]
    _forget()


def _kind(argument: str, number: str) -> str:
    """Triton's name of the type of an argument."""
    if argument == "BLOCK":
        return "constexpr"
    if argument in ("rows", "begins"):
        return "*i64"
    numbers = (
        "sums",
        "entries",
        "split",
        "numbers",
        "twice",
        "separable",
        "halved",
        "averaged",
        "blocks",
        "stride",
    )
    return "i32" if argument in numbers or argument[0] in "CNHWs" else f"*{number}"

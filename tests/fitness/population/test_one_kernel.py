"""The depthwise convolutions of a wave in one kernel, in Triton's interpreter, against one after the other."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from fitness.population import kernels
from fitness.population.blocks import Around, Observer, Parameters
from fitness.population.forms import PlainForm
from fitness.population.joint import one_kernel
from fitness.population.joint.bundle import JointBundle, Rooms
from fitness.population.plan import PlacedCell, plan
from fitness.population.waves import CONVOLUTIONS, Bundle
from spaces import NetworkSize, spaces

MODULE = "fitness.population.joint.triton_depthwise"
EVERY = (
    "Genotype(normal=[('sep_conv_3x3', 0), ('sep_conv_5x5', 1), ('sep_conv_7x7', 0), ('dil_conv_3x3', 1),"
    " ('dil_conv_5x5', 0), ('skip_connect', 1), ('sep_conv_3x3', 1), ('max_pool_3x3', 0)],"
    " normal_concat=[2, 3, 4, 5], reduce=[('sep_conv_3x3', 0), ('dil_conv_5x5', 1), ('skip_connect', 2),"
    " ('sep_conv_3x3', 0), ('skip_connect', 2), ('max_pool_3x3', 0), ('skip_connect', 2), ('max_pool_3x3', 1)],"
    " reduce_concat=[2, 3, 4, 5])"
)
SIDE, IMAGES = 5, 1


@pytest.fixture
def interpreter(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel runs in Triton's interpreter."""
    pytest.importorskip("triton")
    monkeypatch.setenv("TRITON_INTERPRET", "1")
    monkeypatch.delitem(sys.modules, MODULE, raising=False)
    importlib.import_module(MODULE)
    yield  # type: ignore[misc]
    sys.modules.pop(MODULE, None)


def passed(bundle: Bundle, cell: PlacedCell, stacks: list[torch.Tensor]) -> list[torch.Tensor]:
    """What a bundle's separable convolutions write forwards and backwards."""
    generator = torch.Generator().manual_seed(1)
    form = PlainForm(nonnegative=False)
    parameters = Parameters(stacks, [torch.zeros_like(stack) for stack in stacks])
    joint = JointBundle(bundle, cell, Around(parameters, form, Observer(), keep=True))
    twice, every, _ = joint.edges()
    after = -(-SIDE // bundle.stride)

    def room(edges: int, side: int = after) -> torch.Tensor:
        return torch.rand(edges, cell.channels, IMAGES, side, side, generator=generator)

    x, y = (room(every, SIDE) - 0.5).relu(), room(every)
    rooms = Rooms(room(twice), room(twice), room(every), torch.empty(0))
    joint._convolve(x, y, rooms)
    out = torch.zeros_like(x)
    joint._convolve_backward(room(every) - 0.5, x, rooms, out)
    return [rooms.before, rooms.between, rooms.after, y, out]


@pytest.mark.parametrize("reduction", [False, True])
def test_one_kernel_computes_all_depthwise_convolutions_of_a_wave(
    reduction: bool, interpreter: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    darts = spaces["darts"]
    of = plan([darts.canonical(darts.parse(EVERY))], NetworkSize(2, 3, image_size=SIDE))
    cell = next(one for one in of.cells if one is not None and one.waves.reduction == reduction)
    bundle = max((one for wave in cell.waves.waves for one in wave.bundles), key=lambda one: len(one.groups))
    operations = {group.operation for group in bundle.groups}
    assert bundle.stride == 1 + reduction and (reduction or operations >= {*CONVOLUTIONS})
    generator = torch.Generator().manual_seed(0)
    stacks = [torch.rand(stack.shape, generator=generator) - 0.5 for stack in of.stacks]
    monkeypatch.setattr(kernels, "DEPTHWISE", None)  # of CUDA
    launches: list[Any] = []
    launch = one_kernel.depthwise_rows
    monkeypatch.setattr(one_kernel, "depthwise_rows", lambda *a, **k: launches.append(launch(*a, **k)))
    expected = passed(bundle, cell, stacks)
    assert not launches
    monkeypatch.setenv(one_kernel.VARIABLE, "1")
    for found, other in zip(passed(bundle, cell, stacks), expected, strict=True):
        torch.testing.assert_close(found, other, rtol=1e-5, atol=1e-6)
    assert len(launches) == (3 if reduction else 5)  # forwards three, backwards only at stride 1


@pytest.mark.slow
@pytest.mark.parametrize("number", ["fp32", "fp64"])
def test_the_kernel_is_compiled_for_a_gpu(number: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    triton = pytest.importorskip("triton")
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    monkeypatch.delenv("TRITON_INTERPRET", raising=False)
    monkeypatch.delitem(sys.modules, MODULE, raising=False)
    kernel = importlib.import_module(MODULE).depthwise
    pointers, constants = ("x", "y", "w3", "w5", "w7"), {"TURNED": True, "PIXELS": one_kernel.PIXELS}
    kinds = {name: f"*{number}" if name in pointers else "i32" for name in kernel.arg_names}
    source = ASTSource(fn=kernel, signature=kinds | dict.fromkeys(constants, "constexpr"), constexprs=constants)
    assert triton.compile(source, target=GPUTarget("cuda", 90, 32)).asm["cubin"]

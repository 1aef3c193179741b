"""What a pass of a population asks of a GPU, counted on tensors without values: calls, bytes, memory.

FakeTensors on ``cuda`` need no GPU and take the paths of one. They count what Python sees: an operation that
launches several kernels is one call, and memory inside an operation is not seen.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from unittest import mock

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from fitness.population import croze, kernels
from fitness.population.joint import launches
from fitness.population.plan import Plan
from fitness.population.weights import Weights
from tests.fitness.population.peak import Peak

VIEWS = ("aten.view.", "aten._unsafe_view.", "aten.detach.", "aten.alias.", "aten.expand.")
ALLOCATIONS = ("aten.empty", "aten.new_empty")
READS_TWICE = (
    "aten.index_select.",
    "aten.index.Tensor",
    "aten._embedding_bag_forward_only.",
)  # only the named rows


class Calls(TorchDispatchMode):
    """Counts calls without views by operation, and the bytes that they read and write."""

    def __init__(self) -> None:
        super().__init__()
        self.by_name: Counter[str] = Counter()
        self.bytes = 0

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result, name = function(*args, **(kwargs or {})), str(function)
        if name.startswith(("prim.", *VIEWS)) or function.is_view:
            return result
        self.by_name[name] += 1
        if name.startswith(ALLOCATIONS):
            return result
        if name.startswith("aten.index_put_."):
            self.bytes += 3 * _bytes(args[2])
        elif name.startswith("aten._embedding_bag_forward_only."):
            row = args[0].shape[1] * args[0].element_size()
            self.bytes += row * (len(args[1]) + len(args[2]))
        elif name.startswith(READS_TWICE):
            self.bytes += 2 * _bytes(result)
        else:
            leaves = {id(leaf): leaf for leaf in tree_leaves((args, kwargs, result)) if isinstance(leaf, Tensor)}
            self.bytes += sum(map(_bytes, leaves.values()))
        return result

    def launch(self, kernel: str, grid: Any, *arguments: Any) -> None:
        """Counts a kernel of Triton in place of launching it."""
        self.by_name[f"triton.{kernel}"] += 1
        tensors = [one for one in arguments if isinstance(one, Tensor)]
        assert all(one.is_contiguous() for one in tensors)
        if kernel == "sums_of_rows":
            x, rows, *_, y, rest = tensors
            row = x[0].numel() * x.element_size()
            self.bytes += row * (len(rows) + len(y) + len(rest))
        else:
            self.bytes += sum(map(_bytes, tensors))


def _bytes(tensor: Tensor) -> int:
    return tensor.numel() * tensor.element_size()


@dataclass(frozen=True)
class Counted:
    """What one population asked for."""

    by_name: Counter[str]
    bytes: int
    peak: int  # bytes of all tensors that were there at once, weights included

    @property
    def calls(self) -> int:
        """All calls without views."""
        return sum(self.by_name.values())


def counted(plan: Plan, images: int) -> Counted:
    """CRoZe of a population, from weights and images on the device to the last number before the transfer."""
    side = plan.size.image_size
    with FakeTensorMode(), _without_values():
        weights = Weights(
            [torch.empty(stack.shape, device="cuda") for stack in plan.stacks],
            torch.empty(plan.networks, plan.size.classes, device="cuda"),
        )
        batch = torch.empty(images, 3, side, side, device="cuda")
        labels = torch.zeros(images, dtype=torch.int64, device="cuda")
        with torch.no_grad(), Peak() as peak, Calls() as calls, mock.patch.object(launches, "run", calls.launch):
            croze.croze_layers(plan, weights, batch, labels, "cuda")
    given = sum(map(_bytes, weights.stacks))
    return Counted(calls.by_name, calls.bytes, peak.peak + given)


KERNELS = torch.library.Library("aten", "IMPL", "Meta")  # for what only CUDA has
if kernels.DEPTHWISE is not None:
    KERNELS.impl("_conv_depthwise2d.out", lambda *_, out: out)


@contextmanager
def _without_values() -> Iterator[None]:
    """Leaves out what FakeTensors do not know: pinned memory, and the final numbers."""

    def same(tensor: Tensor) -> Tensor:
        return tensor

    nothing: Callable[..., list[Any]] = lambda *_: []  # noqa: E731
    with mock.patch.object(Tensor, "pin_memory", same), mock.patch.object(croze, "_terms", nothing):
        yield

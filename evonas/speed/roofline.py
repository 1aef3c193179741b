"""The limits of a device: how fast it moves bytes, and how fast it multiplies."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry

from evonas.speed.clock import alternate
from fitness import base
from fitness.precision import full_precision

COPIED = {"cpu": 2**28, "cuda": 2**31}  # bytes, far beyond any cache
WIDTH = {"cpu": 1024, "cuda": 8192}  # of the square matrices
CALLS = 5  # the best of so many counts


class Roofline(NamedTuple):
    """The speed of a device on a copy and on products of matrices, in float32 without TF32 and in bfloat16."""

    bytes_per_second: float  # read and written
    flops_per_second: float
    bfloat16_flops_per_second: float | None = None  # on a GPU

    def seconds(self, work: Work, bfloat16: bool = False) -> float:
        """The minimum time for ``work``: that of its bytes or of its arithmetic, whichever is longer."""
        flops_per_second = (self.bfloat16_flops_per_second if bfloat16 else None) or self.flops_per_second
        return max(work.bytes / self.bytes_per_second, work.flops / flops_per_second)


class Work(NamedTuple):
    """The work of a computation."""

    bytes: int  # read and written by its operations, each on its own
    flops: int  # of its convolutions and matrix products


def roofline(device: str, threads: int = 1) -> Roofline:
    """Measure the limits of ``device``; on a CPU with ``threads`` threads, as many as a score uses."""
    kind = "cuda" if device.startswith("cuda") else "cpu"
    with base.threads(threads), full_precision():
        source = torch.ones(COPIED[kind] // 4, device=device)
        target = torch.empty_like(source)
        calls = [lambda: target.copy_(source), _product(device, torch.float32)]
        if kind == "cuda":
            calls.append(_product(device, torch.bfloat16))
        alternate(calls, 1, device)  # pages touched, kernels chosen
        copy, *products = (min(timing.seconds) for timing in alternate(calls, CALLS, device))
    return Roofline(2 * COPIED[kind] / copy, *(2 * WIDTH[kind] ** 3 / seconds for seconds in products))


def _product(device: str, dtype: torch.dtype) -> Callable[[], torch.Tensor]:
    width = WIDTH["cuda" if device.startswith("cuda") else "cpu"]
    a = torch.ones(width, width, device=device, dtype=dtype)
    product = torch.empty_like(a)
    return lambda: torch.mm(a, a, out=product)


def _backward(
    grad: torch.Tensor,
    x: torch.Tensor,
    weight: torch.Tensor,
    bias_sizes: Any,
    stride: Any,
    padding: Any,
    dilation: Any,
    transposed: bool,
    output_padding: Any,
    groups: int,
    wanted: tuple[bool, ...],
) -> int:
    """FLOPs of a convolution's gradients: each of x and of the weight costs what the forward pass does.

    PyTorch's count ignores groups in the gradient of the weight: C times too much for depthwise convolutions.
    """
    return sum(wanted[:2]) * 2 * (x if transposed else grad).numel() * weight[0].numel()


class Counter(TorchDispatchMode):
    """Adds up what every operation does: the bytes it reads and writes (a view moves none) and its arithmetic."""

    def __init__(self) -> None:
        super().__init__()
        self.bytes = self.flops = self.calls = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if not func.is_view:
            self.calls += 1
            tensors = [leaf for leaf in tree_leaves((args, kwargs, result)) if isinstance(leaf, torch.Tensor)]
            self.bytes += sum(tensor.numel() * tensor.element_size() for tensor in tensors)
        if func.overloadpacket is torch.ops.aten.convolution_backward:
            self.flops += _backward(*args, **(kwargs or {}))
        elif func.overloadpacket in flop_registry:
            self.flops += flop_registry[func.overloadpacket](*args, **(kwargs or {}), out_val=result)
        return result


@contextlib.contextmanager
def counted() -> Iterator[list[Work]]:
    """The work done within the block, appended to the list when it ends."""
    found: list[Work] = []
    with Counter() as counter:
        yield found
    found.append(Work(counter.bytes, counter.flops))

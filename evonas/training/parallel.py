"""Distributed training, started by ``torchrun``; in a single process everything here is a no-op."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from spaces.errors import EvonasError, UsageError, shorten


@dataclass(frozen=True)
class Group:
    """The processes of one training; each takes every ``world``-th image of a batch."""

    rank: int = 0
    world: int = 1

    @property
    def leads(self) -> bool:
        """Whether this process writes files and messages."""
        return self.rank == 0

    @property
    def share(self) -> slice:
        """The positions of a batch that belong to this process."""
        return slice(self.rank, None, self.world)

    def wrapped(self, model: nn.Module, device: str) -> nn.Module:
        """The model with gradients averaged over all processes."""
        if self.world == 1:
            return model
        index = [torch.device(device).index or 0] if device.startswith("cuda") else None
        return nn.parallel.DistributedDataParallel(model, device_ids=index)

    def total(self, values: Tensor) -> Tensor:
        """The sum over all processes, of any shape, in place."""
        if self.world > 1:
            dist.all_reduce(values)
        return values

    def agreed(self, value: Any) -> Any:
        """The value of the leading process."""
        if self.world == 1:
            return value
        box = [value]
        dist.broadcast_object_list(box, src=0)
        return box[0]


def alone() -> bool:
    """Whether this is the only process of the training."""
    return _number("WORLD_SIZE", 1) == 1


def _number(name: str, default: int | None) -> int:
    text = os.environ.get(name, default)
    try:
        found = int(text)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        found = -1
    if not 0 <= found < 2**31:
        raise UsageError(
            f"the environment variable {name} must be a number, as set by torchrun, not {shorten(str(text))}"
        )
    return found


@contextmanager
def joined(device: str) -> Iterator[tuple[Group, str]]:
    """The group that ``torchrun`` describes in the environment, and this process's device in it."""
    world = _number("WORLD_SIZE", 1)
    if world == 1:
        yield Group(), device
        return
    rank, local = _number("RANK", None), _number("LOCAL_RANK", 0)
    if device.startswith("cuda"):
        if local >= torch.cuda.device_count():
            raise EvonasError(
                f"process {local} of this machine has no GPU; the machine has {torch.cuda.device_count()}"
            )
        device = f"cuda:{local}"
        torch.cuda.set_device(device)
    dist.init_process_group("nccl" if device.startswith("cuda") else "gloo")
    try:
        yield Group(rank, world), device
    finally:
        dist.destroy_process_group()

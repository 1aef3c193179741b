"""The peak of the memory that tensors hold, counted operation by operation."""

from __future__ import annotations

import weakref
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class Peak(TorchDispatchMode):
    """Bytes of all storages that came into being inside; ``peak`` is the most there were at once.

    Sees what Python holds: not the scratch memory inside one operation.
    """

    def __init__(self) -> None:
        super().__init__()
        self.bytes = self.peak = 0
        self._holders: dict[int, int] = {}  # how many tensors share a storage

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        known = {id(leaf) for leaf in tree_leaves((args, kwargs))}
        inputs = {
            leaf.untyped_storage()._cdata for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, torch.Tensor)
        }
        for leaf in tree_leaves(result):
            if isinstance(leaf, torch.Tensor) and id(leaf) not in known:
                self._enter(leaf, inputs)
        self.peak = max(self.peak, self.bytes)
        return result

    def _enter(self, tensor: torch.Tensor, inputs: set[int]) -> None:
        storage = tensor.untyped_storage()
        key, size = storage._cdata, storage.nbytes()
        if key not in self._holders:
            if key in inputs:
                return  # a view of something from outside
            self.bytes += size
            self._holders[key] = 0
        self._holders[key] += 1
        weakref.finalize(tensor, self._leave, key, size)

    def _leave(self, key: int, size: int) -> None:
        self._holders[key] -= 1
        if not self._holders[key]:
            del self._holders[key]
            self.bytes -= size

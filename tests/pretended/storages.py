"""Which storage would be on which card."""

from __future__ import annotations

import weakref
from typing import Any

import torch
from torch import Tensor

CPU = None  # the place of a tensor that is on no card; a card is its number
Place = int | None


class Storages:
    """Places by storage. ``open`` storages were made by autograd itself, on whichever device is needed.

    Pinned ones are memory of the host that a card reads without waiting.
    """

    def __init__(self) -> None:
        self._cards: dict[int, tuple[Any, int]] = {}
        self._open: dict[int, Any] = {}
        self._pinned: dict[int, Any] = {}

    def of(self, tensor: Tensor) -> Place:
        """The card of ``tensor``; None: the CPU."""
        found = self._cards.get(_address(tensor))
        return None if found is None else found[1]

    def put(self, tensor: Tensor, place: Place) -> Tensor:
        """``tensor``, which is now at ``place``."""
        storage = _storage(tensor)
        key = storage._cdata
        self._open.pop(key, None)
        if place is None:
            self._cards.pop(key, None)
        else:
            self._cards[key] = weakref.ref(storage, lambda _: self._cards.pop(key, None)), place
        return tensor

    def leave_open(self, tensor: Tensor) -> None:
        """The first operation with a tensor of a card decides."""
        storage = _storage(tensor)
        key = storage._cdata
        self._open[key] = weakref.ref(storage, lambda _: self._open.pop(key, None))

    def is_open(self, tensor: Tensor) -> bool:
        """Whether its place is not decided yet."""
        return _address(tensor) in self._open

    def pin(self, tensor: Tensor) -> Tensor:
        """``tensor``, which is now pinned."""
        storage = _storage(tensor)
        key = storage._cdata
        self._pinned[key] = weakref.ref(storage, lambda _: self._pinned.pop(key, None))
        return tensor

    def is_pinned(self, tensor: Tensor) -> bool:
        """Whether a card reads it without waiting."""
        return _address(tensor) in self._pinned


def _storage(tensor: Tensor) -> Any:
    with torch._C.DisableTorchFunction():
        return tensor.untyped_storage()


def _address(tensor: Tensor) -> int:
    return int(_storage(tensor)._cdata)

"""Below autograd: every operation, with the devices of what it reads and writes."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from tests.pretended.kernels import EMULATED
from tests.pretended.log import Log, place
from tests.pretended.storages import Place, Storages

WAITING = frozenset(  # operations whose result the host needs to continue
    f"aten.{name}"
    for name in (
        *("_local_scalar_dense.default", "item.default", "is_nonzero.default", "equal.default"),
        *("nonzero.default", "masked_select.default", "bincount.default", "repeat_interleave.Tensor"),
        *("_unique2.default", "unique_dim.default", "unique_consecutive.default"),
    )
)
BETWEEN = ("aten.copy_.default", "aten._to_copy.default", "aten.set_.source_Storage")  # devices may differ
INDEXING = ("aten.index.", "aten.index_put.", "aten.index_put_.", "aten._index_put_impl_.")


class Below(TorchDispatchMode):
    """Refuses what CUDA refuses. ``made`` is the place of new tensors within a call that names a device."""

    def __init__(self, log: Log, storages: Storages, made: list[Place]) -> None:
        super().__init__()
        self.log, self.storages, self.made = log, storages, made

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Nothing is compiled here, and a wrapper that says so takes a tenth of the time."""
        return False

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs, name = kwargs or {}, str(function)
        inputs = _tensors((args, kwargs))
        known = {id(tensor) for tensor in inputs}
        cards = {card for tensor in inputs if (card := self.storages.of(tensor)) is not None}
        if cards and name not in BETWEEN:
            self._check(name, function, inputs, args, kwargs, cards)
        if cards:
            (card, *_) = cards
            for tensor in inputs:
                if self.storages.is_open(tensor):
                    self.storages.put(tensor, card)
            self._note(name, function, args)
        if name == "aten.copy_.default" and self.storages.of(args[0]) != self.storages.of(args[1]):
            without = bool(args[2]) if len(args) > 2 else bool(kwargs.get("non_blocking"))
            self._transferred(args[0], without and self.storages.is_pinned(args[1]))
        out = EMULATED.get(name, function)(*args, **kwargs)
        if name in BETWEEN and name != "aten._to_copy.default":
            return out  # the target stays where it is
        where = self.made[-1] if self.made else (next(iter(cards)) if cards else None)
        for tensor in _tensors(out):
            if id(tensor) in known or _views(function, tensor, inputs):
                continue
            self.storages.put(tensor, where)
            if not self.made and not inputs:
                self.storages.leave_open(tensor)
        return out

    def _check(
        self, name: str, function: Any, inputs: list[Tensor], args: Any, kwargs: Any, cards: set[int]
    ) -> None:
        elsewhere = [one for one in inputs if self.storages.of(one) is None and not self.storages.is_open(one)]
        mixed = [tensor for tensor in elsewhere if tensor.dim() > 0]  # a number on the CPU may take part
        if name.startswith(INDEXING):  # indices on the CPU are allowed, and uploaded
            values = [one for one in (args[0], *args[2:3]) if isinstance(one, Tensor)]
            bad = [one for one in values if self.storages.of(one) is None and one.dim() > 0]
            if mixed and not bad:
                self.log.uploads[f"{place()} [indices]"] += 1
            mixed = bad
        elif function._schema.is_mutable and isinstance(args[0], Tensor) and self.storages.of(args[0]) is None:
            mixed = elsewhere
        if mixed or len(cards) > 1:
            names = [f"cuda:{card}" for card in sorted(cards)] + ["cpu"] * bool(mixed)
            raise RuntimeError(
                "Expected all tensors to be on the same device, but found at least two devices, "
                f"{' and '.join(names[:2])}! ({name} at {place()})"
            )
        generator = kwargs.get("generator")
        if generator is not None:
            refuse_generator(generator, name)

    def _note(self, name: str, function: Any, args: Any) -> None:
        if not function.is_view:
            self.log.calls += 1
        masked = name.startswith(INDEXING) and any(
            one.dtype in (torch.bool, torch.uint8) for one in _tensors(args[1])
        )
        if name in WAITING or masked:
            self.log.waits[f"{place()} [{name.removeprefix('aten.')}]"] += 1

    def _transferred(self, target: Tensor, without_waiting: bool) -> None:
        if self.storages.is_open(target):
            return
        if self.storages.of(target) is None:
            self.log.waits[f"{place()} [copy to the host]"] += 1
        elif not without_waiting:
            self.log.uploads[place()] += 1


def refuse_generator(generator: torch.Generator, name: str) -> None:
    """No pretended generator is on a card: all are on the CPU."""
    if generator.device.type == "cpu":
        raise RuntimeError(f"Expected a 'cuda' device type for generator but found 'cpu' ({name} at {place()})")


def _tensors(tree: Any) -> list[Tensor]:
    """The tensors in arguments or results, which are nested tuples, lists and dicts."""
    if isinstance(tree, Tensor):
        return [] if tree.is_meta else [tree]
    parts = tree.values() if isinstance(tree, dict) else tree if isinstance(tree, tuple | list) else ()
    return [tensor for part in parts for tensor in _tensors(part)]


def _views(function: Any, tensor: Tensor, inputs: list[Tensor]) -> bool:
    """Whether ``tensor`` shares its storage with an input, and so its place."""
    with torch._C.DisableTorchFunction():
        mine = tensor.untyped_storage()._cdata
        return any(one.untyped_storage()._cdata == mine for one in inputs)

"""Above autograd: devices by their names, in calls of Python."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from tests.pretended.below import refuse_generator
from tests.pretended.log import Log, place
from tests.pretended.storages import Place, Storages

MAKING = (  # tensors from nothing
    *(torch.empty, torch.zeros, torch.ones, torch.full, torch.arange, torch.rand, torch.randn, torch.randint),
    *(torch.randperm, torch.eye, torch.linspace, torch.empty_strided, torch.scalar_tensor),
)
READING = (torch.tensor, torch.as_tensor, torch.from_numpy, torch.frombuffer, torch.asarray)  # from the host
DESCRIPTORS = {Tensor.device: "device", Tensor.is_cuda: "is_cuda", Tensor.is_cpu: "is_cpu"}


class Above(TorchFunctionMode):
    """Answers ``device=``, ``to``, ``cuda``, ``cpu``, ``device``, ``is_cuda``, ``numpy`` and ``tolist``."""

    def __init__(self, log: Log, storages: Storages, made: list[Place]) -> None:
        super().__init__()
        self.log, self.storages, self.made = log, storages, made

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        pinned = kwargs.pop("pin_memory", False)
        owner = getattr(function, "__self__", None)
        if getattr(function, "__name__", "") == "__get__" and owner in DESCRIPTORS:
            return self._described(DESCRIPTORS[owner], function, args[0])
        if function is Tensor.pin_memory:
            return self._pinned(args[0])
        if function is Tensor.is_pinned:
            return self.storages.is_pinned(args[0])
        if function in (Tensor.numpy, Tensor.__array__) and self.storages.of(args[0]) is not None:
            raise TypeError(f"can't convert cuda:0 device type tensor to numpy. Use Tensor.cpu() ({place()})")
        if function is Tensor.tolist and self.storages.of(args[0]) is not None:
            self.log.waits[f"{place()} [tolist]"] += 1
            with self._making(None):
                return function(self.storages.put(args[0].detach().clone(), None))
        if function is Tensor.cuda:
            return self._moved(args[0], 0, {})
        if function is Tensor.cpu:
            return self._moved(args[0], None, {})
        if function is Tensor.to:
            return self._to(args, kwargs)
        if kwargs.get("device") is not None:
            return self._on(function, args, kwargs)
        if function in MAKING or function in READING:
            out = self._on_the_host(function, args, kwargs)
            return self.storages.pin(out) if pinned else out
        if function is Tensor.__deepcopy__:
            return self.storages.put(function(*args, **kwargs), self.storages.of(args[0]))
        if function is Tensor.new_tensor and self.storages.of(args[0]) is not None:
            self.log.uploads[place()] += 1
            return self.storages.put(function(*args, **kwargs), self.storages.of(args[0]))
        return function(*args, **kwargs)

    def _described(self, name: str, function: Any, tensor: Tensor) -> Any:
        real = function(tensor)
        card = None if (real.type == "meta" if name == "device" else tensor.is_meta) else self.storages.of(tensor)
        if name == "device":
            return real if card is None else torch.device("cuda", card)
        return card is not None if name == "is_cuda" else bool(real) and card is None

    def _on(self, function: Any, args: Any, kwargs: dict[str, Any]) -> Any:
        """A call that names a device."""
        device = as_device(kwargs["device"])
        if device.type not in ("cpu", "cuda"):
            return function(*args, **kwargs)
        where = card_of(device)
        if where is not None and kwargs.get("generator") is not None:
            refuse_generator(kwargs["generator"], getattr(function, "__name__", ""))
        kwargs["device"] = torch.device("cpu")
        with self._making(where):
            out = function(*args, **kwargs)
            if not isinstance(out, Tensor):
                return out
            if function in READING:
                came = self.storages.of(args[0]) if isinstance(args[0], Tensor) else None
                if came == where and isinstance(args[0], Tensor):
                    return out
                if where is not None:
                    self.log.uploads[place()] += 1
                elif came is not None:
                    self.log.waits[f"{place()} [to cpu]"] += 1
                if function is not torch.tensor and where != came:
                    out = out.clone()  # else the storage would be that of the source
        return self.storages.put(out, where)

    def _on_the_host(self, function: Any, args: Any, kwargs: dict[str, Any]) -> Any:
        """A tensor that is made without the name of a device."""
        if function in READING and args and isinstance(args[0], Tensor):
            return function(*args, **kwargs)
        with self._making(None):
            out = function(*args, **kwargs)
        return self.storages.put(out, None) if isinstance(out, Tensor) and out.device.type == "cpu" else out

    def _to(self, args: Any, kwargs: dict[str, Any]) -> Any:
        tensor, rest = args[0], list(args[1:])
        like = kwargs.pop("other", None)
        device = kwargs.pop("device", None)
        for one in rest:
            if isinstance(one, Tensor):
                like = one
            elif isinstance(one, str | torch.device) or type(one) is int:
                device = one
        if like is not None:
            kwargs["dtype"] = like.dtype
            place_of = self.storages.of(like)
        else:
            place_of = None if device is None else card_of(as_device(device))
        types = [one for one in rest if isinstance(one, torch.dtype)]
        if types:
            kwargs["dtype"] = types[0]
        flags = [one for one in rest if isinstance(one, bool)]
        kwargs |= dict(zip(("non_blocking", "copy"), flags, strict=False))
        named = as_device(device) if device is not None else None
        if named is not None and named.type not in ("cpu", "cuda"):
            return Tensor.to(tensor, device=named, **kwargs)
        if tensor.is_meta or (like is None and device is None):
            return Tensor.to(tensor, **kwargs) if named is None else Tensor.to(tensor, device="cpu", **kwargs)
        return self._moved(tensor, place_of, kwargs)

    def _pinned(self, tensor: Tensor) -> Tensor:
        if self.storages.of(tensor) is not None:
            raise RuntimeError(f"cannot pin a CUDA tensor: only dense CPU tensors can be pinned ({place()})")
        if self.storages.is_pinned(tensor):
            return tensor
        with self._making(None):
            return self.storages.pin(tensor.detach().clone())

    def _moved(self, tensor: Tensor, where: Place, kwargs: dict[str, Any]) -> Tensor:
        without_waiting = kwargs.pop("non_blocking", False)
        came = self.storages.of(tensor)
        if came == where:
            return Tensor.to(tensor, **kwargs) if kwargs else tensor
        if came is not None:
            self.log.waits[f"{place()} [to {'cpu' if where is None else 'another card'}]"] += 1
        elif not (without_waiting and self.storages.is_pinned(tensor)):
            self.log.uploads[place()] += 1
        kwargs = {"dtype": tensor.dtype, **kwargs, "copy": True}
        with self._making(where):
            return self.storages.put(Tensor.to(tensor, **kwargs), where)

    def _making(self, where: Place) -> Making:
        return Making(self.made, where)


class Making:
    """Within the block, new tensors are at a place."""

    def __init__(self, made: list[Place], where: Place) -> None:
        self.made, self.where = made, where

    def __enter__(self) -> None:
        self.made.append(self.where)

    def __exit__(self, *_: object) -> None:
        self.made.pop()


def as_device(value: Any) -> torch.device:
    """A device by its name or number."""
    return torch.device("cuda", value) if type(value) is int else torch.device(value)


def card_of(device: torch.device) -> Place:
    """The number of a card, without one that which is chosen; None for the CPU."""
    if device.type != "cuda":
        return None
    return torch.cuda.current_device() if device.index is None else device.index

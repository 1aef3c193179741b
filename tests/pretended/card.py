"""Cards that do not exist."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

import torch

from tests.device import REAL
from tests.pretended.above import Above
from tests.pretended.below import Below
from tests.pretended.log import Log, place
from tests.pretended.storages import Place, Storages

MEMORY = 80 << 30  # bytes of a card
STORAGES = Storages()  # of all blocks: what one of them keeps is on its card in the next


@contextmanager
def card(count: int = 1, memory: int = MEMORY) -> Iterator[Log]:
    """Within the block there are ``count`` cards of ``memory`` bytes; yields what happens on them.

    With ``EVONAS_TEST_DEVICE=cuda`` the true GPU takes their place.
    """
    if REAL:
        yield Log(pretended=False)
        return
    log, made = Log(), list[Place]()
    with ExitStack() as stack:
        for owner, name, value in _patches(log, count, memory):
            stack.enter_context(mock.patch.object(owner, name, value))
        stack.enter_context(Below(log, STORAGES, made))
        stack.enter_context(Above(log, STORAGES, made))
        yield log


def _patches(log: Log, count: int, memory: int) -> list[tuple[Any, str, Any]]:
    """What is replaced: (module, name, value)."""
    cuda, current = torch.cuda, [0]
    state = torch.Generator().get_state()
    original = torch.amp.autocast_mode.autocast.__init__

    def autocast(self: Any, device_type: str, *args: Any, **kwargs: Any) -> None:
        original(self, "cpu" if device_type == "cuda" else device_type, *args, **kwargs)

    def choose(device: Any) -> None:
        current[0] = torch.device(device).index or 0 if isinstance(device, str | torch.device) else device
        if not 0 <= current[0] < count:
            raise RuntimeError("CUDA error: invalid device ordinal")

    answers = {
        "is_available": lambda: True,
        "is_initialized": lambda: True,
        "device_count": lambda: count,
        "current_device": lambda: current[0],
        "set_device": choose,
        "get_device_capability": lambda device=None: (9, 0),
        "get_device_name": lambda device=None: "a pretended card",
        "mem_get_info": lambda device=None: (memory, memory),
        "memory_reserved": lambda device=None: 0,
        "memory_allocated": lambda device=None: 0,
        "max_memory_allocated": lambda device=None: 0,
        "reset_peak_memory_stats": lambda device=None: None,
        "empty_cache": lambda: None,
        "synchronize": lambda device=None: log.waits.update([f"{place()} [synchronize]"]),
        "manual_seed": lambda seed: None,
        "manual_seed_all": lambda seed: None,
        "is_bf16_supported": lambda *args, **kwargs: True,
        "get_rng_state": lambda device=None: state,
        "set_rng_state": lambda new, device=None: None,
        "_lazy_init": lambda: None,
        "_lazy_call": lambda *args, **kwargs: None,
    }
    found: list[tuple[Any, str, Any]] = [(cuda, name, value) for name, value in answers.items()]
    random = ("manual_seed", "manual_seed_all", "seed", "seed_all", "_lazy_call")
    found += [(cuda.random, name, lambda *args, **kwargs: None) for name in random if hasattr(cuda.random, name)]
    found.append((torch.amp.autocast_mode.autocast, "__init__", autocast))
    clipping = torch.nn.utils.clip_grad
    grouped = clipping._group_tensors_by_device_and_dtype

    def by_device(lists: Any, *args: Any) -> Any:  # C++ would say cpu
        found = grouped(lists, *args)
        return {(next(iter(one[0][0])).device, key[1]): one for key, one in found.items()}

    found.append((clipping, "_group_tensors_by_device_and_dtype", by_device))
    return found

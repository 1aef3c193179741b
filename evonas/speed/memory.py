"""The peak memory of a computation."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType

import torch

EVERY = 0.01  # seconds between two samples


class Peak:
    """The peak memory of a block in `bytes`; None if unknown.

    On a GPU the memory allocated by this process; on a CPU the resident memory of ``processes`` (called for each
    sample) including libraries, on Linux only.
    """

    def __init__(self, device: str, processes: Callable[[], Iterable[int]]) -> None:
        self.bytes: int | None = None
        self._device, self._processes = device, processes
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Peak:
        if self._device == "cpu":
            self._thread.start()
        else:
            torch.cuda.reset_peak_memory_stats(self._device)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._device == "cpu":
            self._over.set()
            self._thread.join()
            self._look()
        else:
            self.bytes = torch.cuda.max_memory_allocated(self._device)

    def _watch(self) -> None:
        while not self._over.wait(EVERY):
            self._look()

    def _look(self) -> None:
        held = [found for process in self._processes() if (found := resident(process)) is not None]
        if held:
            self.bytes = max(self.bytes or 0, sum(held))


def resident(process: int) -> int | None:
    """Resident bytes of ``process``; None if it has exited or the system does not tell."""
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return None
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith("VmRSS:")), None)

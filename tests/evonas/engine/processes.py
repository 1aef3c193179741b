"""Which processes there are, as Linux tells it."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

PROC = Path("/proc")
needs_proc = pytest.mark.skipif(not (PROC / "self/task").is_dir(), reason="needs the /proc of Linux")


def _parents() -> dict[int, int]:
    found = {}
    for status in PROC.glob("[0-9]*/stat"):
        try:
            text = status.read_text()
        except OSError:
            continue  # gone meanwhile
        state, parent = text.rpartition(")")[2].split()[:2]
        if state != "Z":
            found[int(status.parent.name)] = int(parent)
    return found


def descendants(pid: int) -> set[int]:
    """The processes below ``pid``."""
    parents = _parents()
    found: set[int] = set()
    while more := {child for child, parent in parents.items() if parent in {pid, *found}} - found:
        found |= more
    return found


def title(pid: int) -> str:
    """The command line of a process."""
    try:
        return (PROC / str(pid) / "cmdline").read_text().replace("\0", " ")
    except OSError:
        return ""


def workers_of(pid: int) -> set[int]:
    """The worker processes that ``pid`` has started."""
    return {child for child in descendants(pid) if "spawn_main" in title(child)}


def alive(pids: set[int]) -> set[int]:
    return pids & _parents().keys()


def wait_until(condition: Callable[[], object], seconds: float = 60) -> None:
    """Raises `AssertionError` if the condition has not come true by then."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.05)

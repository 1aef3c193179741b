"""The resources of this machine."""

from __future__ import annotations

import os
from pathlib import Path

QUOTA = Path("/sys/fs/cgroup/cpu.max")  # "max 100000", or microseconds in each period
MEMORY = Path("/proc/meminfo")


def cores() -> int:
    """CPU cores available to this process: its affinity, limited by the container quota."""
    found = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = QUOTA.read_text().split()
        return max(1, min(found, int(quota) // int(period)))
    except (OSError, ValueError):  # no file, or no quota
        return found


def available_memory() -> int | None:
    """Bytes available to new processes; None if unknown."""
    try:
        lines = MEMORY.read_text().splitlines()
    except OSError:
        return None
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith("MemAvailable:")), None)

"""What this machine has to offer."""

from __future__ import annotations

import os
from pathlib import Path

QUOTA = Path("/sys/fs/cgroup/cpu.max")  # "max 100000", or microseconds in each period
MEMORY = Path("/proc/meminfo")


def cores() -> int:
    """CPU cores that this process may use: its affinity, within the quota of its container."""
    found = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = QUOTA.read_text().split()
        return max(1, min(found, int(quota) // int(period)))
    except (OSError, ValueError):  # no such file, or no quota
        return found


def available_memory() -> int | None:
    """Bytes that new processes could use; None where the system does not say."""
    try:
        lines = MEMORY.read_text().splitlines()
    except OSError:
        return None
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith("MemAvailable:")), None)

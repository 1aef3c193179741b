"""The machine and versions that last digits may depend on."""

from __future__ import annotations

import json
import platform
from pathlib import Path
from typing import Any

from evonas.core.strict_json import parse_json
from spaces.errors import EvonasError

FACT = "machines"  # the fact of a run that lists its machines
GPU = "a GPU adds numbers up in an order of its own: last digits change from run to run"
BFLOAT16 = "bfloat16 keeps three digits: another kernel or another chip gives other weights"


def versions() -> dict[str, str]:
    """The versions that a score may depend on."""
    import deap
    import numpy
    import torch

    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": numpy.__version__,
        "deap": deap.__version__,
        "platform": platform.platform(),
    }


def machine(device: str, precision: str = "float32") -> dict[str, Any]:
    """Device, its name, threads, versions, and why results may not be reproducible bit for bit (``inexact``)."""
    import torch

    inexact = [GPU] if device.startswith("cuda") else []
    if precision == "bfloat16":
        inexact.append(BFLOAT16)
    found: dict[str, Any] = {"device": device, "name": chip(device), "threads": torch.get_num_threads()}
    return found | {"precision": precision, "inexact": inexact, "versions": versions()}


def noted(earlier: str | None, here: dict[str, Any], birth: int) -> str:
    """The machines of a run as JSON; this machine is added from ``birth`` on if it differs from the last."""
    try:
        machines: list[dict[str, Any]] = parse_json(earlier or "[]")
        new = not machines or {**machines[-1], "birth": birth} != {**here, "birth": birth}
    except (ValueError, TypeError, KeyError) as error:
        raise EvonasError(f"the machines of a run cannot be read: {error}") from None
    if new:
        machines.append({**here, "birth": birth})
    return json.dumps(machines)


def chip(device: str) -> str:
    """The product name of the GPU or of the CPU."""
    if device.startswith("cuda"):
        import torch

        return torch.cuda.get_device_name(device)
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:  # not Linux
        pass
    return platform.processor() or platform.machine()

"""Where something was computed, as far as its last digits may depend on it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evonas.files import versions
from evonas.strict_json import parse_json
from spaces.errors import EvonasError

if TYPE_CHECKING:
    from evonas.store import Run

FACT = "machines"  # the fact of a run that says which ones scored it
GPU = "a GPU adds numbers up in an order of its own: last digits change from run to run"
BFLOAT16 = "bfloat16 keeps three digits: another kernel or another chip gives other weights"


def machine(device: str, precision: str = "float32") -> dict[str, Any]:
    """Device, its name, threads, versions, and why the same again may differ there (``inexact``)."""
    import torch

    inexact = [GPU] if device.startswith("cuda") else []
    if precision == "bfloat16":
        inexact.append(BFLOAT16)
    found: dict[str, Any] = {"device": device, "name": _name(device), "threads": torch.get_num_threads()}
    return found | {"precision": precision, "inexact": inexact, "versions": versions()}


def noted(earlier: str | None, here: dict[str, Any], birth: int) -> str:
    """The machines of a run as JSON, with this one from ``birth`` on if it is another one than the last."""
    try:
        machines: list[dict[str, Any]] = parse_json(earlier or "[]")
        new = not machines or {**machines[-1], "birth": birth} != {**here, "birth": birth}
    except (ValueError, TypeError, KeyError) as error:
        raise EvonasError(f"the machines that a run was made on cannot be read: {error}") from None
    if new:
        machines.append({**here, "birth": birth})
    return json.dumps(machines)


def note(run: Run, here: dict[str, Any]) -> None:
    """Enter this machine among those of a run that it continues."""
    earlier = run.meta(FACT)
    now = noted(earlier, here, run.births())
    if now != earlier:
        run.set_meta(**{FACT: now})


def _name(device: str) -> str:
    if device.startswith("cuda"):
        import torch

        return torch.cuda.get_device_name(device)
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:  # no Linux
        pass
    import platform

    return platform.processor() or platform.machine()

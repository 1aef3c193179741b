"""Paths of runs, and the JSON files next to run.db."""

from __future__ import annotations

import json
import platform
from datetime import datetime
from pathlib import Path
from typing import Any

from evonas.config import SearchSettings
from evonas.durable import UNTOUCHED, replace_text
from evonas.strict_json import parse_json
from spaces.errors import EvonasError

MAX_PROXY_CHARS = 80  # file systems allow about 250 for the whole name


def default_path(settings: SearchSettings, directory: Path | None = None) -> Path:
    """``runs/<date>-<space>-<proxy>``, numbered from the second run of a day."""
    proxy = "".join(c if c.isalnum() or c in "-_.+" else "-" for c in settings.proxy)[:MAX_PROXY_CHARS].strip("-")
    return dated(f"{settings.space}-{proxy}", directory)


def dated(name: str, directory: Path | None = None) -> Path:
    """``runs/<date>-<name>``, numbered from the second run of a day."""
    base = (directory or Path("runs")) / f"{datetime.now():%Y-%m-%d}-{name}"
    path, number = base, 1
    while exists(path):
        number += 1
        path = base.with_name(f"{base.name}-{number}")
    return path


def exists(path: Path) -> bool:
    """Whether ``path`` exists; false for names that no file can have."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def write_json(path: Path, content: Any, advice: str = UNTOUCHED) -> None:
    """Replace ``path`` atomically: readers see the old file or the new one."""
    replace_text(path, json.dumps(content, indent=2) + "\n", advice)


def read_json(path: Path) -> dict[str, Any] | None:
    """A results file, or None if there is none. Raises `EvonasError` if it cannot be read."""
    try:
        found = parse_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise EvonasError(f"{path} cannot be read: {error}") from None
    if not isinstance(found, dict):
        raise EvonasError(f"{path} cannot be read: it is not a JSON object")
    return found


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

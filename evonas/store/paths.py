"""Paths of runs, and the JSON files next to run.db."""

from __future__ import annotations

import itertools
import json
import platform
from datetime import datetime
from pathlib import Path
from typing import Any

from evonas.core.atomic_files import UNTOUCHED, make_directory, replace_text, synchronise
from evonas.core.strict_json import parse_json
from evonas.store.settings import SearchSettings
from spaces.errors import EvonasError

MAX_PROXY_CHARS = 80  # file systems allow about 250 for the whole name


def default_path(settings: SearchSettings, directory: Path | None = None) -> Path:
    """A new directory ``runs/<date>-<space>-<proxy>``, numbered from the second run of a day."""
    proxy = "".join(c if c.isalnum() or c in "-_.+" else "-" for c in settings.proxy)[:MAX_PROXY_CHARS].strip("-")
    return dated(f"{settings.space}-{proxy}", directory)


def dated(name: str, directory: Path | None = None) -> Path:
    """A new directory ``runs/<date>-<name>``, numbered from the second run of a day.

    It is created here, so that each of several processes gets its own. Raises `EvonasError` if it cannot be.
    """
    directory = directory or Path("runs")
    base = directory / f"{datetime.now():%Y-%m-%d}-{name}"
    make_directory(directory)
    for number in itertools.count(1):
        path = base if number == 1 else base.with_name(f"{base.name}-{number}")
        try:
            path.mkdir()
        except FileExistsError:
            continue
        except OSError as error:
            raise EvonasError(f"cannot create {path}: {error.strerror or error}") from error
        break
    synchronise(directory)
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

"""Files beside run.db: where a run goes, and JSON that is never half written."""

from __future__ import annotations

import contextlib
import json
import os
import platform
from datetime import datetime
from pathlib import Path
from typing import Any

from evonas.config import SearchSettings
from evonas.strict_json import parse_json
from spaces.errors import EvonasError, shorten

LONGEST_NAME = 80  # characters of a proxy: a file system takes some 250 for the whole name


def default_path(settings: SearchSettings, directory: Path | None = None) -> Path:
    """``runs/<date>-<space>-<proxy>``, numbered from the second of a day on."""
    proxy = "".join(c if c.isalnum() or c in "-_.+" else "-" for c in settings.proxy)[:LONGEST_NAME].strip("-")
    return dated(f"{settings.space}-{proxy}", directory)


def dated(name: str, directory: Path | None = None) -> Path:
    """``runs/<date>-<name>``, numbered from the second of a day on."""
    base = (directory or Path("runs")) / f"{datetime.now():%Y-%m-%d}-{name}"
    path, number = base, 1
    while exists(path):
        number += 1
        path = base.with_name(f"{base.name}-{number}")
    return path


def exists(path: Path) -> bool:
    """Whether there is something at ``path``; at a name that no file can have there is not."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def make_directory(path: Path) -> None:
    """The directory and those above it. Raises `EvonasError` if it cannot be."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        text = getattr(error, "strerror", None) or error
        raise EvonasError(f"cannot create {shorten(str(path), 300)}: {text}") from error


def write_json(path: Path, content: Any) -> None:
    """Replace ``path`` in one step: readers see the old file or the new one, never a part."""
    replace_text(path, json.dumps(content, indent=2) + "\n")


def replace_text(path: Path, text: str) -> None:
    """Replace ``path`` in one step. Raises `EvonasError` if it cannot be written."""
    temporary = path.with_name(path.name + ".part")
    try:
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)
    except OSError as error:
        raise EvonasError(f"cannot write {path}: {error.strerror or error}") from error


def replace_bytes(path: Path, content: bytes) -> None:
    """Replace ``path`` in one step, once all is on the disk. Raises `EvonasError` if it cannot be written."""
    temporary = path.with_name(path.name + ".part")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise EvonasError(f"cannot write {path}: {error.strerror or error}") from error


def read_json(path: Path) -> dict[str, Any] | None:
    """A file of results, if it is there. Raises `EvonasError` if it cannot be read."""
    try:
        found = parse_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise EvonasError(f"{path} cannot be read: {error}") from None
    if not isinstance(found, dict):
        raise EvonasError(f"{path} cannot be read: it holds no object")
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

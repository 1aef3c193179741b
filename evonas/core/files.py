"""Whether a path exists, and JSON files that are replaced as a whole."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from evonas.core.atomic_files import UNTOUCHED, replace_text
from evonas.core.strict_json import parse_json
from spaces.errors import EvonasError


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

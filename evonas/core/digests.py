"""SHA-256 of JSON, of files, of tensors and of sources."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor


def digest(content: Any) -> str:
    """SHA-256 of ``content`` as JSON."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def file_digest(path: Path) -> str:
    """SHA-256 of a file. Raises `OSError`."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def tensors_digest(tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 of names, types, shapes and values of tensors of any shape."""
    import torch

    from fitness.transfer import downloaded

    found = hashlib.sha256()
    for name, tensor in sorted(downloaded(tensors).items()):
        found.update(f"{name} {tensor.dtype} {tuple(tensor.shape)} ".encode())
        found.update(tensor.reshape(-1).view(torch.uint8).numpy().tobytes())
    return found.hexdigest()


def code_digest(kind: type) -> str:
    """SHA-256 of the sources of a class, of its bases, and of what their modules import from their packages."""
    found: set[str] = set()
    waiting = {base.__module__ for base in kind.__mro__ if base is not object}
    while waiting:
        name = waiting.pop()
        found.add(name)
        named = {getattr(value, "__module__", None) or "" for value in vars(sys.modules[name]).values()}
        package = ".".join(name.split(".")[:-1][:2]) + "."
        waiting |= {other for other in named - found if other.startswith(package) and other in sys.modules}
    files = [getattr(sys.modules[name], "__file__", None) for name in sorted(found)]
    return hashlib.sha256(b"".join(Path(file).read_bytes() for file in files if file)).hexdigest()

"""The state of an algorithm as bytes: safetensors with a JSON header; and births as ranges."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from evonas.core.strict_json import parse_json
from spaces.errors import EvonasError

State = Mapping[str, Any]  # arrays of NumPy, and what JSON can hold
_HEADER = "json"
MAX_ALIVE = 10_000_000


def encode(state: State) -> bytes:
    """The bytes of a state. Raises `EvonasError` for a value that neither safetensors nor JSON can hold."""
    import numpy as np
    from safetensors.numpy import save

    arrays = {name: np.ascontiguousarray(value) for name, value in state.items() if isinstance(value, np.ndarray)}
    rest = {name: value for name, value in state.items() if name not in arrays}
    try:
        return save(arrays, {_HEADER: json.dumps(rest, allow_nan=False)})
    except (TypeError, ValueError, KeyError) as error:
        raise EvonasError(f"the state of an algorithm holds arrays and JSON: {error}") from None


def decode(content: bytes) -> dict[str, Any]:
    """The inverse of `encode`; tuples come back as lists. Raises `EvonasError` for anything else."""
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        length = int.from_bytes(content[:8], "little")
        header = parse_json(content[8 : 8 + length].decode())
        rest = parse_json(header.get("__metadata__", {}).get(_HEADER, "{}"))
        return {**rest, **load(content)}
    except (SafetensorError, ValueError, TypeError, AttributeError, KeyError) as error:
        raise EvonasError(f"the state of the algorithm cannot be read: {error}") from None


def ranges(births: Iterable[int]) -> str:
    """Births in order as JSON: the first and the last of each run of consecutive numbers."""
    found: list[list[int]] = []
    for birth in births:
        if found and found[-1][1] == birth - 1:
            found[-1][1] = birth
        else:
            found.append([birth, birth])
    return json.dumps(found)


def births_in(text: str) -> list[int]:
    """The inverse of `ranges`. Raises `EvonasError` for anything else."""
    try:
        pairs = [(int(first), int(last)) for first, last in parse_json(text)]
        if sum(last - first + 1 for first, last in pairs) > MAX_ALIVE:
            raise ValueError(f"more than {MAX_ALIVE} births")
    except (TypeError, ValueError, OverflowError) as error:
        raise EvonasError(f"the births of a population cannot be read: {error}") from None
    return [birth for first, last in pairs for birth in range(first, last + 1)]

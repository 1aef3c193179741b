"""JSON that a stranger may have written."""

from __future__ import annotations

import json
import math
from typing import Any


def parse_json(text: str) -> Any:
    """What JSON ``text`` says. Raises `ValueError` for what is none, nested too deep or no finite number."""
    try:
        return json.loads(text, parse_constant=_refused, parse_float=_finite)
    except RecursionError:
        raise ValueError("it is nested too deep") from None


def _refused(name: str) -> Any:
    raise ValueError(f"{name} is no number")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text[:20]} is beyond every number")
    return value

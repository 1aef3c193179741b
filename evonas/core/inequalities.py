"""Limits as text: ``NAME<=NUMBER`` or ``NAME>=NUMBER``."""

from __future__ import annotations

import math
import re
from typing import NamedTuple

_FORM = re.compile(r"\s*([^<>=\s](?:[^<>]*[^<>=\s])?)\s*(<=|>=)\s*([^<>=]+?)\s*")


class Inequality(NamedTuple):
    """A name with the largest or the smallest number that is allowed."""

    name: str
    at_most: bool
    limit: float

    def __str__(self) -> str:
        """The text that `inequality` reads as this."""
        limit = int(self.limit) if self.limit.is_integer() else self.limit
        return f"{self.name}{'<=' if self.at_most else '>='}{limit!r}"


def inequality(text: str) -> Inequality | None:
    """The inequality in a text; None for any other text and for a number that is not finite."""
    match = _FORM.fullmatch(text)
    try:
        limit = float(match[3]) if match else math.nan
    except ValueError:
        return None
    return Inequality(match[1], match[2] == "<=", limit) if match and math.isfinite(limit) else None

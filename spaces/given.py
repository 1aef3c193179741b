"""Genotypes from user input."""

from __future__ import annotations

from typing import Any

from spaces.base import Space
from spaces.errors import UsageError
from spaces.registered import spaces


def parsed(space: Space, text: str) -> Any:
    """`Space.parse`; the error names the space if the genotype belongs to another one."""
    try:
        return space.parse(text)
    except UsageError:
        others = [name for name, other in spaces.loadable() if other is not space and reads(other, text)]
        if len(others) != 1:
            raise
        raise UsageError(f"this is a genotype of the space {others[0]}: add --space {others[0]}") from None


def reads(space: Space, text: str) -> bool:
    """Whether `Space.parse` takes ``text``."""
    try:
        space.parse(text)
    except UsageError:
        return False
    return True

"""The state of the random generator of a search in run.db."""

from __future__ import annotations

from numpy.random import Generator

from evonas.core.strict_json import parse_json
from spaces.errors import EvonasError


def restore_random(rng: Generator, text: str) -> None:
    """Set the state of ``rng`` from JSON ``text``. Raises `EvonasError` for an invalid state."""
    try:
        rng.bit_generator.state = parse_json(text)
    except (ValueError, TypeError, KeyError, OverflowError) as error:
        raise EvonasError(f"the stored random state cannot be read: {error}") from None

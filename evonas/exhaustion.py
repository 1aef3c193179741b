"""Memory that runs out, as one message that says what can be done."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from spaces.errors import EvonasError


@contextmanager
def memory_reported(doing: str, advice: str) -> Iterator[None]:
    """Turns exhausted memory, of the machine or of a GPU, into `EvonasError`."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        from fitness.population.memory import is_exhaustion

        if not is_exhaustion(error):
            raise
        raise EvonasError(f"memory is exhausted while {doing}{_detail(error)}; {advice}") from error


def _detail(error: BaseException) -> str:
    """The first sentence of what was said, if anything was."""
    said = " ".join(str(error).split())
    return f" ({said.split('. ')[0].rstrip('.')[:200]})" if said else ""

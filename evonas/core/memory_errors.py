"""Out-of-memory errors as one message with advice."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from spaces.errors import EvonasError


@contextmanager
def memory_reported(doing: str, advice: str) -> Iterator[None]:
    """Turns out-of-memory errors of the machine or a GPU into `EvonasError`."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        from fitness.population.memory import is_exhaustion

        if not is_exhaustion(error):
            raise
        raise EvonasError(f"out of memory while {doing}{_detail(error)}; {advice}") from error


def _detail(error: BaseException) -> str:
    """The first sentence of the error, if there is one."""
    said = " ".join(str(error).split())
    return f" ({said.split('. ')[0].rstrip('.')[:200]})" if said else ""

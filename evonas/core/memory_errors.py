"""Out-of-memory errors as one message with advice."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from spaces.errors import EvonasError


@contextmanager
def memory_reported(doing: str, advice: str) -> Iterator[None]:
    """Turns errors of too little memory, or of tensors too large for a kernel of a GPU, into `EvonasError`."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        from fitness.population.memory import is_exhaustion, is_too_large

        if not is_exhaustion(error) and not is_too_large(error):
            raise
        what = "out of memory" if is_exhaustion(error) else "tensors too large for a GPU"
        raise EvonasError(f"{what} while {doing}{_detail(error)}; {advice}") from error


def _detail(error: BaseException) -> str:
    """The first sentence of the error, if there is one."""
    said = " ".join(str(error).split())
    return f" ({said.split('. ')[0].rstrip('.')[:200]})" if said else ""

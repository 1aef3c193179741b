"""The functions of the public API that can work on a local disk."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from evonas.core import arguments
from evonas.core.events import Observer
from spaces.errors import UsageError

T = TypeVar("T")


def disk(scratch: str | Path | None) -> Path | None:
    """The local disk. Raises `UsageError` where several processes share a run."""
    if scratch is None:
        return None
    from evonas.training.parallel import alone

    if not alone():
        raise UsageError("several processes that train together share a run; leave out --scratch")
    return arguments.path(scratch, "--scratch")


def in_run(
    run: Path | None,
    scratch: Path | None,
    observer: Observer,
    work: Callable[[Path | None, Observer], T],
    advice: str | None = None,
) -> T:
    """``work(run, observer)``, on the disk ``scratch`` if there is one; ``advice`` says how to continue.

    Raises `UsageError` for a run that is not named and for a directory with other files.
    """
    if scratch is None:
        return work(run, observer)
    from evonas.store.nearby import is_run, require_empty
    from evonas.store.scratch import Home, on_scratch

    if run is None:
        raise UsageError("--scratch needs --run, the directory that the results are copied to")
    if run.is_dir() and not is_run(run):
        require_empty(run)
    elif run.exists() and not run.is_dir():
        return work(run, observer)  # which says so
    return on_scratch(scratch, Home.of_run(run, scratch, advice), observer, work)

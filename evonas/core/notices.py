"""Messages of the library about its input, passed to the current listener without an argument in every call."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True)
class _Listener:
    announce: Callable[[str], object]
    topics: set[Hashable]  # announced already


_listener: ContextVar[_Listener | None] = ContextVar("listener", default=None)


@contextmanager
def heard_by(announce: Callable[[str], object]) -> Iterator[None]:
    """Within the block ``announce`` gets every notice, once per topic.

    An inner block takes over from an outer one; what was announced in one of them is not repeated in the other.
    """
    outer = _listener.get()
    token = _listener.set(_Listener(announce, outer.topics if outer else set()))
    try:
        yield
    finally:
        _listener.reset(token)


def notice(topic: Hashable, text: Callable[[], str], left_out: bool = False) -> None:
    """Announce ``text()`` to the listener, unless ``topic`` was announced before.

    Without a listener it is a Python warning if something was ``left_out``.
    """
    listener = _listener.get()
    if listener is None:
        if left_out:
            warnings.warn(text(), UserWarning, stacklevel=2)
    elif topic not in listener.topics:
        listener.topics.add(topic)
        listener.announce(text())

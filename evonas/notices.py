"""Messages of the library about its input, passed to the current listener without an argument in every call."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import ParamSpec, TypeVar

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


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


def heard_by_observer(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """Notices while ``function`` works are messages to its argument ``observer``, unless that is None."""
    signature = inspect.signature(function)

    @functools.wraps(function)
    def hearing(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        from evonas.observer import Observer

        observer = signature.bind(*args, **kwargs).arguments.get("observer")
        if not isinstance(observer, Observer):  # None, or a mistake that ``function`` reports
            return function(*args, **kwargs)
        with heard_by(observer.message):
            return function(*args, **kwargs)

    return hearing


def notice(topic: Hashable, text: Callable[[], str]) -> None:
    """Announce ``text()``, unless there is no listener or ``topic`` was announced before."""
    listener = _listener.get()
    if listener is not None and topic not in listener.topics:
        listener.topics.add(topic)
        listener.announce(text())

"""Events: what the library tells while it works. It never prints; observers receive events.

The events of each stage are defined in its room; every event is a frozen dataclass.
"""

from __future__ import annotations

import functools
import inspect
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, ParamSpec, Protocol, TypeVar

from evonas.core.notices import heard_by

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Event:
    """Something that has happened."""

    name: ClassVar[str]  # in a log, and of the method of a `Listener` that receives it


@dataclass(frozen=True)
class Message(Event):
    """A message of one line."""

    text: str
    name: ClassVar[str] = "message"


@dataclass(frozen=True)
class Warned(Event):
    """Something that the user probably did not mean, or must know before trusting a result."""

    text: str
    name: ClassVar[str] = "warning"


@dataclass(frozen=True)
class Closed(Event):
    """The stage has ended, successfully or not."""

    name: ClassVar[str] = "closed"


class Observer(Protocol):
    """A function that receives events, or an object that can be called like one."""

    def __call__(self, event: Event, /) -> None: ...


class Listener:
    """An observer that passes each event to its method of the same name, if it has one.

    A warning is passed on as a message if there is no method ``warning``.
    """

    def __call__(self, event: Event) -> None:
        method = getattr(self, event.name, None)
        if method is not None:
            method(event)
        elif isinstance(event, Warned):
            self(Message(event.text))


class Observers:
    """Passes every event on to several observers."""

    def __init__(self, *members: Observer) -> None:
        self.members = members

    def __call__(self, event: Event) -> None:
        for member in self.members:
            member(event)


def unwatched(event: Event) -> None:
    """Stands for the observer that was not passed: silent, but a warning is raised as a Python warning."""
    if isinstance(event, Warned):
        warnings.warn(event.text, UserWarning, stacklevel=3)


def announcing(observer: Observer) -> Callable[[str], None]:
    """A function that passes texts to ``observer`` as messages."""
    return lambda text: observer(Message(text))


def warning(observer: Observer) -> Callable[[str], None]:
    """A function that passes texts to ``observer`` as warnings."""
    return lambda text: observer(Warned(text))


def heard_by_observer(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """Notices while ``function`` works are messages to its argument ``observer``, unless that is None."""
    signature = inspect.signature(function)

    @functools.wraps(function)
    def hearing(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        observer = signature.bind(*args, **kwargs).arguments.get("observer")
        if not callable(observer) or isinstance(observer, type):  # None, or a mistake that ``function`` reports
            return function(*args, **kwargs)
        with heard_by(announcing(observer)):
            return function(*args, **kwargs)

    return hearing

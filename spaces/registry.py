"""A registry of named objects: spaces, proxies, algorithms, data sets and others.

A name belongs to the module that registers it, which is imported when the name is asked for. Built-in names stand
in a table; installed packages add names by entry points (``[project.entry-points."evonas.proxies"]``).
"""

from __future__ import annotations

import difflib
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from importlib import import_module
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

from spaces.errors import EvonasError, UsageError, shorten

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

T = TypeVar("T")

GROUPS = "evonas."  # every group of entry points starts with it
MAX_NAME_CHARS = 1000  # of an unknown name that is compared


def closest(name: str, known: list[str]) -> str:
    """The known names nearest to ``name``, as the end of an error message."""
    folded = {candidate.lower(): candidate for candidate in known}
    asked = name[:MAX_NAME_CHARS].lower()  # the cost of comparing grows with the length
    near = [folded[match] for match in difflib.get_close_matches(asked, folded, n=3, cutoff=0.5)]
    return f"did you mean {' or '.join(near)}?" if near else f"choose from {', '.join(known)}"


class Home(NamedTuple):
    """The module that registers a name, and the installed package that lists it; None for evonas itself."""

    module: str
    package: str | None = None

    def __str__(self) -> str:
        return f"{self.module} ({self.package})" if self.package else self.module


class Registry(Generic[T]):
    """Objects by name. A duplicate is an error; the error of a missing name suggests the closest ones.

    ``modules`` maps each built-in name to its module; the entry points of ``group`` add names of other packages.
    Iterating imports none of the modules. A package that cannot be imported affects only its own names.
    """

    def __init__(self, kind: str, modules: Mapping[str, str] | None = None, group: str | None = None) -> None:
        self.kind = kind
        self.modules = dict(modules or {})
        self.group = group
        self._entries: dict[str, T] = {}
        self._registered_by: dict[str, str] = {}  # module by name
        self._unique: set[str] = set()  # names whose home has been looked up

    def register(self, name: str) -> Callable[[T], T]:
        """Decorator that registers an object as ``name``."""

        def enter(entry: T) -> T:
            here = _running_module()
            there = self._registered_by.get(name) or self.modules.get(name, here)
            if name in self._entries or there != here:
                raise ValueError(f"{self.kind} {name!r} is registered twice: by {there} and by {here}")
            self._entries[name] = entry
            self._registered_by[name] = here
            return entry

        return enter

    @property
    def registered(self) -> dict[str, str]:
        """The names that are loaded, each with the module that registered it."""
        return dict(self._registered_by)

    def home(self, name: str) -> Home | None:
        """Where ``name`` comes from; None if it is unknown or was registered by this process alone.

        Raises `EvonasError` if it comes from two places.
        """
        homes = {self.modules[name]: Home(self.modules[name])} if name in self.modules else {}
        for point in self._points():
            if point.name == name:
                homes.setdefault(_module(point), Home(_module(point), _package(point)))
        if len(homes) > 1:
            places = " and by ".join(map(str, homes.values()))
            raise EvonasError(f"{self.kind} {name!r} is registered twice: by {places}; uninstall one of them")
        return next(iter(homes.values()), None)

    def loadable(self) -> Iterator[tuple[str, T]]:
        """Names and objects, without those of packages that cannot be loaded."""
        for name in self:
            try:
                entry = self[name]
            except EvonasError:
                continue
            yield name, entry

    def __getitem__(self, name: str) -> T:
        if not isinstance(name, str):  # untrusted settings
            raise UsageError(f"the name of a {self.kind} must be text, not {shorten(str(name))}")
        if name not in self._entries or name not in self._unique:
            self._find(name)
        return self._entries[name]

    def _find(self, name: str) -> None:
        home = self.home(name)
        if home is not None and (name not in self._entries or name in self._registered_by):
            self._load(name, home)  # also if registered already: the home must not register it again
        if name not in self._entries:
            raise UsageError(f"unknown {self.kind} {shorten(name)}: {closest(name, list(self))}")
        self._unique.add(name)

    def _load(self, name: str, home: Home) -> None:
        if home.package is None:
            import_module(home.module)
            assert name in self._entries, f"{home} does not register the {self.kind} {name!r}"
            return
        try:
            import_module(home.module)
        except (Exception, SystemExit) as error:
            self._forget(home.module)
            text = f"{type(error).__name__}: {error}".split("\n")[0]
            raise EvonasError(f"{self.kind} {name!r} of {home.package} cannot be loaded: {text}") from error
        if name not in self._entries:
            raise EvonasError(
                f"{home.package} lists the {self.kind} {name!r}, but {home.module} registers no such name"
            )

    def _forget(self, module: str) -> None:
        """Drop the names of a module that failed after it had registered them."""
        for name in [name for name, by in self._registered_by.items() if by == module]:
            del self._registered_by[name], self._entries[name]

    def _points(self) -> tuple[EntryPoint, ...]:
        return _entry_points(self.group, tuple(sys.path)) if self.group else ()

    def __contains__(self, name: object) -> bool:
        return name in self._entries or name in self.modules or any(point.name == name for point in self._points())

    def __iter__(self) -> Iterator[str]:
        return iter(sorted({*self.modules, *self._entries, *(point.name for point in self._points())}))

    def __len__(self) -> int:
        return sum(1 for _ in self)


def packages() -> dict[str, str]:
    """The version of every installed package that adds names to a registry, by its name."""
    from importlib.metadata import entry_points

    found = entry_points()
    points = [point for group in found.groups if group.startswith(GROUPS) for point in found.select(group=group)]
    return {point.dist.name: point.dist.version for point in points if point.dist is not None}


@lru_cache(maxsize=64)
def _entry_points(group: str, path: tuple[str, ...]) -> tuple[EntryPoint, ...]:
    """The entry points of the packages on ``path``, which is `sys.path`."""
    from importlib.metadata import entry_points

    return tuple(entry_points(group=group))


def _module(point: EntryPoint) -> str:
    return point.value.partition(":")[0].strip()


def _package(point: EntryPoint) -> str:
    return f"{point.dist.name} {point.dist.version}" if point.dist is not None else "an installed package"


def _running_module() -> str:
    """The module whose top level is running."""
    frame = sys._getframe(2)
    while frame.f_code.co_name != "<module>" and frame.f_back is not None:
        frame = frame.f_back
    return frame.f_globals.get("__name__", "this process")

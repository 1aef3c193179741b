"""Work on a local disk, which is copied to where results belong: now and then, at the end, and when stopped."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from shutil import rmtree
from tempfile import mkdtemp
from typing import TypeVar

from evonas.core.atomic_files import make_directory
from evonas.core.displaced import displaced, named, with_named
from evonas.core.events import Event, Observer, Warned
from evonas.core.files import exists
from evonas.core.locks import HOLDER, LOCK, held
from evonas.core.shell import command
from evonas.core.signals import stop_requests
from evonas.store.aside import SMOOTHING
from evonas.store.mirror import STAGING, Mirror, settle
from evonas.store.queries import DATABASE
from evonas.store.rewind import finish
from evonas.store.sqlite_errors import is_refusal
from spaces.errors import EvonasError

T = TypeVar("T")
SECONDS = 60.0  # between two copies, at least
SHARE = 10  # a copy that takes a second is followed by so many without one
OF_A_RUN = re.compile(  # all other files of a directory stay there
    rf"run\.db(\.[0-9]+)?|best\.json|train(\.[0-9]+)?|finalists(\.json)?|evaluation\.(db|json)|{SMOOTHING}|"
    r"controls(\.json|\.csv)?|state"
)


@dataclass(frozen=True)
class Home:
    """Where results belong: the files below ``taken`` are worked on, those below ``given`` are copied back."""

    root: Path
    taken: Sequence[str]
    given: Sequence[str]
    locked: Sequence[Path]  # directories, each by one process
    advice: str  # how to continue
    inner: str = ""  # what precedes the rest of the name of every file, as ``own`` does for own.csv
    staging: Path | None = None

    @classmethod
    def of_run(cls, run: Path, scratch: Path, advice: str | None = None) -> Home:
        """That of a run directory, which may not exist yet; ``advice`` by default names `resume`."""
        found = [path.name for path in run.iterdir()] if exists(run) else []
        taken = sorted(filter(OF_A_RUN.fullmatch, found))
        resume = f"resume with: {command('resume', run, '--scratch', scratch)}"
        return cls(run, taken, ("",), (run,), advice or resume)


class Copies:
    """An observer that passes on events, with the names of files that the user knows, and copies meanwhile."""

    def __init__(self, mirror: Mirror, home: Home, observer: Observer) -> None:
        self._mirror, self._home, self._observer = mirror, home, observer
        self._thread, self._due = threading.get_ident(), 0.0
        self._warned = False

    def __call__(self, event: Event) -> None:
        self._observer(with_named(event))
        if threading.get_ident() == self._thread and time.monotonic() >= self._due:
            try:
                self.copy()
            except _NotCopied as error:
                if not self._warned:
                    self._observer(Warned(f"{error}. The work continues, and copying is tried again"))
                self._warned = True

    def copy(self) -> None:
        """Bring the copy up to date. Raises `EvonasError` if the files here are gone, or cannot be copied."""
        if self._mirror.lost:
            raise EvonasError(
                f"the scratch directory {self._mirror.source} is gone or lacks files; {self._home.root} has what "
                f"was copied before: {self._home.advice}"
            )
        started = time.monotonic()
        try:
            self._mirror.update()
        except EvonasError as error:
            raise _NotCopied(str(error)) from error
        finally:
            now = time.monotonic()
            self._due = now + max(SECONDS, SHARE * (now - started))


class _NotCopied(EvonasError):
    """The files are here, and could not be copied."""


def on_scratch(scratch: Path, home: Home, observer: Observer, work: Callable[[Path, Observer], T]) -> T:
    """The result of ``work(directory, observer)`` in a directory on the disk ``scratch`` that starts as ``home``.

    What it writes is copied to ``home`` meanwhile and at its end, however it ends; no other process works there.
    Raises `EvonasError` as ``work`` does, and if the results cannot be copied; they are then left on ``scratch``.
    """
    make_directory(scratch)
    new = [place for place in (home.root, *home.locked) if not exists(place)]
    try:
        with ExitStack() as locks:
            for place in home.locked:
                make_directory(place)
                locks.enter_context(held(place))
            rmtree(home.staging or home.root / STAGING, ignore_errors=True)  # of a process that was killed
            if not home.inner:
                finish(home.root / DATABASE)
            settle(home.root, home.taken)
            return _work(scratch, home, observer, work)
    finally:
        for place in reversed(home.locked if home.inner else new):
            _remove_locks(place)


def _work(scratch: Path, home: Home, observer: Observer, work: Callable[[Path, Observer], T]) -> T:
    room = Path(mkdtemp(prefix="evonas-", dir=scratch.absolute()))
    there = room / (home.root.name or "run")
    mirror = Mirror(there, home.root, home.given, home.staging)
    try:
        make_directory(there)
        Mirror(home.root, there, home.taken).update()
    except BaseException:
        rmtree(room, ignore_errors=True)
        raise
    mirror.follow()
    copies = Copies(mirror, home, observer)
    with displaced(there / home.inner, home.root / home.inner):
        try:
            result: T = with_named(work(there, copies))
        except EvonasError as error:
            text = named(str(error))
            full = is_refusal(text) or "cannot write" in text
            error.args = (f"on the scratch disk {scratch}: {text}" if full else text,)
            raise
        finally:
            _finish(copies, there, home)
            rmtree(room, ignore_errors=True)
    return result


def _finish(copies: Copies, there: Path, home: Home) -> None:
    """The last copy; a signal that comes meanwhile waits, a second one does not."""
    with stop_requests(lambda text: None):
        try:
            copies.copy()
        except _NotCopied as error:
            raise _NotCopied(
                f"{error}. Everything is in {there}; free disk space, and copy it with: "
                f"cp -r {quote(f'{there}/.')} {quote(str(home.root))}"
            ) from error


def _remove_locks(place: Path) -> None:
    """Remove a directory in which nothing but the files of its lock is left."""
    with suppress(OSError):
        names = {path.name for path in place.iterdir()}
        if names <= {"run" + LOCK, "run" + HOLDER}:
            rmtree(place)

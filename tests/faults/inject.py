"""Faults inside a process: it is killed at its k-th step to the disk, or the system refuses it something.

A step is everything that may change what is on the disk: a statement of SQLite, a file opened to be written, a
write, fsync, a renaming; each counts before it happens and once it has happened, and a write in its middle too.
"""

from __future__ import annotations

import builtins
import importlib
import io
import mmap
import os
import random
import re
import resource
import signal
import sqlite3
import stat
import sys
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from evonas.store import databases, scratch
from evonas.store import run as store
from tests.faults.power import Disk


class Steps:
    """Notes the kind of each step where another process can read it, and sends this one ``sign`` at the ``last``.

    ``last``: a number of steps, or the kind whose first step it is.
    """

    def __init__(self, notes: mmap.mmap, last: int | str | None, sign: int, disk: Disk | None) -> None:
        self.notes, self.last, self.sign, self.disk = notes, last, sign, disk
        self.count = 0

    def step(self, *words: str) -> None:
        self.count += 1
        kind = " ".join(words)
        self.notes.write(kind.encode() + b"\n")
        if self.last in (self.count, kind):
            if self.disk is not None:
                unhooked()
                self.disk.lose_power()
            os.kill(os.getpid(), self.sign)


ORIGINAL = {name: getattr(os, name) for name in ("fsync", "replace", "rename", "mkdir", "unlink")} | {
    "open": io.open
}


def unhooked() -> None:
    """The functions of the system as they were."""
    for name in ("fsync", "replace", "rename", "mkdir", "unlink"):
        setattr(os, name, ORIGINAL[name])
    io.open = builtins.open = ORIGINAL["open"]  # type: ignore[assignment]


def prepare(
    notes: mmap.mmap,
    kill_at: int | None = None,
    kill_on: str | None = None,
    sign: int = signal.SIGKILL,
    power_loss: bool = False,
    largest_file: int | None = None,
    memory: int | None = None,
    exhausted: tuple[str, int, str] | None = None,
    jumping_clock: int | None = None,
    network_disk: bool = False,
    copying: bool = False,
) -> None:
    """Put the faults into this process.

    ``kill_at``: the step at which it gets ``sign``, or ``kill_on``, its kind; ``power_loss``: and the whole
    machine ends. ``largest_file``: bytes, no file can become larger. ``memory``: bytes that it can still allocate.
    ``exhausted``: the name of a function, which call of it finds no memory, and on which kind of device.
    ``network_disk``: every file is on one. ``copying``: from a scratch disk after every event.
    ``jumping_clock``: the seed by which the clock of the system jumps, by up to a year and in both directions.
    """
    store.JOURNAL_SECONDS = 0.0  # every score is a step: these are computed faster than half a second
    steps = Steps(notes, kill_on or kill_at, sign, Disk() if power_loss else None)
    _count_files(steps)
    _count_statements(steps)
    if largest_file is not None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))
    if memory is not None:
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        limit = pages * resource.getpagesize() + memory
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    if network_disk:
        databases.network_disk = lambda file: "nfs"
    if copying:
        scratch.SECONDS, scratch.SHARE = 0.0, 0
    if exhausted is not None:
        _exhaust(*exhausted)
    if jumping_clock is not None:
        _let_the_clock_jump(random.Random(jumping_clock))


def _name(file: object) -> str:
    """The name of a file; of a descriptor, whether it is one of a directory."""
    if isinstance(file, int):
        return "directory" if stat.S_ISDIR(os.fstat(file).st_mode) else "file"
    return re.sub(r"^(\.[a-z]+-probe-).*", r"\1", Path(str(file)).name)  # whose end is random


def _verb(statement: str) -> str:
    """What a statement of SQLite does, and to which table."""
    words = re.findall(r"\w+", statement.replace("=", " is "))
    if words[:1] == ["INSERT"]:
        return f"INSERT {words[words.index('INTO') + 1]}"
    return " ".join(words[: 3 if words[:1] == ["PRAGMA"] else 1])


def _count_files(steps: Steps) -> None:
    class Raw(io.FileIO):
        def write(self, content: Any) -> int:
            steps.step("before", "write", _name(self.name))
            view = memoryview(content).cast("B")
            half = super().write(view[: len(view) // 2])
            steps.step("amid", "write", _name(self.name))
            return half + super().write(view[half:])

    def opened(file: Any, mode: str = "r", buffering: int = -1, *args: Any, **kwargs: Any) -> Any:
        if not set(mode) & set("wax") or not isinstance(file, (str, Path)) or str(file).startswith("/dev"):
            return ORIGINAL["open"](file, mode, buffering, *args, **kwargs)
        steps.step("before", "open", _name(file))
        raw = Raw(file, mode.replace("b", "").replace("t", ""))
        if steps.disk is not None:
            steps.disk.written(Path(file))
        if buffering == 0:
            return raw
        buffer = io.BufferedRandom(raw) if "+" in mode else io.BufferedWriter(raw)
        return buffer if "b" in mode else io.TextIOWrapper(buffer, *args, **kwargs)

    def around(name: str, before: Callable[..., Any], after: Callable[..., Any]) -> None:
        original = ORIGINAL[name]

        def counted(*args: Any, **kwargs: Any) -> Any:
            kind = name, _name(args[name in ("replace", "rename")])
            steps.step("before", *kind)
            before(*args)
            result = original(*args, **kwargs)
            after(*args)
            steps.step("after", *kind)
            return result

        setattr(os, name, counted)

    def nothing(*args: Any) -> None:
        pass

    io.open = builtins.open = opened  # type: ignore[assignment]
    disk = steps.disk
    around("fsync", nothing, disk.synced if disk else nothing)
    around("mkdir", (lambda path, *_: disk.making(Path(path))) if disk else nothing, nothing)
    around("unlink", nothing, nothing)
    for name in ("replace", "rename"):
        around(name, (lambda old, new: disk.renaming(Path(old), Path(new))) if disk else nothing, nothing)


def _count_statements(steps: Steps) -> None:
    class Connection(sqlite3.Connection):
        def execute(self, statement: str, *args: Any) -> sqlite3.Cursor:
            kind = _verb(statement)
            steps.step("before", kind)
            found = super().execute(statement, *args)
            if steps.disk is not None:
                steps.disk.stated(self, statement)
            steps.step("after", kind)
            return found

        def executemany(self, statement: str, *args: Any) -> sqlite3.Cursor:
            kind = _verb(statement)
            steps.step("before", kind)
            found = super().executemany(statement, *args)
            steps.step("after", kind)
            return found

    original = sqlite3.connect

    def connect(database: Any, *args: Any, **kwargs: Any) -> sqlite3.Connection:
        if steps.disk is not None and isinstance(database, Path):
            steps.disk.connected(database)
        return original(database, *args, **{"factory": Connection, **kwargs})

    sqlite3.connect = connect


def _exhaust(name: str, call: int, device: str) -> None:
    """Let the ``call``-th call of the function ``name`` find no memory on ``device``."""
    import torch

    module, _, function = name.rpartition(".")
    owner = importlib.import_module(module)
    original, calls = getattr(owner, function), 0

    def replaced(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == call and device == "cuda":
            raise torch.OutOfMemoryError(
                "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has 1.00 GiB free."
            )
        if calls == call:
            raise MemoryError
        return original(*args, **kwargs)

    setattr(owner, function, replaced)


def _let_the_clock_jump(rng: random.Random) -> None:
    """Every look at the clock of the system finds it another time, perhaps an earlier one."""
    clock, year = time.time, 365 * 86400

    class Jumping(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Jumping:
            return super().now(tz) + timedelta(seconds=rng.uniform(-year, year))  # type: ignore[return-value]

    time.time = lambda: clock() + rng.uniform(-year, year)
    for name, module in list(sys.modules.items()):
        if name.startswith("evonas") and getattr(module, "datetime", None) is datetime:
            module.datetime = Jumping  # type: ignore[attr-defined]

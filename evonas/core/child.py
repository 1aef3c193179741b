"""A command of the user: its output, within a time limit and a limit of size."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import threading
from collections.abc import Sequence
from contextlib import suppress
from tempfile import TemporaryFile

from evonas.core.arguments import number, text
from spaces.errors import EvonasError, UsageError, shorten

MAX_ERROR_CHARS = 200  # of what a command says about its failure
MAX_SECONDS = 86_400  # of a time limit


def words_in(command: str, label: str) -> list[str]:
    """Program and arguments, by the rules of a shell for quotes. Raises `UsageError` for a text without words."""
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise UsageError(f"{label} cannot be read: {str(error).lower()}: {shorten(command)}") from None
    if not words or not words[0]:
        raise UsageError(f"{label} must name a program, not {shorten(command)}")
    return words


def read_command(value: object, label: str) -> str:
    """The text of a command. Raises `UsageError` for one without a program."""
    found = text(value, label).strip()
    words_in(found, label)
    return found


def read_seconds(value: object, label: str) -> float:
    """A time limit. Raises `UsageError`."""
    allowed = f"a number of seconds above 0, up to {MAX_SECONDS}"
    return float(number(value, label, allowed, lambda x: 0 < x <= MAX_SECONDS))


def output_of(words: Sequence[str], timeout: float, max_bytes: int, name: str, advice: str) -> bytes:
    """What the program ``words`` prints on standard output; it and its children have ended then.

    No shell reads the words. ``name`` is that of the command in messages, ``advice`` says how to allow more time.
    Raises `UsageError` if it cannot be started, `EvonasError` if it fails, runs longer than ``timeout`` seconds or
    prints more than ``max_bytes``.
    """
    with TemporaryFile() as said:
        try:
            process = subprocess.Popen(
                words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=said, start_new_session=True
            )
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or str(error)
            raise UsageError(f"{name} cannot be started: {shorten(words[0])}: {why}") from None
        assert process.stdout is not None
        late = threading.Event()

        def stop() -> None:
            late.set()
            _kill(process)

        timer = threading.Timer(timeout, stop)
        timer.start()
        try:
            found = process.stdout.read(max_bytes + 1)
            if len(found) <= max_bytes:
                process.wait()
        finally:
            timer.cancel()
            _kill(process)  # children that it left behind
            process.stdout.close()
            code = process.wait()
        if late.is_set():
            raise EvonasError(f"{name} did not end within {timeout:g} seconds; {advice}")
        if len(found) > max_bytes:
            raise EvonasError(f"{name} printed more than {max_bytes} bytes")
        if code:
            size = said.seek(0, os.SEEK_END)
            said.seek(max(0, size - 10 * MAX_ERROR_CHARS))
            lines = said.read().decode(errors="replace").strip().splitlines()
            why = f": {shorten(lines[-1].strip(), MAX_ERROR_CHARS)}" if lines else ""
            raise EvonasError(f"{name} failed with exit code {code}{why}")
    return found


def _kill(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError, PermissionError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:  # Windows has no groups of processes
            process.kill()

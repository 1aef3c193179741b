"""SQLite errors as one message with advice."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from evonas.core.atomic_files import room
from evonas.core.shell import command, resuming
from evonas.store.intact import last_sound
from spaces.errors import EvonasError


def is_refusal(text: str) -> bool:
    """Whether the SQLite error means a full or failing disk."""
    return "full" in text or "disk I/O" in text


@contextmanager
def reported(file: Path, begun: bool = True) -> Iterator[None]:
    """Turns SQLite errors of the database ``file`` of a run, which may not have ``begun``, into `EvonasError`."""
    run = file.parent
    try:
        yield
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:  # the second error: names in a damaged schema
        text = " ".join(str(error).split())
        if is_refusal(text):
            advice = resuming(run) if begun else "free disk space and start again"
            raise EvonasError(f"cannot write {file}: {text}{room(file)}; {advice}") from error
        if "readonly" in text or "unable to open" in text:
            raise EvonasError(f"cannot write {file}: {text}; check the permissions of {run}") from error
        if "locked" in text:
            raise EvonasError(f"{file} is locked by another program ({text}); close it and try again") from error
        sound = last_sound(file)
        advice = "restore a backup, or start a new run"
        if sound is not None:
            back = command("resume", run, "--from-generation", str(sound))
            advice = f"generation {sound} is intact; resume from it with: {back}"
        raise EvonasError(f"{file} is damaged ({text}). It was not changed; {advice}") from error

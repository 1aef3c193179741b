"""What SQLite raises, as one message that says what can be done."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from spaces.errors import EvonasError


@contextmanager
def reported(file: Path) -> Iterator[None]:
    """Turns the errors of the database ``file`` of a run into `EvonasError`."""
    run = file.parent
    try:
        yield
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:  # the second: names of a damaged schema
        text = " ".join(str(error).split())
        if "full" in text or "disk I/O" in text:
            advice = f"the finished part of the run is safe; make room and continue with: evonas resume {run}"
            raise EvonasError(f"cannot write {file}: {text}; {advice}") from error
        if "readonly" in text or "unable to open" in text:
            raise EvonasError(f"cannot write {file}: {text}; check the permissions of {run}") from error
        if "locked" in text:
            raise EvonasError(f"{file} is locked by another program ({text}); close it and try again") from error
        from evonas.rewind import last_sound

        sound = last_sound(file)
        advice = "put back a copy, or start a new run"
        if sound is not None:
            advice = (
                f"generation {sound} is sound; go on from it with: evonas resume {run} --from-generation {sound}"
            )
        raise EvonasError(f"{file} is damaged ({text}). It was left as it is; {advice}") from error

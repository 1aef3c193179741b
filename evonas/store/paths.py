"""Default paths of runs."""

from __future__ import annotations

import itertools
from datetime import datetime
from pathlib import Path

from evonas.core.atomic_files import make_directory, synchronise
from evonas.store.settings import SearchSettings
from spaces.errors import EvonasError

MAX_PROXY_CHARS = 80  # file systems allow about 250 for the whole name


def default_path(settings: SearchSettings, directory: Path | None = None) -> Path:
    """A new directory ``runs/<date>-<space>-<proxy>``, numbered from the second run of a day."""
    proxy = "".join(c if c.isalnum() or c in "-_.+" else "-" for c in settings.proxy)[:MAX_PROXY_CHARS].strip("-")
    return dated(f"{settings.space}-{proxy}", directory)


def dated(name: str, directory: Path | None = None) -> Path:
    """A new directory ``runs/<date>-<name>``, numbered from the second run of a day.

    It is created here, so that each of several processes gets its own. Raises `EvonasError` if it cannot be.
    """
    directory = directory or Path("runs")
    base = directory / f"{datetime.now():%Y-%m-%d}-{name}"
    make_directory(directory)
    for number in itertools.count(1):
        path = base if number == 1 else base.with_name(f"{base.name}-{number}")
        try:
            path.mkdir()
        except FileExistsError:
            continue
        except OSError as error:
            raise EvonasError(f"cannot create {path}: {error.strerror or error}") from error
        break
    synchronise(directory)
    return path

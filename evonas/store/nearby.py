"""Existing runs, for shell completion and for messages about a missing run."""

from __future__ import annotations

from pathlib import Path

from spaces.errors import UsageError, shorten
from spaces.registry import closest

IGNORED = ("run.", ".filelock-probe-", ".map-probe-")  # ours, and what asks a disk for what it can
MAX_RUNS, MAX_NAME_CHARS = 5, 100  # in a message
TRAINING = Path("train") / "settings.json"  # in a directory that holds a training


def runs_in(folder: Path) -> list[Path]:
    """The run directories in ``folder``, sorted by name; none if it cannot be read."""
    try:
        return sorted(path for path in folder.iterdir() if is_run(path))
    except (OSError, ValueError):
        return []


def other_runs(path: Path) -> str:
    """The runs next to ``path`` and in ``runs`` as the end of a message; empty if there are none."""
    beside = dict.fromkeys(str(run) for folder in (path.parent, Path("runs")) for run in runs_in(folder))
    found = [run for run in beside if run.isprintable() and len(run) <= MAX_NAME_CHARS]
    near = closest(str(path), found)
    if near.startswith("did you mean"):
        return f" ({near})"
    return (
        f" (existing runs: {', '.join(found[:MAX_RUNS])}{' and others' * (len(found) > MAX_RUNS)})"
        if found
        else ""
    )


def require_empty(path: Path) -> None:
    """Refuses directories with other files, which a run might overwrite."""
    others = sorted(entry.name for entry in path.iterdir() if not entry.name.startswith(IGNORED))
    if others:
        raise UsageError(
            f"{path} is not empty (it contains {shorten(others[0])}); choose a new directory with --run"
        )


def is_run(path: Path) -> bool:
    return (path / "run.db").is_file() or (path / TRAINING).is_file()


def is_search(text: str) -> bool:
    """Whether ``text`` is the path of a search, not a genotype or a name."""
    try:
        return (Path(text) / "run.db").is_file()
    except (OSError, ValueError):  # too long for a path
        return False

"""Commands inside messages, as they can be pasted into a shell."""

from __future__ import annotations

import shlex
from pathlib import Path


def command(*words: str | Path) -> str:
    """``evonas resume 'my runs/x'``."""
    return shlex.join(["evonas", *map(str, words)])


def resuming(run: Path) -> str:
    """What to do when a run cannot write any more."""
    return f"everything written before is kept; make room and continue with: {command('resume', run)}"


def elsewhere(run: Path) -> str:
    """What to do when the best of a run shall be trained in another way than it is in the run itself."""
    return f'train it in a new directory: evonas train "GENOTYPE" --run NEW ({command("show", run)} prints it)'

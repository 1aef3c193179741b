"""Commands inside messages, as they can be pasted into a shell."""

from __future__ import annotations

import shlex
from pathlib import Path

from evonas.core.displaced import named


def command(*words: str | Path) -> str:
    """``evonas resume 'my runs/x'``."""
    return shlex.join(["evonas", *(named(str(word)) for word in words)])


def resuming(run: Path) -> str:
    """How to continue a run that could not write to disk."""
    return f"finished work is saved. Free disk space and resume with: {command('resume', run)}"


def elsewhere(run: Path) -> str:
    """How to train the best genotype of a run with other settings than the run."""
    return f'train it in a new directory: evonas train "GENOTYPE" --run NEW ({command("show", run)} prints it)'

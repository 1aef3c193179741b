"""Shell completion of runs and registered names.

Completion must be fast, so nothing that needs PyTorch is imported: names are read from the lines of the source
that register them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path

from evonas.store.nearby import runs_in

ROOT = Path(__file__).parents[2]
WRITTEN = re.compile(r'\bregister\(\s*"([\w\[\]-]+)"')


def runs(incomplete: str) -> list[str]:
    """Run directories in the typed directory and in its ``runs/``; by default in ``runs/``."""
    typed = incomplete[: incomplete.rfind("/") + 1]  # kept as typed: a shell replaces ./ only by ./
    folders = (typed, f"{typed}runs/") if typed else ("runs/",)
    return _beginning(incomplete, (f"{folder}{path.name}" for folder in folders for path in runs_in(Path(folder))))


def genotypes(incomplete: str) -> list[str]:
    """Published genotypes."""
    from spaces import spaces

    return _beginning(incomplete, (name for space in spaces for name in spaces[space].published()))


def trainable(incomplete: str) -> list[str]:
    """Runs and published genotypes."""
    return [*runs(incomplete), *genotypes(incomplete)]


def spaces(incomplete: str) -> list[str]:
    """Search spaces."""
    from spaces import spaces as registry

    return _beginning(incomplete, registry)


def kinds(incomplete: str) -> list[str]:
    """What ``evonas list`` lists."""
    from evonas.cli.catalogue import KINDS

    return _beginning(incomplete, KINDS)


def data_sets(incomplete: str) -> list[str]:
    """Data sets; the shell completes the path after ``folder:``."""
    return _beginning(incomplete, ("folder:" if name == "folder" else name for name in _written("evonas/data")))


def presets(incomplete: str) -> list[str]:
    """Sets of defaults."""
    from evonas.store.settings import PRESETS

    return _beginning(incomplete, PRESETS)


def recipes(incomplete: str) -> list[str]:
    """Recipes of a training."""
    return _beginning(incomplete, _written("evonas/training/recipes"))


def engines(incomplete: str) -> list[str]:
    """Where scores are computed."""
    return _beginning(incomplete, _written("evonas/engine"))


def proxies(incomplete: str) -> list[str]:
    """Proxies, including the next one of a list or composite; without those with a colon, where shells split."""
    return _next(incomplete, ",+", lambda: _written("fitness"))


def attacks(incomplete: str) -> list[str]:
    """Attacks, including the next one of a list."""
    return _next(incomplete, ",", lambda: _written("evonas/evaluation/attacks"))


def formats(incomplete: str) -> list[str]:
    """Export formats, including the next one of a list."""
    return _next(incomplete, ",", lambda: _written("evonas/exporting"))


def _written(folder: str) -> list[str]:
    """All names that the files of ``folder`` register."""
    files = sorted((ROOT / folder).glob("*.py"))
    return sorted({name for file in files for name in WRITTEN.findall(file.read_text(encoding="utf-8"))})


def _beginning(incomplete: str, names: Iterable[str]) -> list[str]:
    return [name for name in names if name.startswith(incomplete)]


def _next(incomplete: str, separators: str, names: Callable[[], Iterable[str]]) -> list[str]:
    cut = max(incomplete.rfind(separator) for separator in separators) + 1
    return [incomplete[:cut] + name for name in _beginning(incomplete[cut:], names())]

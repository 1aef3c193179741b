"""Shell completion of runs and registered names.

Completion must be fast, so nothing that needs PyTorch is imported: a registry knows its names without the objects.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from evonas.store.nearby import runs_in


def runs(incomplete: str) -> list[str]:
    """Run directories in the typed directory and in its ``runs/``; by default in ``runs/``."""
    typed = incomplete[: incomplete.rfind("/") + 1]  # kept as typed: a shell replaces ./ only by ./
    folders = (typed, f"{typed}runs/") if typed else ("runs/",)
    return _beginning(incomplete, (f"{folder}{path.name}" for folder in folders for path in runs_in(Path(folder))))


def genotypes(incomplete: str) -> list[str]:
    """Published genotypes."""
    from spaces import spaces

    return _beginning(incomplete, (name for _, space in spaces.loadable() for name in space.published()))


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
    from evonas.data.source import sources

    return _beginning(incomplete, ("folder:" if name == "folder" else name for name in sources))


def presets(incomplete: str) -> list[str]:
    """Sets of defaults."""
    from evonas.store.settings import PRESETS

    return _beginning(incomplete, PRESETS)


def recipes(incomplete: str) -> list[str]:
    """Recipes of a training."""
    from evonas.training.recipe import recipes as registry

    return _beginning(incomplete, registry)


def engines(incomplete: str) -> list[str]:
    """Where scores are computed."""
    from evonas.engine.engines import engines as registry

    return _beginning(incomplete, registry)


def algorithms(incomplete: str) -> list[str]:
    """Search algorithms, including the next one of a list."""
    from evonas.searching.algorithms import algorithms as registry

    return _next(incomplete, ",=", registry)


def proxies(incomplete: str) -> list[str]:
    """Proxies, including the next one of a list or composite; without those with a colon, where shells split."""
    from fitness import proxies as registry

    return _next(incomplete, ",+", (name for name in registry if ":" not in name))


def fitness(incomplete: str) -> list[str]:
    """Proxies and other kinds of fitness; the shell completes the path after a colon."""
    from evonas.searching.objectives import fitness_kinds

    return [*proxies(incomplete), *_next(incomplete, ",", (f"{kind}:" for kind in fitness_kinds))]


def attacks(incomplete: str) -> list[str]:
    """Attacks, including the next one of a list."""
    from evonas.evaluation.registered import attacks as registry

    return _next(incomplete, ",", registry)


def certificates(incomplete: str) -> list[str]:
    """Certificates, including the next one of a list."""
    from evonas.evaluation.registered import certificates as registry

    return _next(incomplete, ",", registry)


def assessments(incomplete: str) -> list[str]:
    """Assessments other than attacks, corruptions and certificates, including the next one of a list."""
    from evonas.evaluation.registered import assessments as registry

    return _next(incomplete, ",", registry)


def formats(incomplete: str) -> list[str]:
    """Export formats, including the next one of a list."""
    from evonas.exporting.formats import formats as registry

    return _next(incomplete, ",", registry)


def _beginning(incomplete: str, names: Iterable[str]) -> list[str]:
    return [name for name in names if name.startswith(incomplete)]


def _next(incomplete: str, separators: str, names: Iterable[str]) -> list[str]:
    cut = max(incomplete.rfind(separator) for separator in separators) + 1
    return [incomplete[:cut] + name for name in _beginning(incomplete[cut:], names)]

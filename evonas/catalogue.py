"""Everything that has a name, for ``evonas list``."""

from __future__ import annotations

import inspect

from evonas.data import sources
from evonas.engine import engines
from evonas.search.algorithms import algorithms
from fitness import proxies
from spaces import spaces
from spaces.darts import PUBLISHED

KINDS = ("spaces", "proxies", "algorithms", "datasets", "engines", "genotypes")
NOTES = {
    "proxies": 'Several make one: --proxy "croze+naswot" or "croze*2+synflow*-0.5"; '
    "each is standardised by the first population of the search."
}


def catalogue() -> dict[str, list[dict[str, str]]]:
    """Names with one line about each, by kind."""
    return {
        "spaces": [{"name": name, "about": spaces[name].description} for name in spaces],
        "proxies": [
            {
                "name": name,
                "about": proxies[name].summary,
                "formula": proxies[name].formula,
                "cost": proxies[name].cost,
                "source": proxies[name].source,
            }
            for name in proxies
        ],
        "algorithms": [{"name": name, "about": _first_line(algorithms[name])} for name in algorithms],
        "datasets": [{"name": name, "about": _first_line(sources[name])} for name in sources],
        "engines": [{"name": name, "about": _first_line(engines[name])} for name in engines],
        "genotypes": [
            {"name": name, "about": entry.method, "source": entry.source, "note": entry.note}
            for name, entry in PUBLISHED.items()
        ],
    }


def _first_line(thing: object) -> str:
    return (inspect.getdoc(thing) or "").split("\n")[0]

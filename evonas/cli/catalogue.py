"""The entries of ``evonas list``. Each kind imports what it needs on demand."""

from __future__ import annotations

import inspect
from collections.abc import Iterable

Entries = list[dict[str, str]]

KINDS = (
    "spaces",
    "proxies",
    "algorithms",
    "datasets",
    "engines",
    "recipes",
    "attacks",
    "corruptions",
    "formats",
    "genotypes",
)
NOTES = {
    "proxies": 'Combine proxies into a composite: --proxy "croze+naswot" or "croze*2+synflow*-0.5"; '
    "each proxy is standardised by the first population of the search."
}


def catalogue(kinds: Iterable[str] = KINDS) -> dict[str, Entries]:
    """Names with one line about each, by kind."""
    return {kind: _ENTRIES[kind]() for kind in kinds}


def _spaces() -> Entries:
    from spaces import spaces

    return [{"name": name, "about": spaces[name].description} for name in spaces]


def _proxies() -> Entries:
    from fitness import proxies

    return [
        {
            "name": name,
            "about": proxies[name].summary,
            "formula": proxies[name].formula,
            "cost": proxies[name].cost,
            "source": proxies[name].source,
        }
        for name in proxies
    ]


def _algorithms() -> Entries:
    from evonas.searching.algorithms import algorithms

    return [{"name": name, "about": _first_line(algorithms[name])} for name in algorithms]


def _data_sets() -> Entries:
    from evonas.data import sources

    return [{"name": name, "about": _first_line(sources[name])} for name in sources]


def _engines() -> Entries:
    from evonas.engine import engines

    return [{"name": name, "about": _first_line(engines[name])} for name in engines]


def _recipes() -> Entries:
    from evonas.training.recipes import recipes

    return [
        {
            "name": name,
            "about": recipes[name].in_short,
            "numbers": recipes[name].in_full,
            "source": recipes[name].source,
        }
        for name in recipes
    ]


def _attacks() -> Entries:
    from evonas.evaluation.attacks import attacks
    from evonas.evaluation.attacks.base import INSTALL

    return [
        {
            "name": name,
            "about": _first_line(attacks[name]),
            "source": attacks[name].source,
            "needs": f"{attacks[name].package} ({INSTALL})" if attacks[name].package else "",
        }
        for name in attacks
    ]


def _corruptions() -> Entries:
    from evonas.evaluation.corruptions import GROUPS, corruptions

    grouped = sorted(corruptions, key=lambda name: GROUPS.index(corruptions[name].group))
    return [{"name": name, "about": corruptions[name].about, "group": corruptions[name].group} for name in grouped]


def _formats() -> Entries:
    from evonas.exporting.format import INSTALL
    from evonas.exporting.formats import formats

    return [
        {
            "name": name,
            "about": _first_line(formats[name]),
            "file": formats[name].file,
            "needs": f"{', '.join(formats[name].packages)} ({INSTALL})" if formats[name].packages else "",
        }
        for name in formats
    ]


def _genotypes() -> Entries:
    from spaces import darts, robnet

    return [
        {"name": name, "about": entry.method, "source": entry.source, "note": entry.note}
        for published in (darts.PUBLISHED, robnet.PUBLISHED)
        for name, entry in published.items()
    ]


def _first_line(thing: object) -> str:
    return (inspect.getdoc(thing) or "").split("\n")[0]


_ENTRIES = dict(
    zip(
        KINDS,
        (
            _spaces,
            _proxies,
            _algorithms,
            _data_sets,
            _engines,
            _recipes,
            _attacks,
            _corruptions,
            _formats,
            _genotypes,
        ),
        strict=True,
    )
)

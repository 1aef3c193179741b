"""The entries of ``evonas list``. Each kind imports what it needs on demand."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import TypeVar

from spaces.errors import EvonasError
from spaces.registry import Registry

T = TypeVar("T")
Entry = dict[str, str]
Entries = list[Entry]

KINDS = (
    "spaces",
    "proxies",
    "fitness",
    "algorithms",
    "datasets",
    "engines",
    "recipes",
    "attacks",
    "corruptions",
    "certificates",
    "assessments",
    "formats",
    "genotypes",
)
NOTES = {
    "proxies": 'Combine proxies into a composite: --proxy "croze+naswot" or "croze*2+synflow*-0.5"; '
    "each proxy is standardised by the first population of the search.",
    "assessments": "Installed packages add assessments by entry points of the group evonas.assessments.",
}


def catalogue(kinds: Iterable[str] = KINDS) -> dict[str, Entries]:
    """Names with one line about each, by kind."""
    return {kind: _ENTRIES[kind]() for kind in kinds}


def _described(registry: Registry[T], describe: Callable[[T], Entry]) -> Entries:
    """Every name with its description, or with the reason why it cannot be loaded."""
    entries = []
    for name in registry:
        try:
            entries.append({"name": name, **describe(registry[name])})
        except EvonasError as error:  # of another package
            entries.append({"name": name, "about": f"not available: {error}"})
    return entries


def _documented(thing: object) -> Entry:
    """The first line of its docstring."""
    return {"about": (inspect.getdoc(thing) or "").split("\n")[0]}


def _spaces() -> Entries:
    from spaces import spaces

    return _described(spaces, lambda space: {"about": space.description})


def _proxies() -> Entries:
    from fitness import proxies

    return _described(
        proxies,
        lambda proxy: {
            "about": proxy.summary,
            "formula": proxy.formula,
            "cost": proxy.cost,
            "source": proxy.source,
        },
    )


def _fitness() -> Entries:
    from evonas.searching.objectives import fitness_kinds

    return _described(fitness_kinds, lambda kind: {"form": kind.form, **_documented(kind)})


def _algorithms() -> Entries:
    from evonas.searching.algorithms import algorithms
    from evonas.searching.options import own_options
    from evonas.searching.resolve import sizes_in_words

    return _described(
        algorithms,
        lambda algorithm: {
            **_documented(algorithm),
            "sizes": sizes_in_words(algorithm),
            "options": ", ".join(map(str, own_options(algorithm))),
        },
    )


def _data_sets() -> Entries:
    from evonas.data import sources

    return _described(sources, _documented)


def _engines() -> Entries:
    from evonas.engine import engines

    return _described(engines, _documented)


def _recipes() -> Entries:
    from evonas.training.recipes import recipes

    return _described(
        recipes,
        lambda recipe: {"about": recipe.in_short, "numbers": recipe.in_full, "source": recipe.source},
    )


def _attacks() -> Entries:
    from evonas.evaluation.attacks import attacks
    from evonas.evaluation.attacks.base import INSTALL

    return _described(
        attacks,
        lambda attack: {
            **_documented(attack),
            "source": attack.source,
            "needs": f"{attack.package} ({INSTALL})" if attack.package else "",
        },
    )


def _corruptions() -> Entries:
    from evonas.evaluation.corruptions import GROUPS, corruptions

    entries = _described(corruptions, lambda corruption: {"about": corruption.about, "group": corruption.group})
    return sorted(entries, key=lambda entry: GROUPS.index(entry["group"]))


def _certificates() -> Entries:
    from evonas.evaluation.registered import certificates

    return _described(
        certificates,
        lambda certificate: {
            **_documented(certificate),
            "source": certificate.source,
            "needs": certificate.package,
        },
    )


def _assessments() -> Entries:
    from evonas.evaluation.registered import assessments

    return _described(
        assessments,
        lambda assessment: {
            **_documented(assessment),
            "source": assessment.source,
            "needs": assessment.package,
        },
    )


def _formats() -> Entries:
    from evonas.exporting.format import INSTALL
    from evonas.exporting.formats import formats

    return _described(
        formats,
        lambda format: {
            **_documented(format),
            "file": format.file,
            "needs": f"{', '.join(format.packages)} ({INSTALL})" if format.packages else "",
        },
    )


def _genotypes() -> Entries:
    from spaces import spaces

    return [
        {
            "name": name,
            "about": entry.method,
            "space": space,
            "source": entry.source,
            "note": entry.note,
            "genotype": str(entry.genotype),
        }
        for space, owner in spaces.loadable()
        for name, entry in owner.published().items()
    ]


_ENTRIES = dict(
    zip(
        KINDS,
        (
            _spaces,
            _proxies,
            _fitness,
            _algorithms,
            _data_sets,
            _engines,
            _recipes,
            _attacks,
            _corruptions,
            _certificates,
            _assessments,
            _formats,
            _genotypes,
        ),
        strict=True,
    )
)

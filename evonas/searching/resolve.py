"""Fills in the defaults of the settings of a search, and tells which of them may change on a resume."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from evonas.core.arguments import option, plain, text
from evonas.core.fields import fields_of
from evonas.core.options import assigned
from evonas.store.headline import require_pick
from evonas.store.searched import given_options
from evonas.store.settings import (
    CHANGEABLE,
    MAX_GPU_NETWORKS,
    UNLIMITED,
    SearchSettings,
)
from evonas.store.stem import stem_of
from spaces.errors import UsageError

if TYPE_CHECKING:
    from evonas.searching.algorithm import Algorithm

PLACES = ("dataset", "proxy", "objectives", "constraints")  # they may name files that were moved
SIZES = ("population", "tournament", "children")

DEFAULT_GENERATIONS = 50
DEFAULT_POPULATION = 100  # of an algorithm that has no other; presets and options win


def resolve(settings: SearchSettings) -> SearchSettings:
    """The same settings with every default filled in; loads the algorithm, whose sizes are its defaults.

    Raises `UsageError` as `resolve_scoring` does, and for a first population that --evaluations does not cover.
    """
    from evonas.searching.algorithms import algorithms
    from evonas.searching.objectives.named import fitness_for

    settings, budget = resolve_scoring(settings), settings.evaluations
    _require_several(settings)
    if settings.pick is not None:
        require_pick(settings.pick, fitness_for(settings).objectives)
    if budget is not None and settings.population is not None and settings.population > budget:
        raise UsageError(
            f"--evaluations {budget} is less than --population {settings.population}; add --population {budget} "
            "or a smaller one"
        )
    kind, generations = algorithms[settings.algorithm], settings.generations
    default = sizes(kind, settings.population, budget)
    if "tournament" not in used_sizes(kind):
        if settings.tournament is not None:
            raise UsageError(f"the algorithm {settings.algorithm} has no tournament; omit --tournament")
        del default["tournament"]
    return dataclasses.replace(
        settings,
        generations=DEFAULT_GENERATIONS if generations is None and budget is None else generations,
        population=default["population"],
        tournament=settings.tournament or default.get("tournament"),
        children=settings.children or default["children"],
    )


def _require_several(settings: SearchSettings) -> None:
    """Raises `UsageError` for several objectives with an algorithm of one, unless they are joined."""
    from evonas.searching.algorithms import algorithms

    name, kind = settings.algorithm, algorithms[settings.algorithm]
    if settings.joint and settings.objectives is None:
        raise UsageError("--joint ranks by several objectives; add --objectives A,B")
    if settings.joint and kind.several:
        raise UsageError(f"the algorithm {name} optimises several objectives itself; omit --joint")
    if settings.joint and not kind.judged:
        raise UsageError(
            f"the algorithm {name} cannot follow --joint, as it does not rank all individuals so far; use "
            "an algorithm such as local-search"
        )
    if settings.objectives is not None and not kind.several and not settings.joint:
        joined = "add --joint" if kind.judged else "use --joint with an algorithm such as local-search"
        raise UsageError(
            f"the algorithm {name} has one objective; add --algorithm nsga2 to optimise several, or {joined}"
        )


def sizes(kind: type[Algorithm], population: int | None = None, budget: int | None = None) -> dict[str, int]:
    """The default sizes of an algorithm, for a ``population`` other than its own if it is given.

    They are those fields of its ``Options`` that have a default; else a population of 100, children of half of it
    and tournaments of a quarter.
    """
    fields = {field.name: field.default for field in dataclasses.fields(kind.Options) if field.name in SIZES}
    declared: dict[str, int] = {name: size for name, size in fields.items() if isinstance(size, int)}
    own = declared.get("population", DEFAULT_POPULATION)
    population = population or min(own, budget or own)
    tournament = declared.get("tournament", max(2, population // 4))
    children = declared.get("children", max(1, population // 2))
    return {
        "population": population,
        "tournament": min(population, tournament),
        "children": min(population, children),
    }


def used_sizes(kind: type[Algorithm]) -> list[str]:
    """The sizes that an algorithm uses."""
    return [field.name for field in dataclasses.fields(kind.Options) if field.name in SIZES]


def sizes_in_words(kind: type[Algorithm]) -> str:
    """The default sizes that an algorithm uses, such as ``population 10, children 1``."""
    used = used_sizes(kind)
    return ", ".join(f"{name} {size}" for name, size in sizes(kind).items() if name in used)


def resolve_scoring(settings: SearchSettings) -> SearchSettings:
    """The same settings with every default filled in that scoring needs; an algorithm is not loaded.

    Raises `UsageError` for unknown names and for a size that the space does not have.

    The default parameter limit is counted at the default size of the space (6e6 at C=36, L=20 for DARTS), so
    that the same genotypes are allowed at every size; an explicit limit is counted at the size of the run.
    """
    from evonas.core.devices import pick
    from evonas.data import describe
    from evonas.searching.algorithms import algorithms
    from evonas.searching.constraint import constraints_of
    from evonas.searching.objectives.named import fitness_for
    from evonas.searching.task import shares_passes
    from spaces import NetworkSize, spaces

    space, fitness = spaces[settings.space], fitness_for(settings)
    if settings.algorithm not in algorithms:
        _ = algorithms[settings.algorithm]  # the error names the closest ones
    channels, layers = settings.channels or space.default_channels, settings.layers or space.default_layers
    data = describe(settings.dataset, settings.data_dir, settings.image_size)
    stem = stem_of(settings.stem, space, data.image_size)
    space.check_size(NetworkSize(channels, layers, len(data.classes), data.image_size, stem))
    default_limit, device = settings.max_params is None, pick(settings.device)
    shares = shares_passes(space, device)
    return dataclasses.replace(
        settings,
        proxy=fitness.parts[0].text,
        objectives=None if settings.objectives is None else fitness.text,
        constraints=tuple(dict.fromkeys(one.text for one in constraints_of(settings))),
        channels=channels,
        layers=layers,
        image_size=data.image_size,
        stem=stem,
        classes=len(data.classes),
        max_params=(space.default_max_params or UNLIMITED) if default_limit else settings.max_params,
        max_params_at=settings.max_params_at
        or ((space.default_channels, space.default_layers) if default_limit else (channels, layers)),
        device=device,
        batch_networks=settings.batch_networks or (MAX_GPU_NETWORKS if shares else 1),
    )


def changed(stored: SearchSettings, options: dict[str, Any]) -> SearchSettings:
    """``stored`` with the given options, of which only `CHANGEABLE` may differ, and an explicit device.

    A folder of images, or the table of a fitness or constraint, may have been moved: its path may differ, too.

    Raises `UsageError` naming every other setting that differs.
    """
    from evonas.core.devices import pick
    from evonas.searching.constraint import constraints_of, meaning
    from evonas.searching.objectives.named import fitness_for, fitness_of, several_of

    options = dict(options)
    algorithm = options.pop("options", None)
    asked = {} if algorithm is None else assigned(algorithm)
    wanted = {name: plain(value) for name, value in given_options(options).items()}
    wanted |= {
        name: text(wanted[name], option(name)) for name in ("dataset", "proxy", "objectives") if name in wanted
    }
    if "batch_networks" in wanted:
        networks = fields_of(SearchSettings)["batch_networks"].checked(wanted["batch_networks"])
        if (networks == 1) != (stored.batch_networks == 1):
            raise UsageError(
                f"this run was started with --batch-networks {stored.batch_networks}; a run cannot switch between "
                "1 and larger numbers, because their rounding differs on a CPU; omit the option"
            )
    if "constraints" in wanted:
        other = dataclasses.replace(stored, constraints=wanted["constraints"])
        wanted["constraints"] = tuple(one.text for one in constraints_of(other))
    named = {
        name: of(wanted[name])
        for name, of in (("proxy", fitness_of), ("objectives", several_of))
        if name in wanted
    }
    wanted |= {name: fitness.text for name, fitness in named.items()}
    places = [wanted.get("dataset", ""), stored.dataset]
    free = [*CHANGEABLE, *(["dataset"] if all(place.startswith("folder:") for place in places) else [])]
    known, goal = fitness_for(stored).objectives, "proxy" if stored.objectives is None else "objectives"
    free += [name for name, fitness in named.items() if fitness.objectives == known]
    if "constraints" in wanted and [*map(meaning, wanted["constraints"])] == [*map(meaning, stored.constraints)]:
        free.append("constraints")
    refused = [name for name in wanted if name not in free and _differs(wanted[name], getattr(stored, name))]
    refused += ["proxy"] if "proxy" in wanted and goal != "proxy" else []  # which is the first of several
    refused = list(dict.fromkeys(goal if name in ("proxy", "objectives") else name for name in refused))
    different = [_said(name, getattr(stored, name)) for name in refused]
    if asked:
        from evonas.searching.options import differing  # loads the algorithm

        different += differing(stored, asked)
    if different:
        differences = ", ".join(different)
        raise UsageError(
            f"this run was started with {differences}; a run keeps its settings "
            f"(only --{', --'.join(name.replace('_', '-') for name in CHANGEABLE)} may change). "
            "Start a new run with evonas search"
        )
    found = dataclasses.replace(stored, **{name: wanted[name] for name in free if name in wanted})
    if stored.evaluations is None and found.evaluations is not None and "generations" not in wanted:
        found = dataclasses.replace(found, generations=None)
    if "pick" in wanted:
        require_pick(found.pick or "", known)
    if "objectives" in free:
        found = dataclasses.replace(found, proxy=named["objectives"].parts[0].text)
    return dataclasses.replace(found, device=pick("auto")) if found.device == "auto" else found


def _said(name: str, value: object) -> str:
    """A setting of a run as words of the command line."""
    spelling = fields_of(SearchSettings)[name].spelling
    if isinstance(value, bool):
        return spelling if value else f"no {spelling}"
    return " ".join(f"{spelling} {one}" for one in (value if isinstance(value, tuple) and value else (value,)))


def _differs(value: object, stored: object) -> bool:
    """Of equal types only, as an object of another class may compare as it likes."""
    if type(value) is tuple and isinstance(stored, tuple):
        return len(value) != len(stored) or any(map(_differs, value, stored))
    return type(value) is not type(stored) or value != stored

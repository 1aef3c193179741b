"""Scores of genotypes outside a search."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from evonas.core.events import Observer, unwatched, warning
from evonas.core.files import exists
from evonas.core.separated import joined
from evonas.core.shell import command
from evonas.engine.scores import Proxies, Scorer, score_chunk
from evonas.searching.images import images_for, images_of
from evonas.searching.measure import Measure
from evonas.searching.objectives.fitness import Fitness
from evonas.searching.objectives.latency import require_repeated, require_used, uses_command
from evonas.searching.objectives.named import fitness_for, fitness_of
from evonas.searching.resolve import changed, resolve_scoring
from evonas.searching.task import task_of
from evonas.store.run import Run
from evonas.store.settings import SearchSettings
from evonas.training.artefacts import MAX_PATH_CHARS, genotype_at
from fitness import Score, Task
from spaces import Space, UsageError, spaces
from spaces.given import parsed, reads

DEFAULT = ("croze",)


class ScoreRow(NamedTuple):
    """One genotype with its size and its scores; a score is None if it cannot be computed."""

    name: str  # as passed by the user
    genotype: Any
    params: int
    flops: int
    scores: dict[str, float | None]
    reasons: dict[str, str]  # of the scores that are None
    seconds: float

    def as_json(self) -> dict[str, Any]:
        """The JSON object that ``evonas score --json`` prints."""
        shape = {"genotype": str(self.genotype), "params": self.params, "flops": self.flops}
        return shape | {"scores": self.scores, "reasons": self.reasons, "seconds": self.seconds}


def score(
    genotypes: Sequence[str],
    proxy_names: Sequence[str] | None,
    settings: SearchSettings,
    observer: Observer | None = None,
) -> list[ScoreRow]:
    """Score genotypes or published architectures with several proxies.

    Images are read only if a proxy needs them. Raises `UsageError` for a malformed genotype, an unknown name or
    a composite, before anything is computed.
    """
    settings = resolve_scoring(settings)
    asked = [fitness_of(name).within(settings) for name in proxy_names or DEFAULT]
    require_used(settings.latency_command, asked)
    for fitness in asked:
        fitness.check(spaces[settings.space])
    _require_proxies(
        asked, "it is standardised by the first population of a search, so it has no value without a run"
    )
    parsed = _parse(genotypes, settings)
    images = images_for(asked, settings, warning(unwatched if observer is None else observer))
    return _rows(genotypes, parsed, asked, task_of(settings, images))


def score_as(
    run: str | Path,
    genotypes: Sequence[str],
    proxy_names: Sequence[str] | None,
    options: dict[str, Any],
    measuring: bool = True,
) -> list[ScoreRow]:
    """Score genotypes with the settings of a run, by default with its proxy, which may be a composite.

    ``options`` may name the settings that a resume may change. Without ``measuring``, its measured objectives are
    left out. Raises `UsageError` if other settings differ from those of the run, and `EvonasError` if
    the images do.
    """
    with Run.read(Path(run)) as store:
        measure, asked = Measure(store), [fitness_of(name) for name in proxy_names or ()]
        own = [part.objectives for part in measure.fitness.parts]
        settings = changed(store.settings, {**_moved(store.settings, asked), **options})
        asked = [fitness.within(settings) for fitness in asked]
        asked = asked or [part for part in fitness_for(settings).parts if measuring or not part.measured]
        if uses_command(asked):
            require_repeated(run, settings.latency_command, options.get("latency_command"))
        others = [fitness for fitness in asked if fitness.objectives not in own]
        if measure.open and len(others) < len(asked):
            raise UsageError(
                f"{run} has not finished its first population, which standardises {measure.proxy!r}; "
                f"resume it with: {command('resume', run)}"
            )
        _require_proxies(
            others, f"it differs from the proxy of {run}, {measure.proxy!r}, so it has no statistics there"
        )
        parsed = _parse(genotypes, settings)
        return _rows(genotypes, parsed, asked, task_of(settings, images_of(store, settings, others)), measure)


def _moved(settings: SearchSettings, asked: Sequence[Fitness]) -> dict[str, str]:
    """What names the fitness of a run if the files of some of its parts are where ``asked`` says."""
    places = {fitness.objectives: fitness for fitness in asked}
    parts = [places.get(part.objectives, part) for part in fitness_for(settings).parts]
    if settings.objectives is None:
        return {"proxy": parts[0].text}
    return {"objectives": joined(part.text for part in parts)}


def _require_proxies(asked: Sequence[Fitness], why_not: str) -> None:
    for fitness in asked:
        if not fitness.members:
            continue
        raise UsageError(
            f"{fitness.text!r} is a composite: {why_not}. Score its proxies (--proxy {','.join(fitness.names)}), "
            "or use a run that was searched with it (--run RUN)"
        )


def _parse(genotypes: Sequence[str], settings: SearchSettings) -> list[Any]:
    if not genotypes:
        raise UsageError("pass at least one genotype, or the name of a published one (see evonas list genotypes)")
    space = spaces[settings.space]
    return [parsed(space, _text(space, text)) for text in genotypes]


def _text(space: Space, text: str) -> str:
    """``text``, or the genotype in the file or directory of that name."""
    if len(text) > MAX_PATH_CHARS or not exists(Path(text)) or reads(space, text):
        return text
    return genotype_at(Path(text), "score").genotype


def _rows(
    genotypes: Sequence[str],
    parsed: Sequence[Any],
    asked: Sequence[Fitness],
    task: Task,
    measure: Measure | None = None,
) -> list[ScoreRow]:
    rows = []
    for text, genotype, scored in zip(genotypes, parsed, _scored(parsed, asked, task), strict=True):
        found = {fitness.text: _one(fitness, scored, measure) for fitness in asked}
        rows.append(
            ScoreRow(
                text,
                genotype,
                task.space.params(genotype, task.size),
                task.space.flops(genotype, task.size),
                {name: result.value for name, result in found.items()},
                {name: result.reason for name, result in found.items() if result.value is None},
                sum(result.seconds for result in scored.values()),
            )
        )
    return rows


def _scored(genotypes: Sequence[Any], asked: Sequence[Fitness], task: Task) -> list[dict[str, Score]]:
    """The values of each genotype; proxies are scored together, so that those of the same passes share them."""
    by_name = {name: fitness for fitness in asked for name in fitness.names}
    names = tuple(name for name, fitness in by_name.items() if fitness.of_proxies)
    others = dict.fromkeys(fitness for fitness in by_name.values() if not fitness.of_proxies)
    parts: list[Scorer] = [*([Proxies(names)] if names else []), *others]
    scored = [list(score_chunk(genotypes, part, task)) for part in parts]
    return [
        {name: score for values in of_one for name, score in values.items()}
        for of_one in zip(*scored, strict=True)
    ]


def _one(fitness: Fitness, scored: dict[str, Score], measure: Measure | None) -> Score:
    if fitness.members and measure is not None:
        return measure.of(scored, fitness.objectives[0].name)
    return scored[fitness.objectives[0].name]

"""Scores of genotypes outside a search."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from evonas.core.events import Observer, unwatched, warning
from evonas.core.files import exists
from evonas.core.shell import command
from evonas.engine.scores import Proxies, score_chunk
from evonas.searching.images import images_for, images_of
from evonas.searching.measure import Measure
from evonas.searching.resolve import changed, resolve
from evonas.searching.task import task_of
from evonas.store.run import Run
from evonas.store.settings import SearchSettings
from evonas.training.artefacts import MAX_PATH_CHARS, genotype_at
from fitness import Score, Task
from fitness.composite import is_composite, names, normal
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
    settings = resolve(settings)
    asked = [normal(name) for name in proxy_names or DEFAULT]
    _require_proxies(
        asked, "it is standardised by the first population of a search, so it has no value without a run"
    )
    parsed = _parse(genotypes, settings)
    images = images_for(asked, settings, warning(observer or unwatched))
    return _rows(genotypes, parsed, asked, task_of(settings, images))


def score_as(
    run: str | Path, genotypes: Sequence[str], proxy_names: Sequence[str] | None, options: dict[str, Any]
) -> list[ScoreRow]:
    """Score genotypes with the settings of a run, by default with its proxy, which may be a composite.

    ``options`` may name the settings that a resume may change. Raises `UsageError` if other settings differ from
    those of the run, and `EvonasError` if the images do.
    """
    with Run.read(Path(run)) as store:
        settings = changed(store.settings, options)
        measure = Measure(store)
        asked = [normal(name) for name in proxy_names or [measure.proxy]]
        if measure.open and measure.proxy in asked:
            raise UsageError(
                f"{run} has not finished its first population, which standardises {measure.proxy!r}; "
                f"resume it with: {command('resume', run)}"
            )
        others = [name for name in asked if name != measure.proxy]
        _require_proxies(
            others, f"it differs from the proxy of {run}, {measure.proxy!r}, so it has no statistics there"
        )
        parsed = _parse(genotypes, settings)
        return _rows(genotypes, parsed, asked, task_of(settings, images_of(store, settings, asked)), measure)


def _require_proxies(asked: Sequence[str], why_not: str) -> None:
    for name in filter(is_composite, asked):
        raise UsageError(
            f"{name!r} is a composite: {why_not}. Score its proxies (--proxy {','.join(names(name))}), "
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
    asked: Sequence[str],
    task: Task,
    measure: Measure | None = None,
) -> list[ScoreRow]:
    members = list(dict.fromkeys(member for name in asked for member in names(name)))
    rows = []
    for text, genotype, scored in zip(
        genotypes, parsed, score_chunk(parsed, Proxies(tuple(members)), task), strict=True
    ):
        found = {name: _one(name, scored, measure) for name in asked}
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


def _one(name: str, scored: dict[str, Score], measure: Measure | None) -> Score:
    return scored[name] if measure is None or not is_composite(name) else measure.of(scored)

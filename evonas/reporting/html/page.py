"""The report of a run: one self-contained HTML file."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from html import escape
from importlib.resources import files
from pathlib import Path

from evonas.core.atomic_files import replace_text
from evonas.reporting.facts import Facts, TrainingFacts, gather
from evonas.reporting.html.ancestry import ancestry
from evonas.reporting.html.cells import cells
from evonas.reporting.html.colophon import repeat, repeat_training, settings, training_settings
from evonas.reporting.html.composition import composition
from evonas.reporting.html.controls import controls
from evonas.reporting.html.evolution import evolution
from evonas.reporting.html.finalists import finalists
from evonas.reporting.html.front import front
from evonas.reporting.html.gallery import gallery
from evonas.reporting.html.headline import headline
from evonas.reporting.html.pareto import pareto
from evonas.reporting.html.retrained import retrained
from evonas.reporting.html.sections import assessed
from evonas.reporting.html.training import training
from evonas.store.length import length
from evonas.store.settings import SearchSettings

NAME = "report.html"
SECTIONS: tuple[tuple[str, tuple[Callable[[Facts], str], ...]], ...] = (
    ("Result", (headline,)),
    ("Network", (cells,)),
    ("Robustness", (assessed, retrained, gallery)),
    ("Control group", (controls,)),
    ("Search and training", (evolution, front, pareto, composition, finalists, training, ancestry)),
    ("Reproduce", (repeat, settings)),
)
OF_TRAINING: tuple[tuple[str, tuple[Callable[[TrainingFacts], str], ...]], ...] = (
    ("Result", (headline,)),
    ("Network", (cells,)),
    ("Robustness", (assessed, retrained, gallery)),
    ("Training", (training,)),
    ("Reproduce", (repeat_training, training_settings)),
)


def write_report(
    run: str | Path,
    out: str | Path | None = None,
    device: str = "auto",
    data_dir: str | None = None,
    dataset: str | None = None,
) -> Path:
    """Write the report of ``run``, by default to report.html in it; returns its path.

    Raises `EvonasError` if the run cannot be read or the file cannot be written.
    """
    path = Path(run)
    facts = gather(path, device, data_dir, dataset)
    place = path / NAME if out is None else Path(out)
    replace_text(place, page(facts), own=False)
    return place


def page(facts: TrainingFacts) -> str:
    """The whole document; that of a training without a search has no sections about one."""
    title = f"{facts.path.name or facts.path} · evonas"
    if isinstance(facts, Facts):
        found = [(name, "".join(part(facts) for part in parts)) for name, parts in SECTIONS]
    else:
        found = [(name, "".join(part(facts) for part in parts)) for name, parts in OF_TRAINING]
    body = [f'<section><h2>{name}</h2><div class="grid">{text}</div></section>' for name, text in found if text]
    style = files("evonas.reporting.html").joinpath("page.css").read_text(encoding="utf-8")
    stage = _stage(facts) if isinstance(facts, Facts) else STAGES[facts.summary.stage]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{escape(title)}</title><style>{style}</style></head><body><header>"
        f"<h1>{escape(facts.path.name or str(facts.path))}</h1>"
        f"<p>{escape(_about(facts))}</p>"
        f'<p class="stage">{escape(stage)}</p></header><main>{"".join(body)}</main>'
        f"<footer>evonas, {datetime.now():%Y-%m-%d %H:%M}</footer></body></html>\n"
    )


STAGES = {
    "training": "in training, without a search",
    "trained": "trained without a search; not evaluated yet",
    "evaluated": "trained without a search, and evaluated",
}


def _about(facts: TrainingFacts) -> str:
    """Space, data and size in one line."""
    settings = facts.summary.settings
    how = f"fitness {settings.fitness}" if isinstance(settings, SearchSettings) else f"recipe {settings.recipe}"
    return (
        f"{settings.space} on {settings.dataset}, {how}, C={settings.channels}, L={settings.layers}, "
        f"seed {settings.seed}"
    )


def _stage(facts: Facts) -> str:
    summary = facts.summary
    asked = length(summary.settings)
    if summary.stage == "search":
        reached = "the first population" if summary.generation < 0 else f"generation {summary.generation}"
        spent = "" if summary.settings.generations is not None else f", {summary.evaluations} evaluations"
        return f"in progress: {reached}{spent} of {asked}"
    words = {
        "searched": "searched; not trained yet",
        "training": f"searched; in training, {len(facts.epochs)} epochs done",
        "trained": "searched and trained; not evaluated yet",
        "evaluated": "searched, trained and evaluated",
    }
    return f"{asked}: {words[summary.stage]}"

"""Settings, versions, and the commands that reproduce the run."""

from __future__ import annotations

import dataclasses
from html import escape

from evonas.core.quantities import duration
from evonas.reporting.facts import Facts, TrainingFacts
from evonas.reporting.reproduce import evaluate_command, genotype_command, search_command, train_command


def repeat(facts: Facts) -> str:
    """The commands that reproduce the run."""
    again = facts.path.with_name(facts.path.name + "-again")
    lines = [search_command(facts.summary.settings, facts.plan, again)]
    if facts.plan is None and facts.training is not None:
        lines.append(train_command(facts.training, again))
    if facts.plan is None and facts.evaluation is not None:
        lines.append(evaluate_command(facts.evaluation, again))
    where = facts.summary.settings.device
    note = (
        f"The same versions and the same kind of device ({escape(where)}) give the same run. On a GPU the order "
        "of additions varies, so that scores agree up to rounding."
        if where.startswith("cuda")
        else "With the same versions on a CPU, they give a bit-identical run."
    )
    shown = f"<pre>{escape(chr(10).join(lines))}</pre>"
    return f'<figure class="broad"><h3>Commands</h3>{shown}<p class="note">{note}</p></figure>'


def repeat_training(facts: TrainingFacts) -> str:
    """The commands that give the training and its evaluation again."""
    assert facts.training is not None
    again = facts.path.with_name(facts.path.name + "-again")
    lines = [genotype_command(facts.training, again)]
    if facts.evaluation is not None:
        lines.append(evaluate_command(facts.evaluation, again))
    return f'<figure class="broad"><h3>Repeat it</h3><pre>{escape(chr(10).join(lines))}</pre></figure>'


def training_settings(facts: TrainingFacts) -> str:
    """Every setting of the training."""
    assert facts.training is not None
    values = facts.training.that_count
    pairs = [
        (name, str(value)) for name, value in values.items() if value not in (None, "") and name != "genotype"
    ]
    return f'<div class="triple">{_table("Training", pairs)}</div>'


def settings(facts: Facts) -> str:
    """All settings of the search, and the versions."""
    summary = facts.summary
    values = dataclasses.asdict(summary.settings)
    options = dict(values.pop("options"))
    pairs = [
        (name, str(value))
        for name, value in (values | options).items()
        if value is not None and value is not False
    ]
    each = summary.seconds_per_evaluation
    counts = [
        ("evaluations", f"{summary.evaluations:,}"),
        ("cache hits", f"{summary.cache_hits:,}"),
        ("without score", f"{summary.failures:,}"),
        ("time per evaluation", "-" if each is None else duration(each)),
        ("time of the search", duration(sum(row.seconds for row in summary.history))),
        ("started", summary.created[:16].replace("T", " ")),
    ]
    tables = _table("Search", pairs), _table("Counts", counts), _table("Versions", list(summary.versions.items()))
    return f'<div class="triple">{"".join(tables)}</div>'


def _table(title: str, pairs: list[tuple[str, str]]) -> str:
    rows = "".join(
        f"<tr><th>{escape(name.replace('_', ' '))}</th><td>{escape(value)}</td></tr>" for name, value in pairs
    )
    return f'<figure><h3>{title}</h3><table class="pairs">{rows}</table></figure>'

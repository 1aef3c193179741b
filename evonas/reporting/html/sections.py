"""Sections of the report by what was assessed: attacks, corruptions, and the name of any other assessment."""

from __future__ import annotations

from collections.abc import Callable
from html import escape

from evonas.core.quantities import number
from evonas.reporting.facts import TrainingFacts
from spaces.registry import Registry

Section = Callable[[TrainingFacts], str]  # figures as HTML
sections: Registry[Section] = Registry(
    "section",
    {
        "attacks": "evonas.reporting.html.robustness",
        "corruptions": "evonas.reporting.html.corruptions",
        "crown-ibp": "evonas.reporting.html.certificates",
        "ibp": "evonas.reporting.html.certificates",
        "smoothing": "evonas.reporting.html.smoothing",
    },
    group="evonas.sections",
)


def assessed(facts: TrainingFacts) -> str:
    """The section of everything that the evaluation measured; a table where none is registered."""
    if facts.evaluation is None:
        return ""
    return "".join(
        sections[name](facts) if name in sections else _table(facts, name) for name in facts.evaluation.assessed
    )


def _table(facts: TrainingFacts, name: str) -> str:
    """Rates with their intervals, then the other numbers."""
    assert facts.evaluation is not None
    found = facts.evaluation.assessments[name]
    rows = []
    for label, rate in found.rates.items():
        low, high = rate.interval
        cells = f"<td>{100 * rate.accuracy:.2f}</td><td>{100 * low:.2f} to {100 * high:.2f}</td>"
        rows.append(f"<tr><th>{escape(label)}</th>{cells}</tr>")
    head = "<tr><th></th><th>images, %</th><th>95 % interval over test images</th></tr>" if rows else ""
    for label, value in found.scalars.items():
        rows.append(f"<tr><th>{escape(label)}</th><td>{number(value)}</td></tr>")
    return f'<figure><h3>{escape(name)}</h3><table class="numbers">{head}{"".join(rows)}</table></figure>'

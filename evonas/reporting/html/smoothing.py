"""Certified accuracy by randomised smoothing at each l2 radius."""

from __future__ import annotations

from html import escape

from evonas.core.quantities import number
from evonas.evaluation.certificates.smoothed import SMOOTHING, Smoothed
from evonas.evaluation.outcomes import Outcome
from evonas.reporting.facts import TrainingFacts
from evonas.reporting.html.sections import sections


@sections.register("smoothing")
def smoothing(facts: TrainingFacts) -> str:
    """For each sigma, a table of accuracies against the radius, then the other rates and numbers."""
    found = facts.evaluation
    if found is None:
        return ""
    return "".join(_figure(one, found.assessments[name]) for name, one in found.smoothed.items())


def _figure(smoothed: Smoothed, outcome: Outcome) -> str:
    rows = []
    for name, rate in outcome.rates.items():
        low, high = rate.interval
        cells = (f"{100 * rate.accuracy:.2f}", f"{100 * low:.2f} to {100 * high:.2f}")
        rows.append(f"<tr><th>{escape(name)}</th>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>")
    head = "<tr><th></th><th>images, %</th><th>95 % interval over test images</th></tr>"
    others = [
        f"<tr><th>{escape(name)}</th><td>{number(value)}</td></tr>"
        for name, value in {**outcome.identity, **outcome.scalars}.items()
        if type(value) in (int, float) and name != SMOOTHING
    ]
    note = f'<p class="note">{escape(smoothed.note)}</p>' if smoothed.note else ""
    tables = "".join(f'<table class="numbers">{text}</table>' for text in (head + "".join(rows), "".join(others)))
    return (
        f"<figure><h3>Certified by randomised smoothing (l2), sigma {smoothed.sigma:g}</h3>{tables}{note}</figure>"
    )

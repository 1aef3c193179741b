"""Certified accuracy at each epsilon, the gap to pgd, and the certified radii."""

from __future__ import annotations

from html import escape

from evonas.core.quantities import number
from evonas.reporting.facts import TrainingFacts
from evonas.reporting.html.sections import sections


def certificate(facts: TrainingFacts, name: str) -> str:
    """A table of one certificate."""
    found = facts.evaluation
    if found is None or name not in found.certified:
        return ""
    certified, gaps = found.certified[name], found.gaps[name]
    rows = []
    for epsilon, rate in certified.rates.items():
        low, high = rate.interval
        gap = f"{100 * gaps[epsilon]:.2f}" if epsilon in gaps else ""
        cells = (f"{100 * rate.accuracy:.2f}", f"{100 * low:.2f} to {100 * high:.2f}", gap)
        rows.append(f"<tr><th>{epsilon:g}/255</th>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>")
    numbers = found.assessments[name].scalars.items()
    others = [f"<tr><th>{escape(label)}</th><td>{number(value)}</td></tr>" for label, value in numbers]
    interval = "95 % interval over test images"
    head = f"<tr><th></th><th>certified, %</th><th>{interval}</th><th>below pgd, points</th></tr>"
    note = f'<p class="note">{escape(certified.note)}</p>' if certified.note else ""
    tables = "".join(f'<table class="numbers">{text}</table>' for text in (head + "".join(rows), "".join(others)))
    return f"<figure><h3>Certified by {escape(name)}</h3>{tables}{note}</figure>"


@sections.register("ibp")
def ibp(facts: TrainingFacts) -> str:
    """Interval bounds."""
    return certificate(facts, "ibp")


@sections.register("crown-ibp")
def crown_ibp(facts: TrainingFacts) -> str:
    """Linear bounds."""
    return certificate(facts, "crown-ibp")

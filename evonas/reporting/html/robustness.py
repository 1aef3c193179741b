"""Accuracy against epsilon."""

from __future__ import annotations

from html import escape

from evonas.evaluation.rates import Rate
from evonas.reporting.facts import TrainingFacts
from evonas.reporting.figures import robustness as figure
from evonas.reporting.html import svg
from evonas.reporting.html.sections import sections

WHISKERS = '<p class="note">Whiskers are 95 % intervals over test images.</p>'


@sections.register("attacks")
def robustness(facts: TrainingFacts) -> str:
    """Accuracy against epsilon as a figure, and all attacks as a table."""
    return curves(facts) + attacks(facts)


def curves(facts: TrainingFacts) -> str:
    """One line per attack, starting at the clean accuracy, with 95 % intervals."""
    found = facts.evaluation
    if found is None or not found.epsilons:
        return ""
    x, y, parts = svg.horizontal(0, max(found.epsilons) or 1.0), svg.vertical(0, 100), []
    lines = figure.curves(found)
    for curve in lines:
        at, up = x.all(curve.epsilons).tolist(), y.all(curve.accuracy).tolist()
        parts.append(f'<g class="attack" style="--c:{curve.colour}">{svg.line(at, up, "")}')
        ends = zip(y.all(curve.low).tolist(), y.all(curve.high).tolist(), strict=True)
        for epsilon, share, a, b, (low, high) in zip(curve.epsilons, curve.accuracy, at, up, ends, strict=True):
            label = f"{curve.name} {epsilon:g}/255:" if epsilon else "clean"
            parts.append(f'<path class="line whisker" d="M{a:.1f} {low:.1f}V{high:.1f}"/>')
            parts.append(svg.mark(a, b, "", f"{label} {share:.2f} %", 3.5))
        parts.append("</g>")
    picture = svg.frame(x, y, "epsilon (1/255)", "accuracy, %", "".join(parts), "Accuracy against epsilon")
    keys = "".join(
        f'<span><i class="key line" style="--c:{curve.colour}"></i>{escape(curve.name)}</span>' for curve in lines
    )
    return f'<figure><h3>Accuracy against epsilon</h3>{picture}<p class="legend">{keys}</p>{WHISKERS}</figure>'


def attacks(facts: TrainingFacts) -> str:
    """All attacks at all epsilons as a table, with the accuracy after each part of an ensemble."""
    found = facts.evaluation
    if found is None or not found.epsilons:
        return ""
    rows = [_row("clean", found.clean, "")]
    for epsilon in found.epsilons:
        for name, one in found.at(epsilon).items():
            rows.append(_row(f"{name} {epsilon:g}/255", one.rate, f"{100 * found.hrs_of(one):.2f}"))
            rows += [_part(member, accuracy) for member, accuracy in one.members]
    head = "<tr><th></th><th>accuracy, %</th><th>95 % interval over test images</th><th>HRS</th></tr>"
    note = f'<p class="note">{escape(text)}</p>' if (text := found.remark) else ""
    return f'<figure><h3>Attacks</h3><table class="numbers">{head}{"".join(rows)}</table>{note}</figure>'


def _row(name: str, rate: Rate, hrs_text: str) -> str:
    low, high = rate.interval
    interval = f"{100 * low:.2f} to {100 * high:.2f}"
    cells = "".join(f"<td>{text}</td>" for text in (f"{100 * rate.accuracy:.2f}", interval, hrs_text))
    return f"<tr><th>{escape(name)}</th>{cells}</tr>"


def _part(name: str, accuracy: float) -> str:
    return (
        f'<tr class="part"><th>{escape(f"after {name}")}</th><td>{100 * accuracy:.2f}</td><td></td><td></td></tr>'
    )

"""The corruption table as a heat map."""

from __future__ import annotations

from html import escape

from evonas.reporting.html.facts import TrainingFacts
from evonas.reporting.html.sections import sections


@sections.register("corruptions")
def corruptions(facts: TrainingFacts) -> str:
    """Corruptions by severity, coloured by accuracy from 0 to the clean accuracy."""
    if facts.evaluation is None or (found := facts.evaluation.corruptions) is None or not found.table:
        return ""
    from evonas.evaluation.corruptions import corruptions as registry

    clean = facts.evaluation.clean.accuracy
    groups: dict[str, list[str]] = {}
    for name in found.table:
        group = registry[name].group if name in registry else "other"
        groups.setdefault(group, []).append(name)
    severities = max(len(row) for row in found.table.values())
    head = "".join(f"<th>{severity}</th>" for severity in range(1, severities + 1))
    rows = [f"<tr><th></th>{head}<th>mean</th></tr>"]
    for group, names in groups.items():
        mean = found.groups.get(group)
        shown = "" if mean is None else f"{100 * mean:.1f}"
        rows.append(f'<tr class="group"><th colspan="{severities + 1}">{escape(group)}</th><td>{shown}</td></tr>')
        for name in names:
            shares = found.table[name]
            cells = "".join(_cell(share, clean) for share in shares)
            label = escape(name.replace("_", " "))
            rows.append(f"<tr><th>{label}</th>{cells}<td>{100 * sum(shares) / len(shares):.1f}</td></tr>")
    total = f'<th colspan="{severities + 1}">all corruptions</th><td>{100 * found.mean:.1f}</td>'
    rows.append(f'<tr class="group">{total}</tr>')
    note = (
        f"Accuracy in percent by severity, {found.n:,} images each ({escape(found.source)}). "
        f"The colour scale ranges from 0 to the clean accuracy, {100 * clean:.1f} %."
    )
    return (
        f'<figure class="broad"><h3>Corruptions</h3><table class="heat">{"".join(rows)}</table>'
        f'<p class="note">{note}</p></figure>'
    )


def _cell(share: float, clean: float) -> str:
    part = 100 * min(1.0, share / clean) if clean else 0.0
    kind = ' class="low"' if part < 45 else ""
    return f'<td{kind} style="--p:{part:.0f}%">{100 * share:.1f}</td>'

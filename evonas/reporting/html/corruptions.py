"""The corruption table as a heat map."""

from __future__ import annotations

from html import escape

from evonas.reporting.facts import TrainingFacts
from evonas.reporting.figures.corruptions import corrupted
from evonas.reporting.html.sections import sections

PALE = 85  # percent of the colour below which dark text is read more easily than white


@sections.register("corruptions")
def corruptions(facts: TrainingFacts) -> str:
    """Corruptions by severity, coloured by accuracy from 0 to the clean accuracy."""
    found = corrupted(facts)
    if found is None:
        return ""
    width = len(found.severities) + 1
    head = "".join(f"<th>{severity}</th>" for severity in found.severities)
    rows = [f"<tr><th></th>{head}<th>mean</th></tr>"]
    for group, labels in found.groups.items():
        mean = found.means.get(group)
        shown = "" if mean is None else f"{100 * mean:.1f}"
        rows.append(f'<tr class="group"><th colspan="{width}">{escape(group)}</th><td>{shown}</td></tr>')
        for label in labels:
            shares = found.table[label]
            cells = "".join(_cell(share, found.clean) for share in shares)
            rows.append(f"<tr><th>{escape(label)}</th>{cells}<td>{100 * sum(shares) / len(shares):.1f}</td></tr>")
    total = f'<th colspan="{width}">all corruptions</th><td>{100 * found.mean:.1f}</td>'
    rows.append(f'<tr class="group">{total}</tr>')
    note = (
        f"Accuracy in percent by severity, {found.n:,} images each ({escape(found.source)}). "
        f"The colour scale ranges from 0 to the clean accuracy, {100 * found.clean:.1f} %."
    )
    return (
        f'<figure class="broad"><h3>Corruptions</h3><table class="heat">{"".join(rows)}</table>'
        f'<p class="note">{note}</p></figure>'
    )


def _cell(share: float, clean: float) -> str:
    part = 100 * min(1.0, share / clean) if clean else 0.0
    kind = ' class="low"' if part < PALE else ""
    return f'<td{kind} style="--p:{part:.0f}%">{100 * share:.1f}</td>'

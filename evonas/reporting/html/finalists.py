"""The finalists of a run."""

from __future__ import annotations

from evonas.core.quantities import percent
from evonas.reporting.facts import Facts


def finalists(facts: Facts) -> str:
    """Their births with the rounds that they took part in and the accuracies after the last of them."""
    standings = facts.summary.finalists
    if not standings:
        return ""
    head = "".join(f"<th>{name}</th>" for name in ("birth", "rounds", "PGD-10", "clean"))
    rows = "".join(
        f"<tr><td>{one.birth}</td><td>{one.rounds}</td><td>{percent(one.robust)}</td>"
        f"<td>{percent(one.validation)}</td></tr>"
        for one in standings
    )
    note = (
        "Accuracies on the images held out, after the last round of each finalist. Half of them advance to the "
        "next round."
    )
    return (
        f'<figure><h3>Finalists</h3><table class="pairs"><tr>{head}</tr>{rows}</table>'
        f'<p class="note">{note}</p></figure>'
    )

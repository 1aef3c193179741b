"""The lineage of the best network from a random ancestor."""

from __future__ import annotations

from html import escape

from evonas.core.quantities import count, number
from evonas.reporting.facts import Facts
from evonas.store.ancestry import Step

FOLDED = 16  # steps; longer lineages are folded in the middle


def ancestry(facts: Facts) -> str:
    """One line per step, with its edit and the change of the score."""
    steps = facts.lineage
    if not steps:
        return ""
    before: list[Step | None] = [None, *steps]
    rows = [_row(old, new) for old, new in zip(before, steps, strict=False)]
    if len(rows) > FOLDED:
        half = FOLDED // 2
        hidden = f"<summary>{len(rows) - 2 * half} more steps</summary>{_list(rows[half:-half])}"
        shown = f"{_list(rows[:half])}<details>{hidden}</details>{_list(rows[-half:])}"
    else:
        shown = _list(rows)
    births = len(steps) - 1
    words = f"{births} birth{'s' * (births != 1)} from a random ancestor to the winner."
    return f'<figure class="broad"><h3>Lineage</h3>{shown}<p class="note">{words}</p></figure>'


def _list(rows: list[str]) -> str:
    return f'<ol class="lineage">{"".join(rows)}</ol>'


def _row(old: Step | None, new: Step) -> str:
    edit = "drawn at random" if old is None else "; ".join(new.edits) or "the same network, written differently"
    one, change = new.individual, ""
    if old is not None and old.individual.score and one.score is not None:
        share = 100 * (one.score - old.individual.score) / abs(old.individual.score)
        change = f'<span class="{"up" if share >= 0 else "down"}">{share:+.1f} %</span>'
    return (
        f'<li><span class="when">{escape(f"generation {one.generation}, birth {one.birth}")}</span>'
        f'<span class="edit">{escape(edit)}</span>'
        f'<span class="score">{number(one.score)} {change}</span>'
        f'<span class="size">{count(one.params)} params</span></li>'
    )

"""Accuracies over several trainings of one genotype."""

from __future__ import annotations

from html import escape

from evonas.core.quantities import plural
from evonas.evaluation.columns import label_of
from evonas.evaluation.result import Evaluation
from evonas.evaluation.spread import Spread
from evonas.reporting.facts import TrainingFacts
from evonas.reporting.retrained import SINGLE

HEAD = (
    "<tr><th></th><th>first training, %</th><th>95 % interval over test images</th><th>mean</th><th>sd</th>"
    "<th>95 % interval over retrainings</th></tr>"
)


def retrained(facts: TrainingFacts) -> str:
    """Mean, standard deviation and interval over retrainings, next to the first training and its interval."""
    evaluation = facts.evaluation
    if evaluation is None or evaluation.retrained is None:
        return ""
    found = evaluation.retrained
    rows = "".join(_row(name, spread, evaluation) for name, spread in found.columns.items())
    lines = [*found.notes, *([SINGLE] if found.count == 1 else [])]
    note = "".join(f'<p class="note">{escape(line)}</p>' for line in lines)
    title = f"{plural(found.count, 'training')} of this genotype, seeds {', '.join(map(str, found.seeds))}"
    return f'<figure class="broad"><h3>{title}</h3><table class="numbers">{HEAD}{rows}</table>{note}</figure>'


def _row(name: str, spread: Spread, evaluation: Evaluation) -> str:
    rate = evaluation.rate_of(name)
    cells = [f"{100 * spread.values[0]:.2f}", _ends(None if rate is None else rate.interval)]
    cells += [f"{100 * spread.mean:.2f}", "-" if spread.sd is None else f"{100 * spread.sd:.2f}"]
    shown = "".join(f"<td>{cell}</td>" for cell in (*cells, _ends(spread.interval)))
    return f"<tr><th>{escape(label_of(name))}</th>{shown}</tr>"


def _ends(interval: tuple[float, float] | None) -> str:
    return "-" if interval is None else f"{100 * interval[0]:.2f} to {100 * interval[1]:.2f}"

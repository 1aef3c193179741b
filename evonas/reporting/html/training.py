"""The training of the best network."""

from __future__ import annotations

from html import escape

from evonas.core.quantities import duration, plural
from evonas.reporting.html import svg
from evonas.reporting.html.facts import TrainingFacts
from evonas.training.metrics import kept


def training(facts: TrainingFacts) -> str:
    """Accuracies by epoch, and the best epoch."""
    rows, settings = facts.epochs, facts.training
    if not rows or settings is None:
        return ""
    lines = [("mean", "validation", [row.validation for row in rows])]
    lines.append(("birth", "training images", [row.accuracy for row in rows]))
    if any(row.robust is not None for row in rows):
        lines.append(
            ("best", "validation under PGD", [float("nan") if row.robust is None else row.robust for row in rows])
        )
    x = svg.horizontal(rows[0].epoch, rows[-1].epoch, whole=True)
    y = svg.vertical(0, 100)
    at = [x.at(row.epoch) for row in rows]
    parts = [svg.line(at, [y.at(100 * value) for value in values], kind) for kind, _, values in lines]
    chosen = kept(rows)
    about = f"best epoch {chosen.epoch}: {100 * chosen.chosen_by:.2f} %"
    parts.append(svg.mark(x.at(chosen.epoch), y.at(100 * chosen.chosen_by), "winner", about, 5))
    keys = [("line", kind, words) for kind, words, _ in lines] + [("ring", "winner", f"best epoch {chosen.epoch}")]
    picture = svg.frame(x, y, "epoch", "accuracy, %", "".join(parts), "Accuracy by epoch")
    words = [
        f"Recipe {settings.recipe}: {settings.chosen.in_full}.",
        f"{plural(len(rows), 'epoch')} in {duration(sum(row.seconds for row in rows))}; "
        f"{settings.validation:,} training images were held out to select the best epoch.",
    ]
    test = (facts.summary.trained or {}).get("test")
    if test:
        words.append(f"Test accuracy on all {test['n']:,} test images: {100 * test['accuracy']:.2f} %.")
    if facts.summary.data:
        words.append(f"Data: {facts.summary.data}.")
    note = escape(" ".join(words))
    return f'<figure><h3>Training</h3>{picture}{svg.legend(keys)}<p class="note">{note}</p></figure>'

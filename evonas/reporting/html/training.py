"""The training of the best network."""

from __future__ import annotations

from html import escape

from evonas.core.quantities import duration, plural
from evonas.reporting.facts import TrainingFacts
from evonas.reporting.figures.epochs import epochs
from evonas.reporting.html import svg
from evonas.training.metrics import kept


def training(facts: TrainingFacts) -> str:
    """Accuracies by epoch, and the best epoch."""
    rows, settings, found = facts.epochs, facts.training, epochs(facts)
    if found is None or settings is None:
        return ""
    lines = [("mean", "validation", found.validation), ("birth", "training images", found.training)]
    if found.robust is not None:
        lines.append(("best", f"validation {settings.chosen.judged}", found.robust))
    x = svg.horizontal(found.epochs[0], found.epochs[-1], whole=True)
    y = svg.vertical(0, 100)
    at = x.all(found.epochs).tolist()
    parts = [svg.line(at, y.all(values).tolist(), kind) for kind, _, values in lines]
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

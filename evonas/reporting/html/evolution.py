"""Scores by generation: all births, the best so far, mean and standard deviation of the population."""

from __future__ import annotations

from evonas.core.quantities import number
from evonas.reporting.facts import Facts
from evonas.reporting.figures.scores import scores
from evonas.reporting.html import svg


def evolution(facts: Facts) -> str:
    """Score against generation."""
    found = scores(facts)
    if found is None:
        return ""
    lower, upper = found.mean - found.std, found.mean + found.std
    low, high = svg.padded([found.score.min(), found.score.max(), *lower, *upper])
    scale, power = svg.power_of_thousand(low, high)
    x, y = svg.horizontal(-1, found.last, whole=True), svg.vertical(low, high, scale)
    parts, at = [], x.all(found.generations).tolist()
    if at:
        parts.append(svg.band(at, y.all(lower).tolist(), y.all(upper).tolist(), "spread"))
    parts.append(svg.dots(x.all(found.at), y.all(found.score), "birth"))
    if at:
        parts.append(svg.line(at, y.all(found.mean).tolist(), "mean"))
    latest, steps = facts.summary.latest, [*found.rises.tolist(), -1]
    if not latest:
        parts.append(svg.stairs(x.all(found.every[steps]).tolist(), y.all(found.best[steps]).tolist(), "best"))
    if found.winner is not None:
        birth, moment, score = found.winner
        about = f"birth {birth}, score {number(score)}"
        parts.append(svg.mark(x.at(moment), y.at(score), "winner", about, 5))
    keys = [("dot", "birth", f"{len(found.every):,} births")]
    keys += [] if latest else [("line", "best", "best so far")]
    if at:
        keys += [("line", "mean", "population mean"), ("area", "spread", "one standard deviation")]
    keys.append(("ring", "winner", "latest network" if latest else "best network"))
    about = f"Scores of {len(found.every)} births over {found.last} generations"
    picture = svg.frame(x, y, "generation", f"score{power}", "".join(parts), about)
    note = f'<p class="note">{found.lost:,} births have no score.</p>' if found.lost else ""
    return f"<figure><h3>Scores</h3>{picture}{svg.legend(keys)}{note}</figure>"

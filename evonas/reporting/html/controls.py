"""The winner of a search against random genotypes of its size."""

from __future__ import annotations

from html import escape

from evonas.evaluation.columns import label_of
from evonas.evaluation.controls import Column, Comparison
from evonas.reporting.facts import Facts
from evonas.reporting.figures.controls import Strip, strips
from evonas.reporting.html import svg

NAMES, ROW = 92.0, 26.0  # width of the labels, height of a strip
HEAD = (
    "<tr><th></th><th>winner, %</th><th>controls, %</th><th>sd over genotypes</th><th>percentile</th>"
    "<th>difference, points</th><th>95 % interval over genotypes and retrainings</th>"
    "<th>relative improvement, %</th></tr>"
)


def controls(facts: Facts) -> str:
    """A strip of points per column, a table, and what the intervals say."""
    found = facts.summary.controls
    if found is None:
        return ""
    notes = "".join(f'<p class="note">{escape(line)}</p>' for line in found.lines[1:])
    verdict = f'<p class="note"><strong>{escape(found.verdict[0].upper() + found.verdict[1:])}.</strong></p>'
    rows = "".join(_row(label_of(name), one) for name, one in found.columns.items())
    return (
        f"<figure><h3>Winner and controls</h3>{_picture(found)}"
        f'<p class="note">{escape(found.head[0].upper() + found.head[1:])}.</p></figure>'
        f'<figure class="broad"><h3>Against random genotypes</h3><table class="numbers">{HEAD}{rows}</table>'
        f"{notes}{verdict}</figure>"
    )


def _picture(found: Comparison) -> str:
    lines = strips(found)
    low, high = svg.padded([value for strip in lines for value in (*strip.controls, strip.winner)])
    bottom = svg.TOP + ROW * len(lines)
    x = svg.Axis(*svg.apart(low, high), NAMES, svg.WIDTH - svg.RIGHT)
    height = bottom + svg.BOTTOM
    parts = [
        f'<svg viewBox="0 0 {svg.WIDTH:g} {height:g}" role="img" aria-label="Accuracies of winner and controls">'
    ]
    for value, text in x.ticks():
        at = x.at(value)
        parts.append(f'<path class="grid" d="M{at:.1f} {svg.TOP:g}V{bottom:g}"/>')
        parts.append(f'<text class="tick" x="{at:.1f}" y="{bottom + 17:g}" text-anchor="middle">{text}</text>')
    parts.append(f'<path class="axis" d="M{x.start:g} {bottom:g}H{x.end:g}"/>')
    middle = (x.start + x.end) / 2
    title = "accuracy, %"
    parts.append(f'<text class="title" x="{middle:g}" y="{height - 6:g}" text-anchor="middle">{title}</text>')
    parts += [_strip(strip, x, svg.TOP + ROW * (place + 0.5)) for place, strip in enumerate(lines)]
    keys = [("dot", "birth", "controls"), ("line", "mean", "their mean"), ("ring", "winner", "winner")]
    return "".join([*parts, "</svg>", svg.legend(keys)])


def _strip(strip: Strip, x: svg.Axis, y: float) -> str:
    parts = [
        f'<text class="tick" x="{x.start - 6:g}" y="{y + 4:.1f}" text-anchor="end">{escape(strip.label)}</text>'
    ]
    parts += [svg.mark(x.at(value), y, "birth", f"control {value:.2f} %", 3) for value in strip.controls]
    if strip.mean is not None:
        parts.append(f'<path class="line mean" d="M{x.at(strip.mean):.1f} {y - 8:.1f}v16"/>')
    return "".join(
        [*parts, svg.mark(x.at(strip.winner), y, "winner", f"winner {strip.winner:.2f} %: {strip.about}", 5)]
    )


def _row(label: str, one: Column) -> str:
    cells = [_percent(one.winner), _percent(one.mean), _percent(one.sd)]
    cells.append("-" if one.percentile is None else f"{one.percentile:.0f}")
    cells.append("-" if one.difference is None else f"{100 * one.difference:+.2f}")
    cells.append("-" if one.interval is None else " to ".join(f"{100 * end:+.2f}" for end in one.interval))
    cells.append("-" if one.improvement is None else f"{one.improvement:+.1f}")
    return f"<tr><th>{escape(label)}</th>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.2f}"

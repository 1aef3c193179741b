"""Accuracy against epsilon."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from evonas.evaluation.rates import hrs
from evonas.reporting.colours import attack_colour
from evonas.reporting.html import svg
from evonas.reporting.html.facts import TrainingFacts
from evonas.training.data_check import remark


def robustness(facts: TrainingFacts) -> str:
    """One line per attack, starting at the clean accuracy, with 95 % intervals."""
    found = facts.evaluation
    if found is None or not found["epsilons"]:
        return ""
    clean = found["clean"]
    sizes = sorted((float(epsilon), epsilon) for epsilon in found["epsilons"])
    names = list(dict.fromkeys(name for _, key in sizes for name in found["epsilons"][key]))
    x, y = svg.horizontal(0, max(size for size, _ in sizes) or 1.0), svg.vertical(0, 100)
    parts = []
    for place, name in enumerate(names):
        colour = f"--c:{attack_colour(place)}"
        points = [(0.0, clean)]
        points += [(size, found["epsilons"][key][name]) for size, key in sizes if size > 0]
        ways = svg.line([x.at(size) for size, _ in points], [y.at(100 * one["accuracy"]) for _, one in points], "")
        parts.append(f'<g class="attack" style="{colour}">{ways}')
        for size, one in points:
            low, high = (y.at(100 * end) for end in one["ci95"])
            about = (
                f"{name} {size:g}/255: {100 * one['accuracy']:.2f} %"
                if size
                else f"clean {100 * one['accuracy']:.2f} %"
            )
            parts.append(f'<path class="line whisker" d="M{x.at(size):.1f} {low:.1f}V{high:.1f}"/>')
            parts.append(svg.mark(x.at(size), y.at(100 * one["accuracy"]), "", about, 3.5))
        parts.append("</g>")
    picture = svg.frame(x, y, "epsilon (1/255)", "accuracy, %", "".join(parts), "Accuracy against epsilon")
    keys = "".join(
        f'<span><i class="key line" style="--c:{attack_colour(place)}"></i>{escape(name)}</span>'
        for place, name in enumerate(names)
    )
    return f'<figure><h3>Accuracy against epsilon</h3>{picture}<p class="legend">{keys}</p></figure>'


def attacks(facts: TrainingFacts) -> str:
    """All attacks at all epsilons as a table, with the accuracy after each part of an ensemble."""
    found = facts.evaluation
    if found is None or not found["epsilons"]:
        return ""
    clean = found["clean"]
    rows = [_row("clean", clean, "")]
    for epsilon, attacked in found["epsilons"].items():
        for name, one in attacked.items():
            rows.append(_row(f"{name} {epsilon}/255", one, f"{100 * hrs(clean['accuracy'], one['accuracy']):.2f}"))
            if len({part["name"] for part in one.get("parts", ())}) > 1:
                rows += [_part(part) for part in one["parts"]]
    head = "<tr><th></th><th>accuracy, %</th><th>95 % interval</th><th>HRS</th></tr>"
    note = f'<p class="note">{escape(text)}</p>' if (text := remark(found.get("data"))) else ""
    return f'<figure><h3>Attacks</h3><table class="numbers">{head}{"".join(rows)}</table>{note}</figure>'


def _row(name: str, one: Mapping[str, Any], hrs_text: str) -> str:
    low, high = one["ci95"]
    interval = f"{100 * low:.2f} to {100 * high:.2f}"
    cells = "".join(f"<td>{text}</td>" for text in (f"{100 * one['accuracy']:.2f}", interval, hrs_text))
    return f"<tr><th>{escape(name)}</th>{cells}</tr>"


def _part(part: Mapping[str, Any]) -> str:
    name = f"after {part['name']}"
    return f'<tr class="part"><th>{escape(name)}</th><td>{100 * part["accuracy"]:.2f}</td><td></td><td></td></tr>'

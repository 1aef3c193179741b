"""Accuracy against epsilon."""

from __future__ import annotations

from evonas.report.colours import attack_colour
from evonas.report.html import svg
from evonas.report.html.facts import Facts


def robustness(facts: Facts) -> str:
    """A line for each attack from clean accuracy on, with 95 % intervals, and every number below it."""
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
        f'<span><i class="key line" style="--c:{attack_colour(place)}"></i>{name}</span>'
        for place, name in enumerate(names)
    )
    head = "".join(f"<th>{name}</th><th>HRS</th>" for name in names)
    rows = []
    for size, key in sizes:
        cells = "".join(_cell(found["epsilons"][key][name], clean["accuracy"]) for name in names)
        rows.append(f"<tr><th>{size:g}/255</th>{cells}</tr>")
    table = f'<table class="numbers"><tr><th>epsilon</th>{head}</tr>{"".join(rows)}</table>'
    return (
        f'<figure><h3>Accuracy against epsilon</h3>{picture}<p class="legend">{keys}</p>'
        f'<div class="wide">{table}</div></figure>'
    )


def _cell(one: dict[str, float], clean: float) -> str:
    from evonas.final.evaluation.rates import hrs

    return f"<td>{100 * one['accuracy']:.2f}</td><td>{100 * hrs(clean, one['accuracy']):.2f}</td>"

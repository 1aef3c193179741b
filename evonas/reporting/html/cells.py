"""The cells of the best network as graphs."""

from __future__ import annotations

from html import escape

from evonas.reporting.facts import TrainingFacts
from evonas.reporting.layout import PILL, RADIUS, Command, Disc, Drawing, Pill, Way, lay_out
from spaces import Space
from spaces.graph import CellGraph

MAX_CELLS = 4


def cells(facts: TrainingFacts) -> str:
    """One figure per distinct cell, at most `MAX_CELLS`."""
    different: dict[tuple[object, ...], CellGraph] = {}
    for graph in facts.graphs:
        different.setdefault((*graph.arrows, graph.title if "cell " not in graph.title else ""), graph)
    shown = list(different.values())[:MAX_CELLS]
    note = f'<p class="note">{len(different)} distinct cells; the first {MAX_CELLS} are drawn.</p>'
    return "".join(_figure(graph, facts.space) for graph in shown) + (note if len(different) > MAX_CELLS else "")


def _figure(graph: CellGraph, space: Space) -> str:
    drawing = lay_out(graph, space)
    names = [graph.states[state] for state in graph.outputs]
    if len(names) > 1:
        words = [f"Its output concatenates {', '.join(names[:-1])} and {names[-1]}."]
    else:
        words = [] if names[0] == "output" else [f"Its output is {names[0]}."]
    if drawing.silent:
        words.append(f"{drawing.silent} edges with the operation none are not drawn.")
    note = f'<p class="note">{escape(" ".join(words))}</p>' if words else ""
    return f"<figure><h3>{escape(graph.title.capitalize())}</h3>{picture(drawing, graph.title)}{note}</figure>"


def picture(drawing: Drawing, title: str) -> str:
    """One cell in SVG."""
    width = drawing.right - drawing.left
    box = f"{drawing.left:g} 0 {width:g} {drawing.height:g}"
    parts = [f'<svg class="cell" viewBox="{box}" style="max-width:{1.25 * width:.0f}px" role="img" ']
    parts.append(f'aria-label="{escape(title)}">')
    parts += [_way(way) for way in drawing.ways]
    parts += [_pill(pill) for pill in drawing.pills]
    parts += [_disc(disc) for disc in drawing.discs]
    return "".join([*parts, "</svg>"])


def _path(commands: tuple[Command, ...]) -> str:
    return "".join(letter + " ".join(f"{value:.1f}" for value in values) for letter, values in commands)


def _way(way: Way) -> str:
    colour = f' style="stroke:{way.colour}"' if way.colour else ""
    return f'<path class="way" d="{_path(way.commands)}"{colour}/>'


def _pill(pill: Pill) -> str:
    colour = f"--op:{pill.colour}"
    x, y = pill.x - pill.width / 2, pill.y - PILL / 2
    box = f'x="{x:.1f}" y="{y:.1f}" width="{pill.width:.1f}" height="{PILL:g}" rx="{PILL / 2:g}"'
    return f'<rect class="pill" style="{colour}" {box}/>{_text(pill.x, pill.y, pill.text)}'


def _disc(disc: Disc) -> str:
    kind = "given" if disc.is_input else "leaving" if disc.is_output else "inner"
    width = max(2 * RADIUS, 6.6 * len(disc.text) + 12)
    box = f'x="{disc.x - width / 2:.1f}" y="{disc.y - RADIUS:.1f}" width="{width:.1f}" height="{2 * RADIUS:g}"'
    return f'<rect class="state {kind}" {box} rx="{RADIUS:g}"/>{_text(disc.x, disc.y, disc.text)}'


def _text(x: float, y: float, text: str) -> str:
    return f'<text class="operation" x="{x:.1f}" y="{y + 4:.1f}">{escape(text)}</text>'

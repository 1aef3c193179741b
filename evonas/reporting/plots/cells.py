"""The cells of the best network."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch, PathPatch
from matplotlib.path import Path as Curve

from evonas.reporting.facts import TrainingFacts
from evonas.reporting.layout import PILL, RADIUS, Drawing, Way, lay_out
from evonas.reporting.plots.base import missing, plots

POINT = 1 / 100  # inches per unit of the layout
MAX_CELLS = 2
_CODES = {"M": [Curve.MOVETO], "L": [Curve.LINETO], "Q": [Curve.CURVE3] * 2, "C": [Curve.CURVE4] * 3}


@plots.register("cells")
def cells(facts: TrainingFacts) -> Figure:
    """The first cells side by side."""
    if not facts.graphs:
        raise missing(facts, "scores", "resume")
    graphs = facts.graphs[:MAX_CELLS]
    drawings = [lay_out(graph, facts.space) for graph in graphs]
    widths = [drawing.right - drawing.left for drawing in drawings]
    tallest = max(drawing.height for drawing in drawings)
    figure = Figure(figsize=(POINT * sum(widths), POINT * (tallest + 24)), layout="constrained")
    row = figure.subplots(1, len(drawings), squeeze=False, width_ratios=widths)[0]
    for axes, drawing, graph in zip(row, drawings, graphs, strict=True):
        _draw(axes, drawing)
        axes.set_title(graph.title)
    return figure


def _draw(axes: Axes, drawing: Drawing) -> None:
    axes.set_xlim(drawing.left, drawing.right)
    axes.set_ylim(drawing.height, 0)
    axes.set_aspect("equal")
    axes.axis("off")
    for way in drawing.ways:
        colour = way.colour or "#5f6871"
        axes.add_patch(PathPatch(_curve(way), fc="none", ec=colour, lw=0.8))
    for pill in drawing.pills:
        _box(axes, pill.x, pill.y, pill.width, PILL, pill.colour, pill.colour + "30", pill.text)
    for disc in drawing.discs:
        width = max(2 * RADIUS, 6.6 * len(disc.text) + 12)
        _box(axes, disc.x, disc.y, width, 2 * RADIUS, "black", "#f0f1f2" if disc.is_input else "white", disc.text)


def _curve(way: Way) -> Curve:
    points, codes = [], []
    for letter, values in way.commands:
        points += [(values[i], values[i + 1]) for i in range(0, len(values), 2)]
        codes += _CODES[letter]
    return Curve(points, codes)


def _box(axes: Axes, x: float, y: float, width: float, height: float, edge: str, face: str, text: str) -> None:
    corner = (x - width / 2, y - height / 2)
    for colour in ("white", face):  # hides the ends of edges behind a translucent colour
        shape = FancyBboxPatch(
            corner, width, height, boxstyle=f"round,pad=0,rounding_size={height / 2}", ec=edge, fc=colour, lw=0.8
        )
        axes.add_patch(shape)
    axes.text(x, y, text, ha="center", va="center_baseline", size=6.5)

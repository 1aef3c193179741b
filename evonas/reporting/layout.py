"""The layout of a drawn cell: states in a column, operations between them, long edges outside."""

from __future__ import annotations

from dataclasses import dataclass, field

from evonas.reporting.colours import operation_colour
from spaces import Space
from spaces.graph import Arrow, CellGraph

RADIUS = 14.0  # of a state
ROW = 84.0  # from one node to the next
PILL = 23.0  # height of an operation
ABOVE = 44.0  # from an operation's middle to its node's
LETTER = 6.7  # width
GAP = 10.0  # between operations of one node
LANE = 9.0  # between ways outside
BEND = 8.0  # radius of a corner
APART = 72.0  # of an input from the middle
MARGIN = 6.0

Command = tuple[str, tuple[float, ...]]  # M x y, L x y, Q cx cy x y, C cx cy cx cy x y


@dataclass(frozen=True)
class Disc:
    """A state."""

    x: float
    y: float
    text: str
    is_input: bool
    is_output: bool


@dataclass(frozen=True)
class Pill:
    """An operation, by its middle."""

    x: float
    y: float
    width: float
    colour: str
    text: str


@dataclass(frozen=True)
class Way:
    """A line: into an operation, or out of it with its colour."""

    commands: tuple[Command, ...]
    colour: str | None = None


@dataclass
class Drawing:
    """A cell with positions; y grows downwards, the middle is x = 0."""

    discs: list[Disc] = field(default_factory=list)
    pills: list[Pill] = field(default_factory=list)
    ways: list[Way] = field(default_factory=list)
    left: float = 0.0
    right: float = 0.0
    height: float = 0.0
    silent: int = 0  # operations that were left out


def lay_out(graph: CellGraph, space: Space) -> Drawing:
    """The positions of all parts of ``graph``, a cell of ``space``.

    Each node has its own row, with its operations side by side above it. Edges from the row above are straight,
    edges from further up run outside.
    """
    drawing, spots = Drawing(), _spots(graph)
    for state, (x, y) in enumerate(spots):
        given = state < graph.inputs
        drawing.discs.append(Disc(x, y, graph.states[state], given, state in graph.outputs))
    placed: list[tuple[Arrow, Pill]] = []
    for node in range(graph.inputs, len(graph.states)):
        arrows = [arrow for arrow in graph.arrows if arrow.target == node]
        live = [arrow for arrow in arrows if not space.operation(arrow.operation).silent]
        drawing.silent += len(arrows) - len(live)
        placed += _row(live, spots, graph.inputs, space)
    drawing.pills = [pill for _, pill in placed]
    half = max((abs(pill.x) + pill.width / 2 for pill in drawing.pills), default=APART) + 1.5 * LANE
    lanes = _lanes(placed, graph.inputs, half)
    for arrow, pill in placed:
        drawing.ways.append(Way(_way_in(arrow, pill, spots, graph.inputs, lanes)))
        drawing.ways.append(Way(_way_out(pill, spots[arrow.target]), pill.colour))
    reach = max([half, *(abs(x) for x in lanes.values())], default=half) + MARGIN
    drawing.left, drawing.right = -reach, reach
    drawing.height = spots[-1][1] + RADIUS + MARGIN + 2
    return drawing


def _spots(graph: CellGraph) -> list[tuple[float, float]]:
    top = RADIUS + MARGIN
    inputs = [0.0] if graph.inputs == 1 else [(-1) ** (i + 1) * APART for i in range(graph.inputs)]
    nodes = range(1, 1 + len(graph.states) - graph.inputs)
    return [(x, top) for x in inputs] + [(0.0, top + ROW * row) for row in nodes]


def _side(state: int, inputs: int) -> int:
    """-1 for an edge from the left input, 1 from the right input, 0 from a node."""
    return 0 if state >= inputs or inputs == 1 else (-1, 1)[min(state, 1)]


def _row(
    arrows: list[Arrow], spots: list[tuple[float, float]], inputs: int, space: Space
) -> list[tuple[Arrow, Pill]]:
    """The operations of a node from left to right: inputs on their side, the nearest of three in the middle."""
    order = sorted(arrows, key=lambda arrow: (_side(arrow.source, inputs), -arrow.source))
    if len(order) > 2 and inputs == 1:
        order = order[1::2] + order[0:1] + order[2::2]
    labels = [space.operation(arrow.operation).label for arrow in order]
    widths = [LETTER * len(label) + 18 for label in labels]
    x = -(sum(widths) + GAP * (len(widths) - 1)) / 2
    found = []
    for arrow, label, width in zip(order, labels, widths, strict=True):
        y = spots[arrow.target][1] - ABOVE
        colour = operation_colour(space, arrow.operation)
        found.append((arrow, Pill(x + width / 2, y, width, colour, label)))
        x += width + GAP
    return found


def _far(arrow: Arrow, inputs: int) -> bool:
    """Whether there is a row in between."""
    return arrow.target > max(arrow.source, inputs - 1) + 1


def _outside(arrow: Arrow, pill: Pill) -> int:
    return -1 if pill.x < 0 else 1


def _lanes(placed: list[tuple[Arrow, Pill]], inputs: int, half: float) -> dict[tuple[int, int], float]:
    """The x of the outer edge of each (side, state) that needs one; lower states are closer."""
    used = {(_outside(arrow, pill), arrow.source) for arrow, pill in placed if _far(arrow, inputs)}
    lanes = {}
    for side in (-1, 1):
        states = sorted((state for where, state in used if where == side), reverse=True)
        for i, state in enumerate(states):
            lanes[side, state] = side * (half + LANE * i)
    return lanes


def _way_in(
    arrow: Arrow,
    pill: Pill,
    spots: list[tuple[float, float]],
    inputs: int,
    lanes: dict[tuple[int, int], float],
) -> tuple[Command, ...]:
    x, y = spots[arrow.source]
    if not _far(arrow, inputs):
        top = pill.y - PILL / 2
        middle = (y + RADIUS + top) / 2
        return ("M", (x, y + RADIUS)), ("C", (x, middle, pill.x, middle, pill.x, top))
    side = _outside(arrow, pill)
    lane, edge = lanes[side, arrow.source], pill.x + side * pill.width / 2
    if _side(arrow.source, inputs) == -side:  # an input on the other side: below it, and across
        start: tuple[Command, ...] = (("M", (x, y + RADIUS)), ("L", (x, y + RADIUS + 2)))
        y += RADIUS + BEND + 2
        start += (("Q", (x, y, x + side * BEND, y)),)
    else:
        start = (("M", (x + side * RADIUS, y)),)
    return (
        *start,
        ("L", (lane - side * BEND, y)),
        ("Q", (lane, y, lane, y + BEND)),
        ("L", (lane, pill.y - BEND)),
        ("Q", (lane, pill.y, lane - side * BEND, pill.y)),
        ("L", (edge, pill.y)),
    )


def _way_out(pill: Pill, node: tuple[float, float]) -> tuple[Command, ...]:
    x, y = node
    bottom, end = pill.y + PILL / 2, y - RADIUS
    middle = (bottom + end) / 2
    return ("M", (pill.x, bottom)), ("C", (pill.x, middle, x, middle, x, end))

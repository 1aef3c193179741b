"""DARTS genotypes as programs print them: which of them stand for which cells."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from contextlib import suppress

from spaces.darts.configurations import nasbench301, nni
from spaces.darts.genotype import EXAMPLE, Edge, Genotype, Misplaced, as_written
from spaces.errors import shorten
from spaces.literal import integer, integers, is_float, items, mapping, name_of, shown, text, unwrap
from spaces.text import Source, read

FIELDS = ("normal", "normal_concat", "reduce", "reduce_concat")
EMPTY_FIELDS = ("connectN", "connects", "normal_bottleneck", "reduce_bottleneck")  # mean nothing if they are empty
KIND = "a genotype"

Places = dict[tuple[str, int], ast.expr]  # of edge i of a cell, of state i of a concat list


def _read(source: Source, named: Callable[[str], Genotype]) -> Genotype:
    """The genotype in ``source``; ``named`` answers with a published one. Raises `UsageError` with the place."""
    name = source.text.strip().removeprefix("genotypes.")
    if name.isidentifier():
        return named(name)
    source.locate()
    node = unwrap(source, source.tree(), "darts")
    quoted = text(node)
    if quoted is not None:
        return _read(source.inner(quoted), named)
    facts = mapping(source, node)
    for configuration in (nni, nasbench301):
        if facts is not None and (parts := configuration(source, facts)) is not None:
            return _checked(source, *parts)
    return _genotype(source, _fields(source, node, facts))


def _fields(
    source: Source, node: ast.expr, facts: Mapping[str, tuple[ast.expr, ast.expr]] | None
) -> dict[str, ast.expr]:
    """The four fields of a genotype, in whatever container they come."""
    elements = items(node)
    if isinstance(node, ast.Call) and name_of(node) == "Genotype":
        return _named(
            source, node.args, [(keyword.arg, keyword.value, keyword) for keyword in node.keywords], node
        )
    if facts is not None:
        return _named(source, [], [(key, value, at) for key, (at, value) in facts.items()], node)
    if elements is not None and len(elements) == len(FIELDS):  # json.dump of a namedtuple
        return dict(zip(FIELDS, elements, strict=True))
    if elements is not None and len(elements) == 2 and all(items(cell) for cell in elements):
        numbers = (
            "operations as numbers, whose order differs between projects" if _numbered(elements) else "two cells"
        )
        raise source.error(f"{numbers}; expected {EXAMPLE}", node)
    if isinstance(node, ast.Call) and name_of(node):
        raise source.error(f"{name_of(node)[:60]}(...) is not a form of genotype; expected {EXAMPLE}", node.func)
    raise source.error("")


def _numbered(cells: list[ast.expr]) -> bool:
    pairs = [pair for cell in cells for pair in items(cell) or ()]
    return all(items(pair) and text((items(pair) or [pair])[-1]) is None for pair in pairs)


def _named(
    source: Source,
    positions: list[ast.expr],
    named: list[tuple[str | None, ast.expr, ast.AST]],
    node: ast.expr,
) -> dict[str, ast.expr]:
    if len(positions) > len(FIELDS):
        raise source.error(
            f"a genotype has {len(FIELDS)} parts ({', '.join(FIELDS)}), not {len(positions)}",
            positions[len(FIELDS)],
        )
    found = dict(zip(FIELDS, positions, strict=False))
    for name, value, at in named:
        if name in EMPTY_FIELDS and isinstance(value, ast.Constant) and value.value in (None, ""):
            continue
        if name in EMPTY_FIELDS and isinstance(value, ast.Name) and value.id == "null":
            continue
        if name not in FIELDS or name in found:
            wrong = "repeated" if name in found else "unknown"
            hint = "; recurrent cells are in no space of evonas" if name == "recurrent" else ""
            raise source.error(
                f"{wrong} part {shorten(str(name))} of a genotype; its parts are {', '.join(FIELDS)}{hint}", at
            )
        found[name] = value
    missing = [field for field in FIELDS if field not in found]
    if missing:
        raise source.error(f"the genotype lacks {', '.join(missing)}; expected {EXAMPLE}", node)
    return found


def _genotype(source: Source, fields: Mapping[str, ast.expr]) -> Genotype:
    parts: dict[str, tuple[tuple[Edge, ...], tuple[int, ...]]] = {}
    places: Places = {}
    for cell in ("normal", "reduce"):
        edges = _edges(source, cell, fields[cell])
        states = integers(source, f"{cell}_concat", fields[f"{cell}_concat"])
        places |= {(cell, i): at for i, (_, at) in enumerate(edges)}
        places |= {(f"{cell}_concat", i): at for i, (_, at) in enumerate(states)}
        parts[cell] = tuple(edge for edge, _ in edges), tuple(state for state, _ in states)
    return _checked(source, *parts["normal"], *parts["reduce"], places=places | _whole(fields))


def _whole(fields: Mapping[str, ast.expr]) -> Places:
    return {(name, -1): node for name, node in fields.items()}


def _checked(
    source: Source,
    normal: tuple[Edge, ...],
    normal_concat: tuple[int, ...],
    reduce: tuple[Edge, ...],
    reduce_concat: tuple[int, ...],
    places: Places | None = None,
) -> Genotype:
    try:
        return Genotype(normal, normal_concat, reduce, reduce_concat)
    except Misplaced as error:
        raise source.error(str(error), (places or {}).get((error.part, error.index))) from None


def _edges(source: Source, name: str, node: ast.expr) -> list[tuple[Edge, ast.expr]]:
    """The edges of a cell, written one after the other or node by node."""
    elements = items(node)
    if elements is None:
        raise source.error(f"{name} must be a list of edges, such as [('sep_conv_3x3', 0), ...]", node)
    if not any(_is_node(element) for element in elements):
        return [(_edge(source, name, i, element), element) for i, element in enumerate(elements)]
    edges: list[tuple[Edge, ast.expr]] = []
    for i, element in enumerate(elements):
        pairs = items(element) or []
        if not _is_node(element) or len(pairs) != 2:
            count = f"{len(pairs)} edges" if _is_node(element) or not pairs else "an edge outside its node"
            raise source.error(f"{name} node {2 + i} must have two edges, not {count}", element)
        edges += [(_edge(source, name, 2 * i + j, pair), pair) for j, pair in enumerate(pairs)]
    return edges


def _is_node(node: ast.expr) -> bool:
    """Whether an element of a cell is a node: a list of edges, not an edge."""
    elements = items(node)
    return elements is not None and (not elements or all(items(element) is not None for element in elements))


def _edge(source: Source, name: str, index: int, node: ast.expr) -> Edge:
    """An edge: (operation, state), with its weight behind it, or (operation, node, state)."""
    parts = items(node) or []
    operation = text(parts[0]) if parts else None
    if operation is None or len(parts) not in (2, 3):
        raise source.error(f"{name}: an edge is a pair such as ('sep_conv_3x3', 0), not {shown(node)}", node)
    if len(parts) == 2 or is_float(parts[2]):
        return operation, integer(source, name, parts[1])
    target = integer(source, name, parts[1])
    if target != 2 + index // 2:
        raise source.error(
            f"{name} edge {index}: it ends in node {target}, where node {2 + index // 2} needs two edges "
            "(cells with other numbers of edges are not in this space)",
            node,
        )
    return operation, integer(source, name, parts[2])


def parse(written: str, named: Callable[[str], Genotype]) -> Genotype:
    """The genotype in ``written``; ``named`` answers with a published one.

    Raises `UsageError` saying what is wrong and where.
    """
    with suppress(Misplaced):  # it is read again, with places
        if (found := as_written(written)) is not None:
            return found
    return read(written, KIND, EXAMPLE, lambda source: _read(source, named))

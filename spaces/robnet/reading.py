"""RobNet genotypes as programs print them: codes as strings, as lists of operations, alone or for each cell."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable

from spaces.errors import shorten
from spaces.literal import argument, items, mapping, name_of, shown, text, unwrap
from spaces.robnet.genotype import EXAMPLE, Code, Genotype, Misplaced
from spaces.text import Source, read

KIND = "a RobNet genotype"
FIELD = "cells"

_BARE = re.compile(r"[\[(,]\s{0,20}(\d\d(?:\s{0,20}\|\s{0,20}\d\d)+)")


def parse(written: str, named: Callable[[str], Genotype]) -> Genotype:
    """The genotype in ``written``; ``named`` answers with a published one.

    Raises `UsageError` saying what is wrong and where.
    """
    return read(written, KIND, EXAMPLE, lambda source: _read(source, named))


def _read(source: Source, named: Callable[[str], Genotype]) -> Genotype:
    name = source.text.strip()
    if name.isidentifier():
        return named(name)
    if re.fullmatch(r"\d\d(?:\s*\|\s*\d\d)+", name):  # a code alone
        return _genotype(source, [(_split(name), None)])
    source.locate()
    if bare := _BARE.search(source.value):  # its zeros in front are a more obscure error of the syntax
        at = source.start + bare.start(1)
        raise source.error(f"a code is written in quotes; expected {EXAMPLE}", at, len(bare[1]))
    node = unwrap(source, source.tree(), "robnet")
    quoted = text(node)
    if quoted is not None:
        return _read(source.inner(quoted), named)
    codes = _codes(source, node)
    elements = items(codes)
    if elements is None:
        raise source.error(f"the codes must be a list, not {shown(codes)}; expected {EXAMPLE}", codes)
    if elements and all(len(text(element) or "") == 2 for element in elements):  # one code, edge by edge
        return _genotype(source, [(_code(source, codes), codes)])
    return _genotype(source, [(_code(source, element), element) for element in elements])


def _codes(source: Source, node: ast.expr) -> ast.expr:
    """The list of codes, alone or in ``RobNet(...)`` or ``{'cells': ...}``."""
    facts = mapping(source, node)
    if facts is not None:
        unknown = [key for key in facts if key != FIELD]
        if unknown or not facts:
            wrong = f"unknown part {shorten(unknown[0])}" if unknown else f"no part {FIELD!r}"
            raise source.error(f"{wrong} of {KIND}; expected {EXAMPLE}", facts[unknown[0]][0] if unknown else node)
        return facts[FIELD][1]
    if not isinstance(node, ast.Call):
        return node
    if name_of(node) != "RobNet":
        raise source.error("" if not name_of(node) else f"{name_of(node)[:60]}(...) is not {KIND}", node.func)
    values = [*node.args, *(keyword.value for keyword in node.keywords if keyword.arg == FIELD)]
    if len(values) != 1 or len(node.args) + len(node.keywords) != 1:
        raise source.error(f"{KIND} has one part, {FIELD}; expected {EXAMPLE}", node)
    return values[0]


def _code(source: Source, node: ast.expr) -> Code:
    node = argument(node, {"list", "tuple", "array"}) or node
    written = text(node)
    if written is not None:
        return _split(written)
    operations = [text(element) for element in items(node) or []]
    if not operations or None in operations:
        raise source.error(f"a code is written in quotes, not {shown(node)}; expected {EXAMPLE}", node)
    return tuple(operation for operation in operations if operation is not None)


def _split(written: str) -> Code:
    return tuple(part.strip() for part in written.split("|"))


def _genotype(source: Source, codes: list[tuple[Code, ast.expr | None]]) -> Genotype:
    try:
        return Genotype(tuple(code for code, _ in codes))
    except Misplaced as error:
        node = codes[error.cell][1] if error.cell is not None else None
        edges = items(node) if node is not None else None
        if edges and error.edge is not None:
            node = edges[error.edge]
        raise source.error(str(error), node) from None

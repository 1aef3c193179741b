"""A winner against random genotypes of its size, in a terminal."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.text import Text

from evonas.evaluation.controls import Comparison


def controlled(found: Comparison) -> RenderableType:
    """A sentence per column, what is missing, and the verdict."""
    head, *lines = found.lines
    missing = found.notes
    said = [Text(line, "yellow" if line in missing else "") for line in lines]
    return Group(Text(head, "bold"), *said, Text(found.verdict, "bold"))

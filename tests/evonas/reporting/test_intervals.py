"""An interval that does not say what it covers is taken for one that covers everything."""

from __future__ import annotations

import ast
import dataclasses
import io
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

import evonas
from evonas.evaluation.columns import label_of
from evonas.evaluation.comparison import ComparedRow
from evonas.evaluation.conditions import Conditions
from evonas.evaluation.retrained import Retrained
from evonas.evaluation.spread import Spread
from evonas.reporting.comparison import compared
from evonas.reporting.retrained import retrained_table

PACKAGE = Path(evonas.__file__).parent
COVERED = ("test images", "retrainings", "genotypes", "trials")


def printed(path: Path) -> Iterator[str]:
    """The texts of a file that are not docstrings; parts of one text together, values as ``{}``."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    bodies = [
        node.body for node in ast.walk(tree) if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
    ]
    left_out = {body[0].value for body in bodies if body and isinstance(body[0], ast.Expr)}
    inner = {part for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in ast.walk(node)} - {
        tree
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(part.value if isinstance(part, ast.Constant) else "{}" for part in node.values)  # type: ignore[misc]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in left_out | inner:
            yield node.value


def test_every_printed_interval_says_what_it_covers() -> None:
    found = [(path.name, text) for path in PACKAGE.rglob("*.py") for text in printed(path)]
    intervals = [(name, text) for name, text in found if re.search(r"95 %|half-width", text)]
    assert len(intervals) > 8
    assert [pair for pair in intervals if not any(f"over {what}" in pair[1] for what in COVERED)] == []


def shown(renderable: object) -> str:
    lines = io.StringIO()
    Console(file=lines, width=80).print(renderable)
    return lines.getvalue()


SEVERAL = Retrained(
    4, (0, 1), {2: "out of memory"}, {"clean": Spread.of([0.5, 0.6]), "pgd@Linf.eps8": Spread.of([0.25, 0.25])}
)


def test_retrainings_are_a_table_and_what_is_missing_is_said() -> None:
    text = shown(retrained_table(SEVERAL))
    assert "2 trainings" in text and "over retrainings" in text and "pgd 8/255" in text
    assert re.search(r"clean +55.00 % +7.07 % +0.00 - 100.00 %", text)
    assert "the training with seed 2 failed: out of memory" in text and "1 of 4 trainings are not finished" in text
    alone = shown(retrained_table(Retrained(2, (0,), {}, {"clean": Spread.of([0.5])})))
    assert "says nothing about the noise between retrainings" in alone and re.search(r"50.00 % +- +-", alone)
    assert label_of("noise") == "noise"


@pytest.mark.parametrize("several", [None, SEVERAL])
def test_compare_shows_both_intervals_where_there_are_retrainings(several: Retrained | None) -> None:
    row = ComparedRow(
        "run", "digits", 1e3, None, 0.5, (0.4, 0.6), None, None, None, None, "", pgd=0.25, pgd_ci95=(0.2, 0.3),
        conditions=Conditions("digits", epsilons=(8.0,)),
    )  # fmt: skip
    text = shown(compared([dataclasses.replace(row, retrained=several)]))
    assert ("retrainings" in text and "images" in text) == (several is not None)
    if several is not None:
        assert re.search(r"clean +40.00 - 60.00 % +55.00 % +7.07 % +0.00 - 100.00 %", text)
        assert re.search(r"pgd 8/255 +20.00 - 30.00 % +25.00 % +0.00 % +25.00 - 25.00 %", text)
    assert ("retrained" in dataclasses.replace(row, retrained=several).as_json()) == (several is not None)

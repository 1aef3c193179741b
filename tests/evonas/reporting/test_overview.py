"""``evonas show``: the report in short, at every stage."""

from __future__ import annotations

import dataclasses
import io
import json
import re
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

import evonas
from evonas.core.quantities import number
from evonas.reporting.columns import ENDLESS
from evonas.reporting.overview import NEXT, Overview
from evonas.reporting.summary import Summary
from evonas.store.ancestry import births, lineage
from evonas.store.run import Run
from spaces import EvonasError


def shown(summary: Summary, encoding: str = "utf-8", width: int = 80) -> str:
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    Console(file=stream, width=width).print(Overview(summary), soft_wrap=True)
    stream.flush()
    return stream.buffer.getvalue().decode(encoding)  # type: ignore[attr-defined]


def test_a_finished_run_shows_what_it_withstands_with_intervals(finished_run: Path) -> None:
    found, text = json.loads((finished_run / "evaluation.json").read_text()), shown(evonas.summarise(finished_run))
    for name in ("clean", "fgsm", "pgd"):
        low, high = (100 * end for end in found[name]["ci95"])
        line = next(line for line in text.splitlines() if line.startswith(name))
        assert f"{100 * found[name]['accuracy']:.2f} %" in line and f"{low:.2f} - {high:.2f} %" in line
    assert f"{100 * found['hrs']['pgd']:.2f} %" in text and f"{100 * found['corruptions']['mean']:.2f} %" in text
    assert f"evonas report {finished_run}" in text and "normal cell" in text


@pytest.mark.parametrize("width", [24, 30, 50, ENDLESS])
def test_a_narrow_terminal_gets_fewer_numbers_never_shorter_ones(width: int, finished_run: Path) -> None:
    summary = evonas.summarise(finished_run)
    usual, narrow = (shown(summary, width=columns) for columns in (80, width))
    assert set(re.findall(r"[\d.e+]+", narrow)) <= set(re.findall(r"[\d.e+]+", usual))
    rows = [line.split()[:2] for line in narrow.split("best")[-1].splitlines()[1 : len(summary.history) + 1]]
    assert rows == [[str(row.generation), number(row.best)] for row in summary.history]
    assert "…" not in narrow and ("normal cell" in narrow) == (width >= 50) and (width > 80) == (usual == narrow)


def test_the_lineage_is_as_long_as_the_report_says(searched_run: Path) -> None:
    summary = evonas.summarise(searched_run)
    assert summary.best is not None
    with Run.read(searched_run) as store:
        steps = lineage(store, summary.best.birth, births(store))
    assert summary.edits == len(steps) - 1 == summary.as_json()["edits"]
    assert f"{summary.edits} births from a random ancestor" in shown(summary)


@pytest.mark.parametrize("stage", list(NEXT))
def test_every_stage_names_the_command_that_comes_next(stage: str, searched_run: Path) -> None:
    summary = dataclasses.replace(evonas.summarise(searched_run), stage=stage)
    assert shown(summary).rstrip().endswith(f"evonas {NEXT[stage][1]} {searched_run}")


def test_a_terminal_without_unicode_gets_ascii(searched_run: Path) -> None:
    assert shown(evonas.summarise(searched_run), "ascii").isascii()


def test_a_lineage_that_runs_in_a_circle_is_damage(searched_run: Path) -> None:
    with Run.read(searched_run) as store:
        known = births(store)
        circle = dataclasses.replace(known, parent=np.roll(np.arange(len(known)), 1))
        with pytest.raises(EvonasError, match="damaged"):
            lineage(store, 0, circle)

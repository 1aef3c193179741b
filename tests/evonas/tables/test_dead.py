"""Networks with layers without effect."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import evonas
from evonas import SearchSettings
from evonas.tables.dead import dead_layers
from fitness import Task
from spaces import NetworkSize, spaces
from spaces.base import Space

DARTS = spaces["darts"]
ALIVE = [DARTS.random(np.random.default_rng(seed)) for seed in range(30)]
FIRST = [  # normal cells that read only the one before the last
    replace(cell, normal=tuple((name, 0 if place < 2 else place) for name, place in cell.normal)) for cell in ALIVE
]


def told(dead: int, layers: int) -> str | None:
    return dead_layers(FIRST[:dead] + ALIVE[dead:], Task(DARTS, NetworkSize(4, layers)))


def test_many_networks_with_dead_layers_are_said_with_the_layers_that_revive_them() -> None:
    assert told(3, 8) is None  # a tenth
    message = told(4, 8)
    assert message is not None
    assert message.startswith(
        "4 of 30 networks have layers on no path from the images to the logits with --layers 8"
    )
    assert "but 0 with --layers 1;" in message
    assert told(30, 1) is None


def test_cells_that_are_dead_with_any_number_of_layers_are_not_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    space = spaces["nasbench201"]
    cell = space.parse("|none~0|+|none~0|nor_conv_3x3~1|+|skip_connect~0|none~1|none~2|")
    assert dead_layers([cell], Task(space, NetworkSize(4, 5))) is None
    monkeypatch.setattr(type(DARTS), "stages", Space.stages)  # of a space without a closed form
    assert dead_layers(FIRST, Task(DARTS, NetworkSize(4, 8))) is None


def test_a_correlation_says_so_before_it_begins_and_in_its_document(tmp_path: Path) -> None:
    path, heard = tmp_path / "own.csv", []
    rows = [f'"{cell}",{50 + i}' for i, cell in enumerate(FIRST)]
    path.write_text("\n".join(["genotype,clean", *rows]))
    settings = SearchSettings(space="darts", channels=4, layers=8)
    found = evonas.correlate(path, "params", settings, announce=heard.append)
    assert heard == found.as_dict()["table"]["notes"] == [told(30, 8)]
    heard.clear()
    evonas.calibrate(path, proxies="params", settings=settings, announce=heard.append)
    assert told(30, 8) in heard


def test_a_large_table_is_looked_at_in_part(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []

    def counted(genotypes: Sequence[Any], task: Task, layers: int) -> int:
        seen.append(len(genotypes))
        return 0

    monkeypatch.setattr("evonas.tables.dead._dead", counted)
    task = Task(spaces["darts"], NetworkSize(4, 8))
    for count in (0, 1, 500, 501, 5000):
        dead_layers([None] * count, task)
    assert seen == [0, 1, 500, 251, 500]

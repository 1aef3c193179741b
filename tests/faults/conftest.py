"""A process that forks, small pictures, and every stage as it ends when nothing happens to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.faults.forking import Ended, Forks
from tests.faults.stages import Stage, stages


@dataclass(frozen=True)
class Undisturbed:
    """A stage, how it ended when nothing happened to it, and what it had found."""

    stage: Stage
    run: Path
    ended: Ended
    outcome: Any


@pytest.fixture(scope="session")
def forks() -> Iterator[Forks]:
    made = Forks()
    yield made
    made.close()


@pytest.fixture(scope="session")
def few_pictures(tmp_path_factory: pytest.TempPathFactory) -> str:
    """36 images of noise in two classes that differ in brightness, as ``folder:PATH``."""
    root = tmp_path_factory.mktemp("pictures")
    rng = np.random.default_rng(0)
    for name, low in (("dark", 0), ("light", 90)):
        (root / name).mkdir()
        for i in range(18):
            pixels = rng.integers(low, low + 160, (16, 16, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(root / name / f"{i:02}.png")
    return f"folder:{root}"


@pytest.fixture(scope="session")
def undisturbed(
    forks: Forks, few_pictures: str, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Undisturbed]:
    """Each stage by name, run once."""
    known: dict[str, Undisturbed] = {}

    def find(name: str) -> Undisturbed:
        if name not in known:
            before = find("training").run if name == "evaluation" else None
            stage = stages(few_pictures, before)[name]
            directory = stage.prepare(tmp_path_factory.mktemp(name))
            ended = forks.run(*stage.start, cwd=directory)
            assert ended.code == 0, ended.output
            run = directory / "run"
            known[name] = Undisturbed(stage, run, ended, stage.outcome(run))
        return known[name]

    return find

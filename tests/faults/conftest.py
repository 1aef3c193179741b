"""A process that forks, small pictures, and every stage as it ends when nothing happens to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.faults.forking import Ended, Forks
from tests.faults.stages import Stage, stages
from tests.pictures import bright_and_dark


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
    """36 images."""
    return bright_and_dark(tmp_path_factory.mktemp("pictures"), 18)


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

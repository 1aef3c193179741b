"""A table of four trainings that takes a second."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from evonas.core.events import Event, unwatched
from evonas.engine import Engine
from evonas.tabulating import tabulate as tabulating
from evonas.tabulating.settings import TabulateSettings
from evonas.tabulating.summary import Tabulation

Make = Callable[..., TabulateSettings]


def settings_on(pictures: str) -> Make:
    """Settings of three genotypes, the first of which is trained twice."""

    def settings(**options: Any) -> TabulateSettings:
        numbers = {
            "epochs": 2,
            "batch_size": 16,
            "lr": 0.3,
            "cutout": 0,
            "crop": 4,
            **options.pop("overrides", {}),
        }
        given: dict[str, Any] = {
            "space": "nasbench201",
            "sample": 3,
            "seeds": 2,
            "seeds_for": 1,
            "dataset": pictures,
            "image_size": 8,
            "channels": 2,
            "layers": 1,
            "validation": 16,
            "epsilons": (64.0,),
            "steps": 2,
            "corruptions": False,
            "images": 8,
            "device": "cpu",
        }
        return TabulateSettings(**{**given, **options}, overrides=numbers)

    return settings


@pytest.fixture
def make(pictures: str) -> Make:
    """Settings of three genotypes, the first of which is trained twice."""
    return settings_on(pictures)


@pytest.fixture(scope="session")
def whole(pictures: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The table of these settings that nothing interrupted, with its journal; to be copied."""
    out = tmp_path_factory.mktemp("whole") / "own.csv"
    with pytest.MonkeyPatch.context() as patch:
        foreseen(patch)
        made(out, settings_on(pictures)())
    return out


@pytest.fixture
def finished(whole: Path, tmp_path: Path) -> Path:
    """A copy of that table in the directory of the test."""
    return Path(shutil.copytree(whole.parent, tmp_path / "finished")) / whole.name


@pytest.fixture
def undisturbed(whole: Path) -> tuple[bytes, bytes]:
    """Both files of the table that nothing interrupted."""
    return files(whole)


def foreseen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every training takes a second."""
    monkeypatch.setattr(tabulating, "estimate", lambda trainer, jobs, flops: dict.fromkeys(jobs, 1.0))


@pytest.fixture
def unforeseen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is told how long it takes."""
    foreseen(monkeypatch)


@pytest.fixture
def single_thread() -> Iterator[None]:
    """As inside a table."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def made(
    out: Path, settings: TabulateSettings, observer: Any = unwatched, engine: Engine | None = None
) -> Tabulation:
    """The table, whether or not the directory is there."""
    out.parent.mkdir(exist_ok=True)
    return tabulating.tabulate(out, settings, observer, engine)


def files(out: Path) -> tuple[bytes, bytes]:
    """What must not depend on anything but the settings."""
    return out.read_bytes(), out.with_suffix(".json").read_bytes()


class Heard(list[Event]):
    """The events."""

    def __call__(self, event: Event) -> None:
        self.append(event)

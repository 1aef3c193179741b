"""Options of an algorithm: typed by its annotations, bounded, stored and sealed with the run, kept by a resume."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import pytest

import evonas
from evonas import SearchSettings, UsageError
from evonas.cli.catalogue import catalogue
from evonas.core.options import bounded
from evonas.reporting.reproduce import search_command
from evonas.searching.algorithms import algorithms, regularized_evolution
from evonas.searching.options import with_options
from evonas.store import hash_chain
from evonas.store.run import Run

SMALL: dict[str, Any] = {"space": "nasbench201", "proxy": "params", "population": 4, "generations": 1}
DEFAULTS = {"acquire": "its", "deep": False, "rate": 0.5, "steps": 3, "width": None}


@dataclass(frozen=True)
class Options(regularized_evolution.Options):
    """Of every type."""

    rate: float = bounded(0.5, 0, 1)
    steps: int = bounded(3, 1, 10)
    deep: bool = False
    width: int | None = None
    acquire: Literal["its", "ucb"] = "its"

    def __post_init__(self) -> None:
        if self.width == self.steps:
            raise ValueError("width and steps must differ")


class Optional(regularized_evolution.RegularizedEvolution):
    """Has options of its own."""

    Options = Options


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setitem(algorithms._entries, "optional", Optional)
    yield


def settings(*options: str, **more: Any) -> SearchSettings:
    return SearchSettings.from_options(**{**SMALL, "algorithm": "optional", "options": options, **more})


def test_options_are_typed_and_the_rest_have_their_defaults() -> None:
    assert dict(with_options(settings()).options) == DEFAULTS
    found = with_options(settings("rate=1", "steps=10", "deep=yes", "width=7", "acquire=ucb"))
    assert dict(found.options) == {"rate": 1.0, "steps": 10, "deep": True, "width": 7, "acquire": "ucb"}
    assert with_options(replace(found, options=found.options)) == found
    values = {"rate": 1, "steps": 10, "deep": True, "width": "7", "acquire": "ucb"}
    assert with_options(settings(options=values)) == found
    assert SearchSettings.from_json(found.to_json()) == found and hash(found)


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("rate", "--option takes NAME=VALUE, such as --option rate=0.1, not 'rate'"),
        ("rat=0.1", "the algorithm optional has no option 'rat': did you mean rate?"),
        ("rate=1.5", "--option rate must be a number from 0 to 1, not 1.5"),
        ("rate=nan", "--option rate must be a number from 0 to 1, not nan"),
        ("rate=fast", "--option rate must be a number, not 'fast'"),
        ("steps=11", "--option steps must be an integer from 1 to 10, not 11"),
        ("steps=2.5", "--option steps must be an integer, not '2.5'"),
        ("steps=none", "--option steps must be an integer, not 'none'"),
        ("deep=perhaps", "--option deep must be true or false, not 'perhaps'"),
        ("acquire=uct", "unknown --option acquire 'uct': did you mean ucb?"),
        ("width=3", "the options of the algorithm optional do not fit: width and steps must differ"),
        (
            "population=5",
            "population is a setting of the search: use --population instead of --option population=V",
        ),
    ],
)
def test_a_wrong_option_is_one_message_before_any_work(option: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        evonas.search(settings(option), tmp_path / "run")
    assert message in str(caught.value) and not (tmp_path / "run").exists()


def test_an_algorithm_without_options_says_so() -> None:
    with pytest.raises(UsageError, match="regularized-evolution has no option 'rate': it has none"):
        with_options(settings("rate=1", algorithm="regularized-evolution"))


@pytest.mark.parametrize(
    "wrong", [{"rate": object()}, {"rate": float("inf")}, 3, [("rate", 1), ("rate", 2)], {1: 2}]
)
def test_values_that_are_not_scalars_are_refused(wrong: Any) -> None:
    with pytest.raises(UsageError, match="--option"):
        SearchSettings(options=wrong)


def test_the_run_keeps_its_options(tmp_path: Path) -> None:
    run = tmp_path / "run"
    evonas.search(settings("rate=0.25"), run)
    with Run.read(run) as store:
        assert dict(store.settings.options) == {**DEFAULTS, "rate": 0.25}
        assert "--option rate=0.25 --option steps=3 --option width=none" in search_command(
            store.settings, None, run
        )
    with pytest.raises(UsageError, match=r"was started with --option rate=0\.25, --option steps=3; a run keeps"):
        evonas.resume(run, options={"rate": 0.5, "steps": 4, "deep": False})
    assert evonas.resume(run, generations=2, options={"rate": "0.25"}).generations == 2


def test_the_seals_have_the_options(tmp_path: Path) -> None:
    evonas.search(settings("rate=0.25"), tmp_path / "run")
    with sqlite3.connect(tmp_path / "run" / "run.db") as db:
        (text,) = db.execute("SELECT value FROM meta WHERE key = 'settings'").fetchone()
        changed = text.replace('"rate": 0.25', '"rate": 0.75')
        db.execute("UPDATE meta SET value = ? WHERE key = 'settings'", (changed,))
    assert text != changed
    with pytest.raises(evonas.EvonasError, match="generation 0 has changed"):
        evonas.resume(tmp_path / "run", generations=2)


def test_a_run_without_options_is_sealed_as_before() -> None:
    with sqlite3.connect(":memory:") as db:
        db.execute("CREATE TABLE meta (key, value)")
        text = SearchSettings(seed=3, population=100).to_json()
        db.execute("INSERT INTO meta VALUES ('settings', ?)", (text,))
        assert "options" not in json.loads(text)
        assert hash_chain.beginning(db) == "da0c3b057fdf8f4495b14c901b0274507f1131e13ad1dbf66b8e98c043d6e711"


def test_the_list_shows_options_with_their_defaults() -> None:
    (entry,) = [one for one in catalogue(["algorithms"])["algorithms"] if one["name"] == "optional"]
    assert entry["options"].startswith(
        "rate (float from 0 to 1; default 0.5), steps (int from 1 to 10; default 3), "
    )
    assert entry["options"].endswith("width (int, or none; default none), acquire (its or ucb; default its)")

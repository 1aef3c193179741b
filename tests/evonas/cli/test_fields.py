"""Options of commands that stand for fields of settings: names, order, defaults, and what a command gets."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import Annotated, Any

import pytest
import typer
from typer.testing import CliRunner

from evonas.cli.app import app
from evonas.cli.fields import Fields, Values, with_fields
from evonas.core.fields import marked, options_of, setting
from evonas.evaluation.settings import EvaluateSettings
from evonas.store.settings import CHANGEABLE, SearchSettings
from evonas.tabulating.settings import TabulateSettings
from evonas.training.settings import TrainSettings


@dataclass(frozen=True)
class Example:
    size: int | None = setting(None, bounds=(1, 9), help="Size.", default_text="as it is", after="words")
    hidden: int = setting(1, bounds=(1, 9))
    words: tuple[str, ...] = setting((), read=lambda value, name: value, help="Words.", spelling="--word")
    kept: bool = setting(True, help="Drop it.", spelling="--no-kept", marks={"shown": True})


def outcome(*arguments: str, fields: Fields, later: Fields | None = None) -> tuple[Values, str]:
    """What a command gets for ``arguments``, and its help text."""
    got: Values = {}
    more = later or Fields(Example, without=("size", "words", "kept"))

    def command(
        first: str, *, some: Annotated[Values, fields], last: int = 3, rest: Annotated[Values, more]
    ) -> None:
        got.update(first=first, some=some, last=last, rest=rest)

    command.__annotations__ |= {"some": Annotated[Values, fields], "rest": Annotated[Values, more]}
    command.__annotations__ |= {"first": str, "last": int}
    made = typer.Typer(rich_markup_mode="markdown")
    made.command()(with_fields(command))
    result = CliRunner().invoke(made, [*arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return got, CliRunner().invoke(made, ["--help"], env={"COLUMNS": "100"}).output


def test_a_command_gets_a_dict_of_the_fields_in_the_place_of_their_options() -> None:
    got, text = outcome("x", "--no-kept", "--size", "4", fields=Fields(Example))
    assert got == {"first": "x", "some": {"words": None, "size": 4, "kept": False}, "last": 3, "rest": {}}
    assert text.index("--word ") < text.index("--size") < text.index("--no-kept") < text.index("--last")
    assert "Size. [default: as it is]" in " ".join(text.split()) and "hidden" not in text


def test_fields_are_chosen_by_name_by_mark_and_by_exception() -> None:
    some, rest = Fields(Example, "size", size=7), Fields(Example, mark="shown")
    got, text = outcome("x", fields=some, later=rest)
    assert got["some"] == {"size": 7} and got["rest"] == {"kept": None}
    assert text.index("--size") < text.index("--last") < text.index("--no-kept") and "--word" not in text
    assert [*Fields(Example, without=("size",)).fields] == ["words", "kept"]


SCORING = {*marked(SearchSettings, "to_score")} & options_of(SearchSettings).keys()
SEARCH, TRAIN, EVALUATE = (options_of(kind).keys() for kind in (SearchSettings, TrainSettings, EvaluateSettings))


@pytest.mark.parametrize(
    ("command", "settings", "names"),
    [
        ("search", SearchSettings, {*SEARCH}),
        ("resume", SearchSettings, {*SEARCH}),
        ("train", TrainSettings, {*TRAIN}),
        ("evaluate", EvaluateSettings, {*EVALUATE}),
        ("score", SearchSettings, SCORING - {"proxy"}),
        ("correlate", SearchSettings, SCORING - {"proxy"}),
        ("benchmark", SearchSettings, {"space", "seed"}),
        ("bench", SearchSettings, SCORING - {"batch_networks"}),
        ("tabulate", TabulateSettings, {*options_of(TabulateSettings)}),
    ],
)
def test_a_command_has_the_options_of_its_settings(command: str, settings: Any, names: set[str]) -> None:
    callback = next(one.callback for one in app.registered_commands if one.callback.__name__ == command)  # type: ignore[union-attr]
    shown = {name: one.annotation.__metadata__[0] for name, one in inspect.signature(callback).parameters.items()}  # type: ignore[arg-type]
    for name in names:
        assert shown[name].help.startswith(options_of(settings)[name].about.help)
        assert shown[name].default.partition("/")[0] == options_of(settings)[name].spelling


def test_the_help_of_resume_names_what_may_change() -> None:
    text = " ".join(CliRunner().invoke(app, ["resume", "--help"], env={"COLUMNS": "200"}).output.split())
    kept = text.partition("A run keeps its settings, except ")[2].partition("--dataset may name")[0]
    for name in CHANGEABLE:
        assert options_of(SearchSettings)[name].spelling in kept


@pytest.mark.parametrize("command", ["correlate", "benchmark", "score"])
def test_help_shows_one_default_that_of_the_command_before_that_of_the_field(command: str) -> None:
    text = " ".join(CliRunner().invoke(app, [command, "--help"], env={"COLUMNS": "400"}).output.split())
    part = text.partition("Search space: ")[2].partition(" --")[0]
    default = "darts" if command == "score" else "that of the table"
    assert part.count("[default:") == 1 and f"[default: {default}" in part

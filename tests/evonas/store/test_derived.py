"""What follows from the fields of settings: checks, seals, identities of scores, keywords, options."""

from __future__ import annotations

import dataclasses
import inspect
import json
import sqlite3
from dataclasses import dataclass, replace
from typing import Any

import pytest

import evonas
from evonas import EvaluateSettings, FinalPlan, SearchSettings, TrainSettings, UsageError
from evonas.core.fields import check, fields_of, like, marked, options_of, presets_of, require_marks, setting
from evonas.evaluation.settings import EvaluateOptions
from evonas.searching.resolve import resolve
from evonas.searching.task import task_of
from evonas.store import hash_chain
from evonas.store.search_options import ScoreOptions, SearchOptions
from evonas.store.searched import DECISIONS, searched
from evonas.store.settings import IDENTITY, SEALED_IF_STORED, TO_TRAINING
from evonas.tables.scores import settings_hash
from evonas.training.settings import TrainOptions
from fitness import Batch, Task

SETTINGS = (SearchSettings, TrainSettings, EvaluateSettings, FinalPlan)


@dataclass(frozen=True)
class Example:
    number: int = setting(2, bounds=(1, 3), help="A number.", presets={"few": 1})
    name: str | None = setting(None, choices=("one", "two"), help="A name.", default_text="none at all")
    last: bool = setting(False, help="A flag.", after="number", marks={"kept": True})
    words: tuple[str, ...] = setting((), read=lambda value, name: (str(value), name))

    def __post_init__(self) -> None:
        check(self)


def test_a_field_is_checked_by_what_stands_at_it() -> None:
    found = Example(3, "two", True, "x")  # type: ignore[arg-type]
    assert (found.number, found.name, found.last, found.words) == (3, "two", True, ("x", "words"))
    for wrong, message in (
        ({"number": 4}, "--number must be an integer from 1 to 3, not 4"),
        ({"number": None}, "--number must be an integer"),
        ({"name": "tow"}, "unknown --name 'tow': did you mean two?"),
        ({"last": 1}, "--last must be True or False, not 1"),
    ):
        with pytest.raises(UsageError, match=message):
            Example(**wrong)


def test_options_have_an_order_a_help_text_and_presets() -> None:
    assert list(options_of(Example)) == ["number", "last", "name"]
    helps = [field.help for field in options_of(Example).values()]
    assert helps == ["A number.  [default: 2]", "A flag.", "A name.  [default: none at all]"]
    assert presets_of(Example) == {"few": {"number": 1}} and marked(Example, "kept") == ("last",)


@dataclass(frozen=True)
class Other:
    number: int = like(Example, "number", bounds=(1, 9))

    def __post_init__(self) -> None:
        check(self)


def test_a_field_like_another_has_its_default_and_help_but_no_presets() -> None:
    assert Other().number == 2 and Other(9).number == 9
    assert fields_of(Other)["number"].help == "A number.  [default: 2]" and not presets_of(Other)


@pytest.mark.parametrize("settings", SETTINGS)
def test_every_field_of_settings_has_a_check(settings: type) -> None:
    for name, field in fields_of(settings).items():
        about = field.about
        assert about.read or about.bounds or field.kind in (str, bool), f"{settings.__name__}.{name}"


def test_a_field_that_decides_nothing_is_refused() -> None:
    require_marks(SearchSettings, *DECISIONS)

    @dataclass(frozen=True)
    class More(SearchSettings):
        undecided: int = 3

    with pytest.raises(TypeError, match=r"More\.undecided does not say of_score and changeable"):
        require_marks(More, *DECISIONS)
    with pytest.raises(TypeError, match="changeable"):
        searched(3, of_score=None)  # type: ignore[call-arg]


def sealed(**stored: Any) -> str:
    """The start of the chain of a run with these settings."""
    settings = SearchSettings(
        population=100,
        seed=3,
        channels=8,
        layers=5,
        max_params_at=(36, 20),
        batch_size=8,
        precision="float64",
    )
    facts = {"settings": json.dumps(dataclasses.asdict(settings) | stored), "batch": "b", "proxies": "p"}
    with sqlite3.connect(":memory:") as db:
        db.execute("CREATE TABLE meta (key, value)")
        db.executemany("INSERT INTO meta VALUES (?, ?)", facts.items())
        return hash_chain.beginning(db)


def test_runs_keep_their_seals() -> None:
    assert sealed() == "3ae287bc237dd91472335195cfcd3ac7136fd82f576733a437f6c6f18261227f"
    assert (
        sealed(generations=7, data_dir="x", device="cuda", batch_networks=64, memory=0.5, evaluations=9)
        == sealed()
    )


@pytest.mark.parametrize("name", sorted({*marked(SearchSettings, "sealed")}))
def test_a_setting_that_a_resume_may_not_change_is_sealed(name: str) -> None:
    assert sealed(**{name: "another"}) != sealed()


def test_a_setting_that_was_added_is_sealed_where_a_run_stores_it(monkeypatch: pytest.MonkeyPatch) -> None:
    before = sealed()
    monkeypatch.setattr(hash_chain, "SEALED_IF_STORED", (*SEALED_IF_STORED, "added"))
    assert sealed() == before
    assert sealed(added={}) == before != sealed(added=1) != sealed(added=2)

    @dataclass(frozen=True)
    class More(SearchSettings):
        added: int = searched(3, bounds=(1, 9), of_score=None, changeable=False, added=True)

    assert marked(More, "sealed") == marked(SearchSettings, "sealed")
    assert marked(More, "sealed_if_stored") == (*SEALED_IF_STORED, "added")


SMALL = resolve(SearchSettings(channels=4, layers=3, seed=3, device="cpu"))
CHANGED: dict[str, Any] = {  # another value of every field but proxy, the column next to the digest
    "space": "robnet", "algorithm": "random", "generations": 7, "population": 50, "tournament": 3, "children": 5,
    "dataset": "cifar10", "data_dir": "elsewhere", "batch_size": 5, "channels": 6, "layers": 4, "image_size": 16,
    "classes": 3, "max_params": 10**6, "max_params_at": (4, 3), "seed": 4, "device": "cuda:1",
    "precision": "float64", "batch_networks": 8, "memory": 0.5,
    "options": {"rate": 1}, "evaluations": 60, "objectives": "croze,-params", "pick": "params",
    "joint": True, "stem": "imagenet", "latency_command": "measure {folder}", "latency_timeout": 5.0,
    "constraints": ("flops<=3",),
}  # fmt: skip


def identity(settings: SearchSettings, proxy: str) -> str:
    """The digest that scores are stored under, with images that depend on data set and batch size."""
    import torch

    images = torch.full((settings.batch_size or 8, 3, 2, 2), float(len(settings.dataset)))
    batch = Batch(images, torch.zeros(len(images), dtype=torch.long), torch.full((3,), 0.5), torch.full((3,), 0.5))
    task = replace(task_of(replace(settings, device="cpu"), batch), device=settings.device)
    return settings_hash(proxy, task)


@pytest.mark.parametrize("name", [name for name in fields_of(SearchSettings) if name != "proxy"])
def test_the_identity_of_a_score_changes_with_a_setting_that_it_depends_on_and_no_other(name: str) -> None:
    proxy = "params" if name == "device" else "croze"  # which would copy its images there
    differs = identity(replace(SMALL, **{name: CHANGED[name]}), proxy) != identity(SMALL, proxy)
    assert differs == (name in marked(SearchSettings, "of_score"))


def test_scores_keep_their_identity() -> None:
    task: Task = task_of(SMALL, None)
    assert [*IDENTITY] == ["space", "proxy", "batch", "size", "seed", "device", "dtype", "form"]
    assert settings_hash("params", task) == "20546c0d1c8bbf43"
    assert settings_hash("params", replace(task, device="cuda:1")) == "08e0b2a8652db0a9"
    assert settings_hash("params", task_of(replace(SMALL, seed=0, batch_networks=4), None)) == "a6e0973bbb18d73d"


def test_a_training_has_every_field_that_it_inherits() -> None:
    assert {*TO_TRAINING} <= {*fields_of(TrainSettings)}


def test_typed_options_are_the_fields_of_the_settings() -> None:
    assert SearchOptions.__annotations__.keys() == fields_of(SearchSettings).keys()
    assert ScoreOptions.__annotations__.keys() == {*marked(SearchSettings, "to_score")} - {"proxy", "classes"}
    assert TrainOptions.__annotations__.keys() == options_of(TrainSettings).keys() | {"overrides", "finalists"}
    lists = {"attacks", "epsilons", "assess", "certify", "sigma"}  # written with commas
    assert EvaluateOptions.__annotations__.keys() | lists == fields_of(EvaluateSettings).keys()


@pytest.mark.parametrize(
    ("name", "options"), [("resume", SearchOptions), ("score", ScoreOptions), ("train", TrainOptions)]
)
def test_functions_show_the_options_as_keywords_and_refuse_others(name: str, options: Any) -> None:
    function = getattr(evonas, name)
    assert options.__annotations__.keys() <= inspect.signature(function).parameters.keys()
    with pytest.raises(TypeError, match="unexpected keyword argument 'chanels'"):
        function("runs/none", chanels=4)

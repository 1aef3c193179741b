"""The public API: its names, its signatures, and the values that stand for others."""

from __future__ import annotations

import importlib
import inspect
import json
import math
import pkgutil
import re
from collections import namedtuple
from collections.abc import Callable
from dataclasses import asdict, fields
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

import evonas
from evonas import EvaluateSettings, FinalPlan, SearchSettings, TrainSettings, UsageError
from spaces import spaces
from spaces.nasbench201.genotype import EXAMPLE

TINY: dict[str, Any] = {"proxy": "params", "population": 2, "generations": 1, "channels": 2, "layers": 3}
PAGE = (Path(__file__).parents[2] / "docs" / "api.md").read_text(encoding="utf-8")
DARTS_V2 = spaces["darts"].parse("DARTS_V2")
Genotype = namedtuple("Genotype", "normal normal_concat reduce reduce_concat")  # as the code of DARTS has it
FOREIGN = Genotype(list(DARTS_V2.normal), range(2, 6), list(DARTS_V2.reduce), range(2, 6))


def test_no_public_name_shadows_a_module() -> None:
    modules = {module.name for module in pkgutil.iter_modules(evonas.__path__)}
    assert not modules & set(evonas.__all__)


def test_every_package_can_be_reached_by_attributes() -> None:
    for module in pkgutil.iter_modules(evonas.__path__):
        if module.ispkg:
            importlib.import_module(f"evonas.{module.name}")
            assert isinstance(getattr(evonas, module.name), ModuleType), module.name


def test_every_public_name_is_there_and_of_evonas() -> None:
    assert list(evonas.__all__) == sorted(evonas.__all__)
    assert {*evonas.__all__} <= {*dir(evonas)}
    for name in ("TrainSettings", "FinalPlan", "Observer", "InProcess", "Processes", "Ray", "bench"):
        assert name in evonas.__all__ and getattr(evonas, name).__module__.startswith("evonas")
    with pytest.raises(AttributeError, match="no attribute 'serach'"):
        _ = evonas.serach


@pytest.mark.parametrize("name", [name for name in evonas.__all__ if inspect.isfunction(getattr(evonas, name))])
def test_every_argument_has_a_name_and_a_type(name: str) -> None:
    for parameter in inspect.signature(getattr(evonas, name)).parameters.values():
        assert parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY), parameter
        assert parameter.annotation not in (parameter.empty, "Any"), parameter


@pytest.mark.parametrize("name", [name for name in evonas.__all__ if inspect.isfunction(getattr(evonas, name))])
def test_the_documentation_has_every_signature(name: str) -> None:
    signature = inspect.signature(getattr(evonas, name))
    bare = [parameter.replace(annotation=parameter.empty) for parameter in signature.parameters.values()]
    assert f"{name}{inspect.Signature(bare)}" in " ".join(PAGE.split())


def test_the_examples_of_the_documentation_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("evonas.engine.auto.START_SECONDS", math.inf)
    examples = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    functions = [name for name in evonas.__all__ if inspect.isfunction(getattr(evonas, name))]
    assert {*functions} <= {*re.findall(r"\bevonas\.(\w+)\(", "".join(examples))}
    code = "".join(examples).replace('{"epochs": 1}', '{"epochs": 1, "batch_size": 512}')
    assert code.count('"batch_size": 512') == 2
    exec(compile(code, "api.md", "exec"), {})


@pytest.mark.parametrize(
    ("function", "settings", "left_out"),
    [
        (evonas.train, TrainSettings, {"genotype", "classes", "numbers", "mean", "std"}),  # follow from the data
        (evonas.resume, SearchSettings, {"classes", "max_params_at"}),
    ],
)
def test_the_keywords_are_the_fields_of_the_settings(
    function: Callable[..., object], settings: Any, left_out: set[str]
) -> None:
    assert {field.name for field in fields(settings)} - left_out <= {*inspect.signature(function).parameters}


def test_numpy_numbers_and_paths_become_plain_values() -> None:
    tiny = {name: np.int64(value) if isinstance(value, int) else value for name, value in TINY.items()}
    found = SearchSettings(**tiny, memory=np.float64(0.5), data_dir=Path("data"), dataset=np.str_("digits"))
    same = SearchSettings(**TINY, memory=0.5, data_dir="data")
    assert found == same and found.to_json() == same.to_json()
    assert {type(value) for value in asdict(found).values()} <= {int, float, str, bool, tuple, type(None)}
    measured = EvaluateSettings(attacks=["fgsm"], epsilons=np.array([8.0, 4.0]), images=np.uint8(3))
    assert measured == EvaluateSettings(attacks=("fgsm",), epsilons=(8.0, 4.0), images=3)
    assert EvaluateSettings(attacks="pgd", epsilons=8) == EvaluateSettings(("pgd",), (8,))
    trained = TrainSettings(
        "DARTS_V2", channels=np.int32(4), overrides={"epochs": np.int64(2), "lr": np.float32(0.5)}
    )
    assert trained == TrainSettings("DARTS_V2", channels=4, overrides={"epochs": 2, "lr": 0.5})
    assert json.dumps([measured.as_dict(), trained.as_dict()])
    assert FinalPlan.from_json(FinalPlan(finalists=np.int64(2)).to_json()) == FinalPlan(finalists=2)
    stepped = TrainSettings("DARTS_V2", overrides={"schedule": "steps", "milestones": [3, np.int64(5)]})
    assert stepped.overrides["milestones"] == (3, 5)


def test_a_genotype_object_stands_for_its_text_and_one_text_for_a_list() -> None:
    settings = SearchSettings(**TINY)
    expected = [row.scores for row in evonas.score(["DARTS_V2"], ["params"], settings)]
    for given in ("DARTS_V2", DARTS_V2, [DARTS_V2], (str(DARTS_V2),), FOREIGN, np.array(["DARTS_V2"])):
        assert [row.scores for row in evonas.score(given, "params", settings)] == expected
    assert (
        evonas.score(iter(["DARTS_V2"]), proxies=iter(["params"]), channels=2, layers=3)[0].scores == expected[0]
    )
    assert TrainSettings(DARTS_V2).genotype == TrainSettings(str(DARTS_V2)).genotype


def test_a_correlation_without_targets_is_refused(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("arch_str,clean\n" + f"{EXAMPLE},60\n")
    with pytest.raises(UsageError, match="--target needs at least one name"):
        evonas.correlate(tmp_path / "t.csv", "params", target_names=[])


def test_images_of_any_memory_layout_are_corrupted_alike() -> None:
    images = np.random.default_rng(0).integers(0, 256, (3, 3, 8, 8), dtype=np.uint8)
    expected = evonas.corrupt(images, "fog", 2)
    backwards = np.ascontiguousarray(images[::-1, :, :, ::-1])[::-1, :, :, ::-1]  # strides below 0
    turned = np.asfortranarray(images)
    turned.flags.writeable = False
    for same in (backwards, turned, np.ma.masked_array(images)):
        assert (evonas.corrupt(same, "fog", np.int64(2), np.int64(0)) == expected).all()
    for positions in ([2, 0], np.array([2, 0]), torch.tensor([2, 0]), np.array([0, 2])[::-1], (np.int32(2), 0)):
        parts = evonas.corrupt(images[[2, 0]], "fog", 2, positions=positions)
        assert (parts == expected[[2, 0]]).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: SearchSettings(population=True), "--population must be an integer from 1 to 1000000, not True"),
        (lambda: SearchSettings(population=np.float64(4)), "--population must be an integer"),
        (lambda: SearchSettings(memory=True), "--memory must be a fraction up to 1"),
        (lambda: SearchSettings(space="\ud800"), r"--space cannot be '\ud800'"),
        (lambda: SearchSettings(seed=10**5000), "--seed must be an integer from 0"),
        (lambda: EvaluateSettings(autoattack="no"), "--autoattack must be True or False, not 'no'"),
        (lambda: TrainSettings("DARTS_V2", overrides=["epochs"]), "overrides must be a dict"),
        (lambda: TrainSettings(5), "a genotype must be text or a genotype object, not 5"),
        (lambda: evonas.search({"population": 2}), "settings must be an object of evonas.SearchSettings"),
        (lambda: evonas.search(observer=3), "observer must be a function of one argument, not 3"),
        (lambda: evonas.search(observer=divmod), "observer must be a function of one argument"),
        (lambda: evonas.search(observer=evonas.Listener), "call Listener() to make one"),
        (lambda: evonas.search(engine="processes"), "engine must be an object of evonas.Engine, not 'processes'"),
        (lambda: evonas.search(final="fast"), "final must be an object of evonas.FinalPlan, not 'fast'"),
        (lambda: evonas.search(run=3), "--run must be text, not 3"),
        (lambda: evonas.score(None), "a genotype must be text or a genotype object, not None"),
        (
            lambda: evonas.score("DARTS_V2", settings=SearchSettings(), channels=4),
            "pass settings or channels, not both",
        ),
        (lambda: evonas.train(TrainSettings("DARTS_V2"), channels=4), "pass settings or channels, not both"),
        (lambda: evonas.train("DARTS_V2", finalists=2), "finalists are the best genotypes of a run"),
        (lambda: evonas.correlate("t.csv", announce="x"), "announce must be a function of one argument, not 'x'"),
        (lambda: evonas.bench(networks=[]), "--batch-networks needs at least one number"),
        (lambda: evonas.Processes(2.5), "--workers must be an integer from 1 to 10000, not 2.5"),
    ],
)
def test_anything_else_is_refused_by_one_message(call: Callable[[], object], message: str) -> None:
    with pytest.raises(UsageError) as error:
        call()
    assert message in str(error.value) and "\n" not in str(error.value)

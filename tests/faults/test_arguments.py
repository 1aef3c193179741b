"""Whatever a caller hands to the public API is taken or refused with one `EvonasError`; its types never leak."""

from __future__ import annotations

import importlib
import inspect
import itertools
import os
import shutil
from collections.abc import Callable, Iterator
from decimal import Decimal
from enum import IntEnum
from fractions import Fraction
from itertools import product
from operator import attrgetter
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import evonas
from evonas import EvonasError
from spaces import spaces
from spaces.nasbench201.genotype import EXAMPLE, OPERATIONS
from tests.faults import hostile

CASES = int(os.environ.get("EVONAS_ARGUMENTS", "10000"))  # calls of the slow test


def kind_of(name: str) -> type:
    """A public class; for anything else `object`."""
    found = getattr(evonas, name)
    return found if isinstance(found, type) else object


NOT_CALLED = {
    "EvonasError",
    "UsageError",
    "Interrupted",
    "Engine",
    "Observer",
    "Observers",
    "Listener",
    *(name for name in evonas.__all__ if issubclass(kind_of(name), evonas.Event)),  # which are received
}  # take no arguments to check
TINY = evonas.SearchSettings(
    proxy="params", population=2, tournament=1, children=1, generations=1, channels=2, layers=3, device="cpu"
)
SMALL = evonas.EvaluateSettings(
    ("fgsm",), images=1, checks=0, corruptions=False, batch_size=1, device="cpu", other_data=True
)  # the checkpoint was not trained on the digits
FEW = evonas.TabulateSettings(
    sample=1, channels=2, layers=3, image_size=8, images=1, corruptions=False, device="cpu"
)
GENOTYPE = spaces["darts"].parse("DARTS_V2")
TABLE = "arch_str,clean\n" + "".join(
    f'"{EXAMPLE.replace("none", name)}",{0.5 + i / 10}\n'
    for i, name in enumerate(["none", "skip_connect", "avg_pool_3x3", "nor_conv_1x1", "nor_conv_3x3"])
)
CELLS = [
    f"|{a}~0|+|{b}~0|nor_conv_1x1~1|+|{c}~0|{b}~1|{b}~2|"
    for a, b, c in product(OPERATIONS[:4], OPERATIONS[:4], OPERATIONS[:4])
]
MANY = "arch_str,clean\n" + "".join(f'"{cell}",{0.5 + i / 100}\n' for i, cell in enumerate(CELLS))


class Enough(EvonasError):
    """The arguments are right: what would follow takes long and is no part of this test."""


def refuse(*arguments: object, **options: object) -> None:
    raise Enough("the arguments are right")


class Raises:
    """An object whose every method fails."""

    def fail(self, *arguments: object) -> Any:
        raise RuntimeError("do not touch me")

    __repr__ = __str__ = __len__ = __iter__ = __bool__ = __int__ = __float__ = __index__ = __fspath__ = fail
    __eq__ = __lt__ = __gt__ = __add__ = __getitem__ = __contains__ = __hash__ = __call__ = __format__ = fail


class Text(str):
    """Text that cannot be written."""

    def __str__(self) -> str:
        raise RuntimeError("do not write me")

    __repr__ = __str__


class Whole(int):
    """A number that cannot be converted."""

    def __int__(self) -> int:
        raise RuntimeError("do not convert me")

    __index__ = __repr__ = __int__  # type: ignore[assignment]


class Level(IntEnum):
    ONE = 1


def deep() -> list[Any]:
    """A list within a list, and so on beyond what Python recurses into."""
    found: list[Any] = []
    for _ in range(100_000):
        found = [found]
    return found


def circle() -> list[Any]:
    found: list[Any] = []
    found.append(found)
    return found


OBJECTS: tuple[Callable[[], Any], ...] = (
    *(Raises, MagicMock, object, deep, circle, lambda: Raises, lambda: Text("fast"), lambda: Whole(2)),
    *(lambda: Level.ONE, lambda: Decimal(2), lambda: Fraction(1, 2), lambda: 2j, lambda: itertools.repeat(1)),
    *(lambda: np.int64(2), lambda: np.uint8(1), lambda: np.float32(0.5), lambda: np.float64("nan")),
    *(lambda: np.bool_(True), lambda: np.str_("params"), lambda: np.array([1, 2]), lambda: np.array("x")),
    *(lambda: np.array(1), lambda: np.datetime64("2020-01-01"), lambda: np.zeros((2, 3, 8, 8), "uint8")),
    *(lambda: torch.tensor(1), lambda: torch.tensor([0.5]), lambda: torch.zeros(0), lambda: range(10**12)),
    *(lambda: Path("x"), lambda: Path("/dev/null/x"), lambda: GENOTYPE, lambda: TINY, lambda: evonas.FinalPlan()),
    *(
        lambda: evonas.SearchSettings,
        lambda: evonas.Observer,
        lambda: evonas.Listener(),
        lambda: divmod,
        lambda: ...,
    ),
    *(lambda: {"epochs": float("nan")}, lambda: {"epochs": None}, lambda: {"lr": Raises()}, lambda: {Raises: 1}),
    *(lambda: {"milestones": [1, "2"]}, lambda: {"crop": np.int64(2)}, lambda: {1: 2}, lambda: [Raises()]),
)
NUMBERS = (-(10**30), -1, 0, 1, 2, 2**64, 10**5000, float("nan"), float("inf"), -float("inf"), -0.0, 0.5, 1e308)
TEXTS = (
    "",
    "params",
    "darts",
    "DARTS_V2",
    "\0",
    "\ud800",
    "\udcff",
    "n" * 5000,
    "../x",
    "a\nb",
    "auto",
    "croze+",
    "%s{}",
)
SIMPLE = st.one_of(
    st.none(), st.booleans(), st.sampled_from(NUMBERS), st.sampled_from(TEXTS), st.text(max_size=20),
    st.binary(max_size=5), st.sampled_from(OBJECTS).map(lambda make: make()),
)  # fmt: skip
ANYTHING = st.one_of(
    SIMPLE,
    st.lists(SIMPLE, max_size=3),
    st.tuples(SIMPLE, SIMPLE),
    st.dictionaries(st.text(max_size=5), SIMPLE, max_size=2),
)


@pytest.fixture(scope="module")
def bases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, dict[str, Any]]]:
    """Quick arguments of every public function and class, by name; what takes long raises `Enough`."""
    folder = tmp_path_factory.mktemp("api")
    (folder / "table.csv").write_text(TABLE)
    (folder / "many.csv").write_text(MANY)
    shutil.copytree(hostile.small_run(), folder / "run")
    shutil.copy(hostile.good_checkpoint(), folder / "good.safetensors")
    checkpoint, run = folder / "good.safetensors", folder / "run"
    patch = pytest.MonkeyPatch()
    patch.setattr("evonas.training.training.Training.run", refuse)
    patch.setattr(importlib.import_module("evonas.speed.measure"), "roofline", refuse)
    patch.setattr(importlib.import_module("evonas.tabulating.tabulate"), "_trained", refuse)
    yield {
        "search": {"settings": TINY, "run": None},
        "resume": {"run": run},
        "score": {"genotypes": ["DARTS_V2"], "proxies": ["params"]},
        "train": {"target": "DARTS_V2", "channels": 2, "layers": 3, "overrides": {"epochs": 1}, "device": "cpu"},
        "correlate": {"table": folder / "table.csv", "proxies": ["params"]},
        "tabulate": {"out": folder / "own.csv", "settings": FEW},
        "fit_latency": {"table": folder / "many.csv", "column": "clean"},
        "calibrate": {"table": folder / "many.csv", "proxies": ["params"], "repeats": 1},
        "benchmark": {"table": folder / "table.csv", "algorithms": ["random"], "trials": 2},
        "evaluate": {"target": checkpoint, "settings": SMALL},
        "compare": {"targets": [checkpoint]},
        "export": {"target": checkpoint, "formats": ["genotype"], "other_data": True},
        "plot": {"run": run},
        "report": {"run": run},
        "verify": {"run": run, "sample": 1},
        "summarise": {"run": run},
        "methods": {"run": run},
        "cite": {"run": run},
        "bench": {"settings": TINY},
        "corrupt": {"images": np.zeros((1, 3, 8, 8), "uint8"), "name": "fog", "severity": 1},
        "TrainSettings": {"genotype": "DARTS_V2"},
        "SearchSettings.from_json": {"text": TINY.to_json()},
        "FinalPlan.from_json": {"text": evonas.FinalPlan().to_json()},
        "TrainSettings.from_dict": {"values": evonas.TrainSettings("DARTS_V2").as_dict()},
        "EvaluateSettings.from_dict": {"values": SMALL.as_dict()},
    }
    patch.undo()


def parameters_of(name: str) -> list[str]:
    """Argument names of a function, a class or a class method; for ``**options`` those of the fields."""
    names = []
    for parameter in inspect.signature(attrgetter(name)(evonas)).parameters.values():
        keywords = parameter.kind is inspect.Parameter.VAR_KEYWORD
        names += (
            list(attrgetter(name.partition(".")[0])(evonas).__dataclass_fields__) if keywords else [parameter.name]
        )
    return sorted({*names})


SETTINGS = ("SearchSettings", "EvaluateSettings", "TrainSettings", "FinalPlan", "TabulateSettings")
CALLED = [name for name in evonas.__all__ if name not in NOT_CALLED and parameters_of(name)]
CALLED += [f"{name}.from_options" for name in SETTINGS if hasattr(getattr(evonas, name), "from_options")]
CALLED += [
    "SearchSettings.from_json",
    "FinalPlan.from_json",
    "TrainSettings.from_dict",
    "EvaluateSettings.from_dict",
]
HEARD = (
    "search",
    "resume",
    "evaluate",
    "export",
    "verify",
    "tabulate",
    "correlate",
    "calibrate",
    "benchmark",
)  # with their quick arguments
LONG = ("settings", "proxies", "formats")  # None would take minutes


def calls(name: str, base: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Arguments of one call: the quick ones, of which one to three are replaced by anything."""
    names = parameters_of(name)
    one_name = st.sampled_from(names)
    some = one_name.map(lambda one: [one]) | st.lists(one_name, min_size=1, max_size=3, unique=True)
    values = {one: ANYTHING.filter(lambda value: value is not None) if one in LONG else ANYTHING for one in names}
    return some.flatmap(lambda chosen: st.fixed_dictionaries({one: values[one] for one in chosen})).map(
        lambda replaced: {**base, **replaced}
    )


def answered(name: str, arguments: dict[str, Any]) -> str:
    """``taken``, or ``refused`` in one short message; whatever else is raised is a fault."""
    try:
        attrgetter(name)(evonas)(**arguments)
    except Enough:
        return "taken"
    except EvonasError as error:
        assert 0 < len(str(error)) < hostile.MAX_MESSAGE_CHARS and "Traceback" not in str(error), str(error)[:500]
        return "refused"
    return "taken"


def check(name: str, base: dict[str, Any], count: int) -> dict[str, int]:
    counts = {"taken": 0, "refused": 0}

    @settings(max_examples=count, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(calls(name, base))
    def tried(arguments: dict[str, Any]) -> None:
        counts[answered(name, arguments)] += 1

    tried()
    return counts


@pytest.mark.parametrize("name", CALLED)
def test_anything_is_taken_or_refused(
    name: str, bases: dict[str, dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert answered(name, bases.get(name, {})) == "taken" or name in ("compare", "Ray")  # not evaluated, not here
    counts = check(name, bases.get(name, {}), 15)
    assert sum(counts.values()) >= 10


@pytest.mark.parametrize("name", CALLED)
def test_an_object_whose_every_method_fails_is_refused(
    name: str, bases: dict[str, dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    base = bases.get(name, {})
    refused = [answered(name, {**base, parameter: Raises()}) for parameter in parameters_of(name)]
    assert {*refused} == {"refused"}
    for within in ([Raises()], (Raises(), 1), {"a": Raises()}):
        for parameter in parameters_of(name):
            answered(name, {**base, parameter: within})  # a mapping may be unused


class Heard(list[Any]):
    """An observer that is false before it has heard anything."""

    def __call__(self, event: object) -> None:
        self.append(event)


@pytest.mark.parametrize(("name", "argument"), [("bench", "announce"), *((name, "observer") for name in HEARD)])
def test_an_observer_that_is_false_hears_and_a_listener_takes_every_event(
    name: str, argument: str, bases: dict[str, dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    heard = Heard()
    assert answered(name, {**bases[name], argument: heard}) == "taken" and heard
    listening = answered(name, {**bases[name], argument: evonas.Listener()})
    assert listening == ("taken" if argument == "observer" else "refused")  # a text is not an event


@pytest.mark.slow
@pytest.mark.parametrize("name", CALLED)
def test_anything_is_taken_or_refused_many_times(
    name: str, bases: dict[str, dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    counts = check(name, bases.get(name, {}), CASES // len(CALLED) + 1)
    print(f"calls of {name}: {counts}")
    assert sum(counts.values()) >= CASES // len(CALLED) // 2

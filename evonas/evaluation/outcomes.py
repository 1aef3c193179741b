"""What an evaluation finds, each as an object with one form in JSON."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from evonas.evaluation.journal import Json
from evonas.evaluation.rates import Rate, share

if TYPE_CHECKING:
    from torch import Tensor

ACCURACY = "accuracy"  # the label of the only rate of an attack


@dataclass(frozen=True)
class Outcome:
    """What an assessment found: shares of the images, other numbers, and detail by image."""

    rates: Mapping[str, Rate] = field(default_factory=dict)  # by label
    numbers: Mapping[str, Json] = field(default_factory=dict)  # for a report
    detail: Json = None  # in the order of the images
    identity: Mapping[str, Json] = field(default_factory=dict)  # of the assessment; `evaluate` adds it

    @property
    def scalars(self) -> Mapping[str, float]:
        """The numbers that are single ones."""
        return {label: value for label, value in self.numbers.items() if type(value) in (int, float)}

    def as_json(self) -> dict[str, Any]:
        """The input of `from_json`."""
        found: dict[str, Any] = {
            "identity": dict(self.identity),
            "rates": {label: rate.as_json() for label, rate in self.rates.items()},
            "numbers": dict(self.numbers),
        }
        return found if self.detail is None else {**found, "detail": self.detail}

    @classmethod
    def from_json(cls, values: Any) -> Outcome:
        """The inverse of `as_json`. Raises `ValueError` if it is not that."""
        found = object_in(values, "an assessment")
        rates, numbers, identity = (
            object_in(found.get(name, {}), name) for name in ("rates", "numbers", "identity")
        )
        read = {label: Rate.from_json(rate) for label, rate in rates.items()}
        return cls(read, numbers, found.get("detail"), identity)


@dataclass(frozen=True)
class Attacked(Outcome):
    """One attack at one epsilon: its settings, the accuracy, and the accuracy after each of its parts."""

    attack: str = ""
    parts: tuple[tuple[str, float], ...] = ()
    left: tuple[tuple[str, Tensor], ...] = field(default=(), compare=False, repr=False)  # bool (N,), not written
    predicted: Tensor | None = field(default=None, compare=False, repr=False)  # int64 (N,), not written

    @classmethod
    def of(
        cls,
        numbers: Mapping[str, Json],
        rate: Rate,
        parts: tuple[tuple[str, float], ...] = (),
        left: tuple[tuple[str, Tensor], ...] = (),
        attack: str = "",
        predicted: Tensor | None = None,
    ) -> Attacked:
        """From the settings (epsilon, steps, ..., sizes in 1/255), the accuracy, and that after each part."""
        shown = parts if len(parts) > 1 else ()
        return cls({ACCURACY: rate}, numbers, attack=attack, parts=shown, left=left, predicted=predicted)

    @property
    def scalars(self) -> Mapping[str, float]:
        """None: the numbers are settings."""
        return {}

    @property
    def rate(self) -> Rate:
        """The accuracy."""
        return self.rates[ACCURACY]

    @property
    def epsilon(self) -> float:
        """In 1/255."""
        return float(self.numbers["epsilon"])

    @property
    def steps(self) -> int | None:
        return self.numbers.get("steps")

    @property
    def step_size(self) -> float | None:
        """In 1/255."""
        return self.numbers.get("step_size")

    @property
    def queries(self) -> int | None:
        return self.numbers.get("queries")

    @property
    def restarts(self) -> int | None:
        return self.numbers.get("restarts")

    @property
    def version(self) -> int:
        """The version of the attack, which is raised when its results change."""
        return int(self.numbers.get("version", 1))

    @property
    def members(self) -> tuple[tuple[str, float], ...]:
        """The accuracy after each attack of an ensemble; empty for a single attack."""
        return self.parts if len({name for name, _ in self.parts}) > 1 else ()

    def as_json(self) -> dict[str, Any]:
        """The input of `from_json`."""
        found = {**self.rate.as_json(), **self.numbers}
        if self.parts:
            found["parts"] = [{"name": name, "accuracy": accuracy} for name, accuracy in self.parts]
        return found

    @classmethod
    def from_json(cls, values: Any, attack: str = "") -> Attacked:
        """The inverse of `as_json`. Raises `ValueError` if it is not that."""
        rate = Rate.from_json(values)
        numbers = {name: value for name, value in values.items() if name not in ("accuracy", "n", "ci95", "parts")}
        number_in(numbers, "epsilon")
        for name in ("steps", "restarts", "queries", "version", "step_size"):
            kinds = (int, float) if name == "step_size" else (int,)
            if type(numbers.get(name, 0)) not in kinds:
                raise ValueError(f"{name} of an attack is not a number")
        parts = [
            (text_in(part, "name"), share(part.get("accuracy"), "accuracy")) for part in listed(values, "parts")
        ]
        return cls.of(numbers, rate, tuple(parts), attack=attack)


@dataclass(frozen=True, kw_only=True)
class CorruptionTable(Outcome):
    """Accuracies from 0 to 1 by corruption and severity 1 to 5, with their means by group and over all."""

    source: str  # published or regenerated images
    n: int  # images in a cell
    mean: float
    groups: Mapping[str, float]
    table: Mapping[str, Sequence[float]]
    # the predicted classes by corruption and severity, int64 (N,), not written
    predicted: Mapping[tuple[str, int], Tensor] = field(default_factory=dict, compare=False, repr=False)

    def as_json(self) -> dict[str, Any]:
        """The input of `from_json`."""
        table = {name: list(shares) for name, shares in self.table.items()}
        return {"source": self.source, "n": self.n, "mean": self.mean, "groups": dict(self.groups), "table": table}

    @classmethod
    def from_json(cls, values: Any, n: int = 1) -> CorruptionTable:
        """The inverse of `as_json`; ``n`` images where it does not say. Raises `ValueError` if it is not that."""
        found = object_in(values, "corruptions")
        groups, table = (object_in(found.get(name, {}), name) for name in ("groups", "table"))
        if not all(isinstance(row, list) and row for row in table.values()):
            raise ValueError("a row of the corruptions is not a list of accuracies")
        return cls(
            source=text_in(found, "source"),
            n=int(number_in(found, "n")) if "n" in found else n,
            mean=share(found.get("mean"), "mean"),
            groups={name: share(mean, "the mean of a group") for name, mean in groups.items()},
            table={name: tuple(share(cell, name) for cell in row) for name, row in table.items()},
        )


@dataclass(frozen=True, kw_only=True)
class Checked(Outcome):
    """The sanity checks."""

    checks: tuple[Check, ...]


@dataclass(frozen=True)
class Check:
    """One question about the protocol, and its answer."""

    name: str
    passed: bool
    detail: str

    def as_json(self) -> dict[str, Any]:
        """The input of `from_json`."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, values: Any) -> Check:
        """The inverse of `as_json`. Raises `ValueError` if it is not that."""
        found = object_in(values, "a check")
        if type(found.get("passed")) is not bool:
            raise ValueError("passed of a check is neither true nor false")
        return cls(text_in(found, "name"), found["passed"], text_in(found, "detail"))


def object_in(value: Any, name: str) -> Mapping[str, Any]:
    """``value`` if it is a JSON object, else raises `ValueError`."""
    if not isinstance(value, Mapping):
        raise ValueError(f"{name} is not a JSON object")
    return value


def text_in(values: Any, name: str) -> str:
    """The text ``name`` of a JSON object, else raises `ValueError`."""
    value = object_in(values, f"what holds {name}").get(name)
    if not isinstance(value, str):
        raise ValueError(f"{name} is not text")
    return value


def number_in(values: Mapping[str, Any], name: str) -> float:
    """The number ``name`` of a JSON object, else raises `ValueError`."""
    value = values.get(name)
    if type(value) not in (int, float):
        raise ValueError(f"{name} is not a number")
    return value  # type: ignore[return-value]


def listed(values: Mapping[str, Any], name: str) -> list[Any]:
    """The list ``name`` of a JSON object, empty where there is none. Raises `ValueError` for anything else."""
    value = values.get(name, [])
    if not isinstance(value, list):
        raise ValueError(f"{name} is not a list")
    return value

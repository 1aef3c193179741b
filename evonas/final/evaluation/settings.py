"""The frozen settings of an evaluation."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evonas.config import check_texts
from evonas.epsilon import question, read, unreachable
from spaces.errors import EvonasError, UsageError

if TYPE_CHECKING:
    from evonas.final.attacks import Attack

MAX_EPSILON = 255.0

_BOUNDS = {  # inclusive
    "steps": (1, 100_000),
    "restarts": (1, 10_000),
    "queries": (1, 10_000_000),
    "images": (1, 10**9),
    "checks": (0, 10**9),
    "batch_size": (1, 65_536),
    "seed": (0, 2**63 - 1),
}


@dataclass(frozen=True)
class EvaluateSettings:
    """Everything except network and images that an evaluation depends on.

    Raises `UsageError` on construction for a value out of range.
    """

    attacks: tuple[str, ...] = ("fgsm", "pgd")
    epsilons: tuple[float, ...] = (8.0,)  # in 1/255; the first one is the headline
    steps: int = 20  # of pgd, apgd-ce, apgd-t, fab-t
    step_size: float | None = None  # of pgd, in 1/255; 2.5 epsilon / steps
    restarts: int = 1
    queries: int = 5000  # of square
    autoattack: bool = False
    corruptions: bool = True
    images: int | None = None  # drawn from the test set by the seed; None: all
    checks: int = 100  # images of the sanity checks; 0: none
    batch_size: int = 250
    seed: int = 0
    device: str = "auto"
    data_dir: str | None = None  # $EVONAS_DATA, else data/
    dataset: str | None = None  # that of the training; set it if a folder was moved
    other_data: bool = False  # allow other images than the test images of the training

    def __post_init__(self) -> None:
        for name, (low, high) in _BOUNDS.items():
            value = getattr(self, name)
            if value is not None and (type(value) is not int or not low <= value <= high):
                raise UsageError(
                    f"--{name.replace('_', '-')} must be an integer from {low} to {high}, not {value!r}"
                )
        check_texts(self, (), ("dataset",))
        if type(self.other_data) is not bool:
            raise UsageError(f"--other-data is true or false, not {self.other_data!r}")
        if not self.epsilons:
            raise UsageError("--eps needs at least one number, such as 8")
        for epsilon in self.epsilons:
            if not _size(epsilon):
                raise UsageError(f"--eps is in 1/255, from 0 to 255, not {epsilon!r}")
        if self.step_size is not None and (not _size(self.step_size) or self.step_size == 0):
            raise UsageError(f"--step-size is in 1/255, above 0 and at most 255, not {self.step_size!r}")
        for what, values in (("--eps", self.epsilons), ("--attacks", self.attacks)):
            twice = sorted({str(value) for value in values if values.count(value) > 1})
            if twice:
                raise UsageError(f"{what} names {', '.join(twice)} twice")

    @classmethod
    def from_options(cls, attacks: str | None = None, eps: str | None = None, **options: Any) -> EvaluateSettings:
        """Defaults, overlaid by the options that are not None; ``attacks`` and ``eps`` separated by commas."""
        given = {name: value for name, value in options.items() if value is not None}
        if attacks is not None:
            given["attacks"] = tuple(name.strip() for name in attacks.split(",") if name.strip())
        if eps is not None:
            given["epsilons"] = tuple(_number(part) for part in eps.split(",") if part.strip())
        return cls(**given)

    @property
    def doubts(self) -> list[str]:
        """Questions about numbers that are possible and yet hardly meant, a line each."""
        asks = [question("--eps ", self.epsilons)]
        if self.step_size is not None and "pgd" in self.attacks:
            asks.append(unreachable("--step-size ", self.step_size, self.steps, max(self.epsilons)))
        return [text for text in asks if text]

    def as_dict(self) -> dict[str, Any]:
        """The input of `from_dict`, without the location of the data."""
        values = json.loads(json.dumps(dataclasses.asdict(self)))
        del values["data_dir"]
        return values

    @classmethod
    def from_dict(cls, values: Any, device: str | None = None, data_dir: str | None = None) -> EvaluateSettings:
        """The inverse of `as_dict`, with an optional other device. Raises `EvonasError` for invalid values."""
        try:
            given = {**values, "attacks": tuple(values["attacks"]), "epsilons": tuple(values["epsilons"])}
            return cls(**{**given, "device": device or values["device"], "data_dir": data_dir})
        except (TypeError, KeyError, ValueError) as error:
            raise EvonasError(f"the stored settings of the evaluation cannot be read: {error}") from None

    def chosen(self) -> dict[str, Attack]:
        """The attacks by name, autoattack last. Raises for an unknown name and for a missing package."""
        from evonas.final.attacks import AttackOptions, attacks

        options = AttackOptions(self.steps, self.step_size, self.restarts, self.queries)
        names = [*self.attacks, *(["autoattack"] if self.autoattack and "autoattack" not in self.attacks else [])]
        found = {name: attacks[name].from_options(options) for name in names}
        for attack in found.values():
            attack.require()
        return found

    def resolve(self) -> EvaluateSettings:
        """The same settings with an available device. Raises `UsageError` for unknown names."""
        from evonas.device import pick

        self.chosen()
        return dataclasses.replace(self, device=pick(self.device))


def _size(value: object) -> bool:
    """Whether it is a number of 1/255 steps; false for nan."""
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= MAX_EPSILON


def _number(text: str) -> float:
    try:
        return read(text)
    except ValueError:
        raise UsageError(
            f"--eps takes numbers in 1/255 separated by commas, such as 8,4 or 8/255, not {text.strip()!r}"
        ) from None

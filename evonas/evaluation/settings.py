"""The frozen settings of an evaluation."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

from evonas.core.arguments import flag, given, items, mapping, number, option, text, texts
from evonas.core.fields import check_integers, check_texts
from evonas.training.epsilon import question, read, unreachable
from evonas.training.plan import CHECKS, IMAGES
from spaces.errors import EvonasError, UsageError, shown

if TYPE_CHECKING:
    from evonas.evaluation.assessment import Assessment
    from evonas.evaluation.attacks import Attack

MAX_EPSILON = 255.0
FLAGS = ("autoattack", "corruptions", "other_data")
_EPSILON = "in 1/255, from 0 to 255"
_STEP_SIZE = "in 1/255, above 0 and at most 255"

_BOUNDS = {  # inclusive
    "steps": (1, 100_000),
    "restarts": (1, 10_000),
    "queries": (1, 10_000_000),
    "images": IMAGES,
    "checks": CHECKS,
    "batch_size": (1, 65_536),
    "seed": (0, 2**63 - 1),
}


class EvaluateOptions(TypedDict, total=False):
    """The fields of `EvaluateSettings` except lists; None stands for the default."""

    steps: int | None
    step_size: float | None
    restarts: int | None
    queries: int | None
    autoattack: bool | None
    corruptions: bool | None
    images: int | None
    checks: int | None
    batch_size: int | None
    seed: int | None
    device: str | None
    data_dir: str | None
    dataset: str | None
    other_data: bool | None


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
    assess: tuple[str, ...] = ()  # registered assessments that are neither attacks nor corruptions

    def __post_init__(self) -> None:
        check_texts(self, ("device",), ("data_dir", "dataset"))
        check_integers(self, _BOUNDS, ("images",))
        epsilons = tuple(number(value, "--eps", _EPSILON, _is_epsilon) for value in items(self.epsilons, "--eps"))
        checked: dict[str, Any] = {"attacks": texts(self.attacks, "--attacks"), "epsilons": epsilons}
        checked["assess"] = texts(self.assess, "--assess")
        if self.step_size is not None:
            checked["step_size"] = number(self.step_size, "--step-size", _STEP_SIZE, lambda size: 0 < size <= 255)
        checked |= {
            name: flag(getattr(self, name), option(name)) for name in ("autoattack", "corruptions", "other_data")
        }
        for name, value in checked.items():
            object.__setattr__(self, name, value)
        if not self.epsilons:
            raise UsageError("--eps needs at least one number, such as 8")
        for what, values in (("--eps", self.epsilons), ("--attacks", self.attacks), ("--assess", self.assess)):
            twice = sorted({str(value) for value in values if values.count(value) > 1})
            if twice:
                raise UsageError(f"{what} names {', '.join(twice)} twice")

    @classmethod
    def from_options(
        cls,
        attacks: str | None = None,
        eps: str | None = None,
        assess: str | None = None,
        **options: Unpack[EvaluateOptions],
    ) -> EvaluateSettings:
        """Defaults, overlaid by the options that are not None; the first three are separated by commas."""
        chosen: dict[str, Any] = given(dict(options))
        if assess is not None:
            chosen["assess"] = tuple(_parts(assess, "--assess"))
        if attacks is not None:
            chosen["attacks"] = tuple(_parts(attacks, "--attacks"))
        if eps is not None:
            chosen["epsilons"] = tuple(_number(part) for part in _parts(eps, "--eps"))
        return cls(**chosen)

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
            values = mapping(values, "the settings")
            place = {"device": values["device"] if device is None else device, "data_dir": data_dir}
            return cls(**{**values, **place})
        except (TypeError, KeyError, ValueError) as error:
            raise EvonasError(f"the stored settings of the evaluation cannot be read: {error}") from None

    def chosen(self) -> dict[str, Attack]:
        """The attacks by name, autoattack last. Raises for an unknown name and for a missing package."""
        from evonas.evaluation.attacks import AttackOptions, attacks

        options = AttackOptions(self.steps, self.step_size, self.restarts, self.queries)
        names = [*self.attacks, *(["autoattack"] if self.autoattack and "autoattack" not in self.attacks else [])]
        found = {name: attacks[name].from_options(options) for name in names}
        for attack in found.values():
            attack.require()
        return found

    def others(self) -> list[Assessment]:
        """The assessments of ``assess``. Raises for an unknown name and for a missing package."""
        from evonas.evaluation.registered import assessments

        if self.assess and not len(assessments):
            raise UsageError("--assess: no assessment is installed")
        found = [assessments[name]() for name in self.assess]
        for one in found:
            if one.package and find_spec(one.package) is None:
                raise EvonasError(f"assessment {one.name} needs {one.package}: pip install {one.package}")
        return found

    def resolve(self) -> EvaluateSettings:
        """The same settings with an available device. Raises `UsageError` for unknown names."""
        from evonas.core.devices import pick

        self.chosen()
        self.others()
        return dataclasses.replace(self, device=pick(self.device))


def _is_epsilon(value: float) -> bool:
    return 0 <= value <= MAX_EPSILON  # false for nan


def _parts(names: str, option: str) -> list[str]:
    return [part.strip() for part in text(names, option).split(",") if part.strip()]


def _number(text: str) -> float:
    try:
        return read(text)
    except ValueError:
        wrong = shown(text)
        raise UsageError(
            f"--eps takes numbers in 1/255 separated by commas, such as 8,4 or 8/255, not {wrong}"
        ) from None

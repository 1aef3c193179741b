"""The frozen settings of an evaluation."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

from evonas.core.arguments import given, items, mapping, number, text, texts
from evonas.core.fields import check, like, setting
from evonas.store.settings import SearchSettings
from evonas.training.epsilon import question, read, unreachable
from evonas.training.plan import FinalPlan
from spaces.errors import EvonasError, UsageError, shown

if TYPE_CHECKING:
    from evonas.evaluation.assessment import Assessment
    from evonas.evaluation.attacks import Attack

MAX_EPSILON = 255.0


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


def _epsilons(value: object, name: str) -> tuple[float, ...]:
    return tuple(number(item, name, "in 1/255, from 0 to 255", _is_epsilon) for item in items(value, name))


def _step_size(value: object, name: str) -> float:
    return number(value, name, "in 1/255, above 0 and at most 255", lambda size: 0 < size <= MAX_EPSILON)


@dataclass(frozen=True)
class EvaluateSettings:
    """Everything except network and images that an evaluation depends on.

    Raises `UsageError` on construction for a value out of range.
    """

    attacks: tuple[str, ...] = setting(
        ("fgsm", "pgd"),
        help="Attacks, separated by commas; see `evonas list attacks`.",
        default_text="fgsm,pgd",
        completion="attacks",
        read=texts,
    )
    epsilons: tuple[float, ...] = setting(
        (8.0,),
        help="Epsilons in units of 1/255, separated by commas; the first is the headline.",
        default_text="8",
        spelling="--eps",
        read=_epsilons,
    )
    steps: int = setting(20, help="Steps of pgd, apgd-ce, apgd-t and fab-t.", bounds=(1, 100_000))
    step_size: float | None = setting(
        None, help="Step size of pgd, in units of 1/255.", default_text="2.5 epsilon / steps", read=_step_size
    )
    restarts: int = setting(1, help="Random starts per attack.", bounds=(1, 10_000))
    queries: int = setting(5000, help="Queries of square.", bounds=(1, 10_000_000))
    autoattack: bool = setting(False, help="Also run the standard AutoAttack.")
    corruptions: bool = setting(True, help="Skip the corruptions.", spelling="--no-corruptions")
    images: int | None = like(FinalPlan, "images", help="Number of test images, drawn with --seed.")
    checks: int = like(FinalPlan, "checks")
    batch_size: int = setting(250, help="Batch size of the attacks.", bounds=(1, 65_536))
    seed: int = like(SearchSettings, "seed", after="device")
    device: str = like(SearchSettings, "device")
    data_dir: str | None = like(SearchSettings, "data_dir")
    dataset: str | None = like(
        SearchSettings,
        "dataset",
        default=None,
        help="Where the images are now, such as folder:PATH.",
        default_text="as in the training",
    )
    other_data: bool = setting(False, help="Evaluate on other images than the test images of the training.")
    assess: tuple[str, ...] = setting(  # registered assessments that are neither attacks nor corruptions
        (),
        help="Other assessments, separated by commas; see `evonas list assessments`.",
        default_text="",
        completion="assessments",
        read=texts,
    )

    certify: tuple[str, ...] = setting(
        (),
        help="Certificates, separated by commas; see `evonas list certificates`.",
        default_text="",
        completion="certificates",
        read=texts,
        after="attacks",
    )

    def __post_init__(self) -> None:
        check(self)
        if not self.epsilons:
            raise UsageError("--eps needs at least one number, such as 8")
        lists = {"--eps": self.epsilons, "--attacks": self.attacks, "--certify": self.certify}
        for what, values in {**lists, "--assess": self.assess}.items():
            twice = sorted({str(value) for value in values if values.count(value) > 1})
            if twice:
                raise UsageError(f"{what} names {', '.join(twice)} twice")

    @classmethod
    def from_options(
        cls,
        attacks: str | None = None,
        eps: str | None = None,
        assess: str | None = None,
        certify: str | None = None,
        **options: Unpack[EvaluateOptions],
    ) -> EvaluateSettings:
        """Defaults, overlaid by the options that are not None; the first four are separated by commas."""
        chosen: dict[str, Any] = given(dict(options))
        if assess is not None:
            chosen["assess"] = tuple(_parts(assess, "--assess"))
        if certify is not None:
            chosen["certify"] = tuple(_parts(certify, "--certify"))
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

    def certificates(self) -> list[Assessment]:
        """The certificates of ``certify`` at the epsilons. Raises for an unknown name."""
        from evonas.evaluation.certificates.base import CertificateOptions
        from evonas.evaluation.registered import certificates

        options = CertificateOptions(self.epsilons)
        return [certificates[name].from_options(options) for name in self.certify]

    def resolve(self) -> EvaluateSettings:
        """The same settings with an available device. Raises `UsageError` for unknown names."""
        from evonas.core.devices import pick

        self.chosen()
        self.others()
        self.certificates()
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

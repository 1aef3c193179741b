"""The frozen settings of an evaluation."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

from evonas.core.arguments import given, items, mapping, number, text, texts
from evonas.core.fields import check, like, setting
from evonas.core.files import exists
from evonas.store.settings import SearchSettings
from evonas.training.epsilon import question, read, unreachable
from evonas.training.plan import FinalPlan
from spaces.errors import EvonasError, UsageError, shown

if TYPE_CHECKING:
    from evonas.evaluation.assessment import Assessment
    from evonas.evaluation.attacks import Attack

MAX_EPSILON = 255.0
MIN_SIGMA, MAX_SIGMA = 1e-6, 10.0
MAX_SAMPLES = 10**9
SIGMAS = "--sigma takes numbers separated by commas, such as 0.12,0.25"
EPSILONS = "--eps takes numbers in 1/255 separated by commas, such as 8,4 or 8/255"
SMOOTHING = ("sigma", "n0", "n", "alpha")  # the settings of randomised smoothing


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
    n0: int | None
    n: int | None
    alpha: float | None
    smoothing_file: str | None


def _epsilons(value: object, name: str) -> tuple[float, ...]:
    return tuple(number(item, name, "in 1/255, from 0 to 255", _is_epsilon) for item in items(value, name))


def _step_size(value: object, name: str) -> float:
    return number(value, name, "in 1/255, above 0 and at most 255", lambda size: 0 < size <= MAX_EPSILON)


def _sigmas(value: object, name: str) -> tuple[float, ...]:
    allowed = f"a part of the pixel range above 0 and at most {MAX_SIGMA:g}, such as 0.25"
    return tuple(float(number(item, name, allowed, _is_sigma)) for item in items(value, name))


def _alpha(value: object, name: str) -> float:
    return float(number(value, name, "a probability above 0 and below 0.5", lambda alpha: 1e-300 < alpha < 0.5))


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
    sigma: tuple[float, ...] = setting(
        (0.25,),
        help="Standard deviations of the noise of smoothing, as parts of the pixel range, separated by commas.",
        default_text="0.25",
        after="queries",
        read=_sigmas,
    )
    n0: int = setting(
        100, help="Noisy samples that select a class.", bounds=(1, MAX_SAMPLES), spelling="--n0", after="sigma"
    )
    n: int = setting(
        100_000,
        help="Noisy samples per image that bound the probability of the class.",
        bounds=(1, MAX_SAMPLES),
        spelling="--n",
        after="n0",
    )
    alpha: float = setting(0.001, help="Chance that a certificate of smoothing is wrong.", after="n", read=_alpha)
    smoothing_file: str | None = setting(
        None,
        help="File of certified radii by smoothing, separated by tabs.",
        default_text="smoothing.tsv in the run",
        after="alpha",
    )

    def __post_init__(self) -> None:
        check(self)
        if not self.epsilons:
            raise UsageError("--eps needs at least one number, such as 8")
        if not self.sigma:
            raise UsageError("--sigma needs at least one number, such as 0.25")
        lists = {"--eps": self.epsilons, "--attacks": self.attacks, "--certify": self.certify}
        for what, values in {**lists, "--assess": self.assess, "--sigma": self.sigma}.items():
            twice = sorted({str(value) for value in values if values.count(value) > 1})
            if twice:
                raise UsageError(f"{what} names {', '.join(twice)} twice")
        if self.smoothing_file is not None and "smoothing" not in self.certify:
            raise UsageError("--smoothing-file is for randomised smoothing; add --certify smoothing")

    @classmethod
    def from_options(
        cls,
        attacks: str | None = None,
        eps: str | None = None,
        assess: str | None = None,
        certify: str | None = None,
        sigma: str | None = None,
        **options: Unpack[EvaluateOptions],
    ) -> EvaluateSettings:
        """Defaults, overlaid by the options that are not None; the first five are separated by commas."""
        chosen: dict[str, Any] = given(dict(options))
        if assess is not None:
            chosen["assess"] = tuple(_parts(assess, "--assess"))
        if certify is not None:
            chosen["certify"] = tuple(_parts(certify, "--certify"))
        if attacks is not None:
            chosen["attacks"] = tuple(_parts(attacks, "--attacks"))
        if eps is not None:
            chosen["epsilons"] = tuple(_number(part, read, EPSILONS) for part in _parts(eps, "--eps"))
        if sigma is not None:
            chosen["sigma"] = tuple(_number(part, float, SIGMAS) for part in _parts(sigma, "--sigma"))
        return cls(**chosen)

    @property
    def doubts(self) -> list[str]:
        """Questions about numbers that are possible and yet hardly meant, a line each."""
        asks = [] if self.certify else [question("--eps ", self.epsilons)]  # certified radii are that small
        if self.step_size is not None and "pgd" in self.attacks:
            asks.append(unreachable("--step-size ", self.step_size, self.steps, max(self.epsilons)))
        return [text for text in asks if text]

    def as_dict(self) -> dict[str, Any]:
        """The input of `from_dict`, without the locations of the data and of a file."""
        values = json.loads(json.dumps(dataclasses.asdict(self)))
        del values["data_dir"], values["smoothing_file"]
        if len(self.sigma) == 1:  # as before there could be several
            (values["sigma"],) = self.sigma
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
        """The certificates of ``certify``. Raises `UsageError` for an unknown name and for too few samples."""
        from evonas.evaluation.certificates.base import CertificateOptions
        from evonas.evaluation.registered import certificates

        found: list[Assessment] = []
        for name in self.certify:
            kind = certificates[name]
            several = kind.by_sigma and len(self.sigma) > 1
            for sigma in self.sigma if several else self.sigma[:1]:
                options = CertificateOptions(self.epsilons, sigma, self.n0, self.n, self.alpha, several)
                found.append(kind.from_options(options))
        return found

    def resolve(self) -> EvaluateSettings:
        """The same settings with an available device.

        Raises `UsageError` for unknown names, too few samples and a file that cannot be written.
        """
        from evonas.core.devices import pick

        self.chosen()
        self.others()
        self.certificates()
        if self.smoothing_file is not None:
            path = Path(self.smoothing_file)
            if (exists(path) and path.is_dir()) or not exists(path.parent):
                wrong = shown(self.smoothing_file)
                raise UsageError(f"--smoothing-file needs a file name in an existing directory, not {wrong}")
        return dataclasses.replace(self, device=pick(self.device))


def _is_sigma(value: float) -> bool:
    return MIN_SIGMA <= value <= MAX_SIGMA


def _is_epsilon(value: float) -> bool:
    return 0 <= value <= MAX_EPSILON  # false for nan


def _parts(names: str, option: str) -> list[str]:
    return [part.strip() for part in text(names, option).split(",") if part.strip()]


def _number(text: str, read: Callable[[str], float], allowed: str) -> float:
    try:
        return read(text)
    except ValueError:
        raise UsageError(f"{allowed}, not {shown(text)}") from None

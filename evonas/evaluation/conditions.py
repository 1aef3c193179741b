"""The conditions of an evaluation: only accuracies under equal conditions can be ranked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from evonas.training.data_check import OTHER
from evonas.training.data_identity import SplitIdentity
from evonas.training.settings import TrainSettings


@dataclass(frozen=True)
class Conditions:
    """The test images of an evaluation and the attacks on them; None for unknown values."""

    dataset: str
    classes: int | None = None
    image_size: int | None = None  # pixels
    images: int | None = None  # evaluated test images
    test_set: int | None = None  # images in it
    drawn_by: int | None = None  # seed that selected the images; None: all
    epsilons: tuple[float, ...] = ()  # in 1/255; the first is that of the columns
    attacks: tuple[str, ...] = ()
    steps: int | None = None  # of pgd
    step_size: float | None = None  # of pgd at the first epsilon, in 1/255
    restarts: int | None = None  # of pgd
    corruptions: str | None = None  # source of the corrupted images
    data: str | None = None  # start of the digest of test images; None if the name of the data set suffices

    @property
    def in_words(self) -> str:
        """One line."""
        words = [self.dataset]
        words += [] if self.classes is None else [f"{self.classes} classes"]
        words += [] if self.image_size is None else [f"{self.image_size} pixels"]
        words += [] if self.images is None else [self._images()]
        words += [] if self.data is None else [f"data {self.data}"]
        words += [f"epsilon {', '.join(f'{size:g}/255' for size in self.epsilons)}"] if self.epsilons else []
        words += [f"attacks {', '.join(self.attacks)}"] if self.attacks else []
        if self.steps is not None:
            size = "" if self.step_size is None else f" of {self.step_size:g}/255"
            restarts = "" if (self.restarts or 1) == 1 else f", {self.restarts} restarts"
            words.append(f"{self.steps} steps{size}{restarts}")
        return ", ".join([*words, *([] if self.corruptions is None else [f"corruptions {self.corruptions}"])])

    def _images(self) -> str:
        if self.test_set in (None, self.images):
            return f"{self.images} test images"
        return f"{self.images} of {self.test_set} test images (seed {self.drawn_by})"

    def differences(self, other: Conditions) -> list[str]:
        """``steps 5, not 20`` for each difference to ``other``."""
        return [
            f"{field.name.replace('_', ' ')} {_text(mine)}, not {_text(theirs)}"
            for field in fields(self)
            if (mine := getattr(self, field.name)) != (theirs := getattr(other, field.name))
        ]


def conditions_of(found: Mapping[str, Any], trained: TrainSettings) -> Conditions:
    """The conditions of an evaluation stored as JSON. Raises `KeyError` or a similar error if it is invalid."""
    protocol, clean = found.get("protocol", {}), found["clean"]
    by_epsilon = found.get("epsilons", {})
    attacks = tuple(dict.fromkeys(name for one in by_epsilon.values() for name in one))
    pgd, all_of_them = found.get("pgd") or {}, clean["n"] == protocol.get("of", clean["n"])
    return Conditions(
        dataset=dataset_of(found, trained),
        classes=trained.classes,
        image_size=trained.image_size,
        images=clean["n"],
        test_set=protocol.get("of"),
        drawn_by=None if all_of_them else protocol.get("seed"),
        epsilons=tuple(float(size) for size in by_epsilon) or _headline(found),
        attacks=attacks or tuple(name for name in ("fgsm", "pgd") if found.get(name)),
        steps=pgd.get("steps"),
        step_size=pgd.get("step_size"),
        restarts=pgd.get("restarts"),
        corruptions=(found.get("corruptions") or {}).get("source"),
        data=_data(found, trained),
    )


def dataset_of(found: Mapping[str, Any], trained: TrainSettings) -> str:
    """The data set that was evaluated on."""
    return str(found.get("dataset") or trained.dataset)


def _data(found: Mapping[str, Any], trained: TrainSettings) -> str | None:
    """None for a bundled or downloaded data set, whose name says enough, and for results of older versions."""
    data = found.get("data")
    if data is None or (not dataset_of(found, trained).startswith("folder:") and data["status"] != OTHER):
        return None
    return SplitIdentity.from_json(data["test"]).in_short


def _headline(found: Mapping[str, Any]) -> tuple[float, ...]:
    return tuple({float(found[name]["epsilon"]) for name in ("fgsm", "pgd") if found.get(name)})


def _text(value: Any) -> str:
    if isinstance(value, tuple):
        return ",".join(_text(one) for one in value) or "none"
    return f"{value:g}" if isinstance(value, float) else "unknown" if value is None else str(value)

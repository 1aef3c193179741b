"""A recipe: all numbers that a training depends on, under one name."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from evonas.core.arguments import one_of, plain
from evonas.training import epsilon
from spaces.errors import UsageError, shorten, shown
from spaces.registry import Registry, closest
from spaces.size import MAX_CIFAR_SIDE

SCHEDULES = ("cosine", "steps", "one-cycle")
ADVERSARIES = ("none", "fgsm", "pgd")
CERTIFIED = ("none", "ibp")
OPTIMISERS = ("sgd", "adam")
INITIAL = ("default", "ibp")


@dataclass(frozen=True)
class Recipe:
    """How a network is trained. Raises `UsageError` on construction for a value out of range."""

    source: str
    epochs: int
    batch_size: int | None = None  # None: 512, or less if an epoch would have fewer than 40 steps
    lr: float = 0.1  # peak of the schedule
    lr_batch: int | None = None  # lr is for this batch size and scales in proportion; None: lr is fixed
    schedule: str = "cosine"
    milestones: tuple[int, ...] = ()  # epochs at which lr falls to a tenth ("steps")
    momentum: float = 0.9
    nesterov: bool = False
    weight_decay: float = 5e-4
    clip: float = 0.0  # maximum norm of the gradient; 0: no clipping
    label_smoothing: float = 0.0
    crop: int = 4  # pixels of padding that a random crop moves within
    flip: bool = True  # horizontal flips, if the data set allows them
    area: float | None = None  # least share of a random resized crop; 0: none; None: 0.08 for photographs
    weighted: bool = False  # classes weigh equally in the loss, whatever their numbers of images
    cutout: int = 0  # side of the cutout square in pixels; 0: none
    drop_path: float = 0.0  # in the last epoch; rises linearly from 0
    auxiliary: float = 0.0  # weight of the auxiliary head's loss; 0: no head
    ema: float = 0.0  # decay of the moving average of weights and buffers; 0: none
    adversary: str = "none"
    eps: float = 8.0  # in 1/255
    step_size: float = 2.0  # in 1/255
    steps: int = 7
    sigma: float = 0.0  # standard deviation of noise on the images, as a part of the pixel range; 0: none

    optimiser: str = "sgd"
    certified: str = "none"  # bounds in the loss
    box: float = 1.0  # side of the box that is bounded, as a part of that of eps; below 1 an attack places it
    kappa: float = 0.5  # weight of the loss on clean images once the box has its full size; 1 at first
    warm_up: float = 0.0  # part of the training before the box grows
    ramp: float = 0.5  # part of the training in which it grows
    regulariser: float = 0.0  # weight at first of the terms for tight bounds and balanced ReLUs
    initial: str = "default"  # weights before the first step

    def __post_init__(self) -> None:
        for name, types in _ACCEPTED.items():
            value = getattr(self, name)
            if type(value) not in types and not (value is None and name in ("batch_size", "lr_batch", "area")):
                raise UsageError(f"{name} cannot be {shown(value)}")
        if any(type(epoch) is not int for epoch in self.milestones):
            raise UsageError(f"milestones must be epochs, not {shown(self.milestones)}")
        for name, (low, high) in _BOUNDS.items():
            value = getattr(self, name)
            if value is not None and not low <= value <= high:
                raise UsageError(f"{name} must be from {low:g} to {high:g}, not {shown(value)}")
        for name, allowed in _CHOICES.items():
            one_of(getattr(self, name), name, allowed)
        if self.is_certified:
            self._require_certifiable()
        if self.lr <= 0:
            raise UsageError(f"lr must be above 0, not {self.lr:g}")

    def passes(self, count: int) -> int:
        """Forward and backward passes of a training on ``count`` images, with those of its attacks."""
        assert self.batch_size is not None
        attack = 0 if self.adversary == "none" and (not self.is_certified or self.box == 1) else self.steps
        return self.epochs * (count // self.batch_size) * (1 + attack)

    def _require_certifiable(self) -> None:
        for name in ("sigma", "drop_path", "auxiliary"):
            if getattr(self, name):
                raise UsageError(f"certified training takes no {name}; add --set {name}=0")
        if self.adversary != "none":
            raise UsageError("certified training takes no adversary; --set box=0.7 bounds a box that one places")
        if self.warm_up + self.ramp > 1:
            raise UsageError("warm_up and ramp are parts of the training and must not add up to more than 1")

    @property
    def in_short(self) -> str:
        """Length, batch, schedule and adversary."""
        batch = f"batch {self.batch_size}" if self.batch_size else "a batch that fits the data set"
        attack = "" if self.adversary == "none" else f", against {self.adversary} {self.eps:g}/255"
        attack += "" if not self.is_certified else f", certified at {self.eps:g}/255"
        attack += f", with noise {self.sigma:g}" if self.sigma else ""
        return f"{self.epochs} epochs, {batch}, {self.schedule} from lr {self.lr:g}{attack}"

    @property
    def in_full(self) -> str:
        """All numbers that are in use."""
        numbers = {name: getattr(self, name) for name in _TYPES if name != "batch_size" or self.batch_size}
        numbers = {name: value for name, value in numbers.items() if name not in self.idle}
        return ", ".join(
            f"{name}={value}" for name, value in numbers.items() if value not in (0, (), "none", None)
        )

    @property
    def is_certified(self) -> bool:
        """Whether the loss bounds the margins over boxes."""
        return self.certified != "none"

    @property
    def uses_eps(self) -> bool:
        """Whether the training depends on eps."""
        return self.is_certified or self.adversary != "none"

    @property
    def idle(self) -> tuple[str, ...]:
        """The numbers that have no effect in a recipe of this kind."""
        if self.is_certified:
            return ("step_size", "steps") if self.box == 1 else ("step_size",)
        attack = ("eps", "step_size", "steps") if self.adversary == "none" else ()
        usual = {"optimiser": "sgd", "initial": "default"}
        return (*attack, *OF_CERTIFIED, *(name for name, value in usual.items() if getattr(self, name) == value))

    @property
    def judged(self) -> str:
        """How the epoch is selected in addition to accuracy on clean images; empty for nothing else."""
        if self.adversary != "none":
            return "under PGD-10"
        if self.is_certified:
            return f"certified at {self.eps:g}/255"
        return f"under noise {self.sigma:g}" if self.sigma else ""

    def with_numbers(self, given: Mapping[str, Any]) -> Recipe:
        """The recipe with some numbers replaced. Raises `UsageError` for an unknown name or an invalid value."""
        values = {}
        for name, value in given.items():
            if name not in _TYPES:
                raise UsageError(f"a recipe has no setting {name!r}: {closest(name, list(_TYPES))}")
            value = plain(value)
            values[name] = value if not isinstance(value, str) else _read(name, value)
        if values.get("lr") is not None and "lr_batch" not in values:
            values["lr_batch"] = None  # an explicit value is used as it is
        if "epochs" in values:
            dataclasses.replace(self, epochs=values["epochs"], milestones=())  # refuses an invalid number
        if "epochs" in values and "milestones" not in values:  # scaled in proportion to the epochs
            values["milestones"] = tuple(
                max(1, round(m * values["epochs"] / self.epochs)) for m in self.milestones
            )
        changed = dataclasses.replace(self, **values)
        late = [epoch for epoch in values.get("milestones", ()) if not 1 <= epoch < changed.epochs]
        if late and "milestones" in given:
            raise UsageError(
                f"milestone {late[0]} lies outside a training of {changed.epochs} epochs; "
                f"give epochs from 1 to {changed.epochs - 1}, or none to have those of the recipe in proportion"
            )
        return changed

    def as_dict(self) -> dict[str, Any]:
        """The input of `from_dict`; numbers that older trainings lack are left out where they are the same."""
        values = dataclasses.asdict(self)
        return {name: value for name, value in values.items() if name not in ADDED or value != ADDED[name]}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Recipe:
        """The inverse of `as_dict`."""
        return cls(**{**ADDED, **values})

    def for_images(self, count: int, side: int = 0) -> Recipe:
        """With batch size, learning rate and crops resolved for ``count`` training images of ``side`` pixels."""
        batch = self.batch_size or next(
            (size for size in (512, 256, 128, 64) if count >= MIN_STEPS * size), MIN_BATCH_SIZE
        )
        lr = self.lr * batch / self.lr_batch if self.lr_batch else self.lr
        area = area_for(side) if self.area is None else self.area
        return dataclasses.replace(self, batch_size=batch, lr=lr, lr_batch=None, area=area)


MIN_STEPS = 40  # per epoch, with the default batch size
MIN_BATCH_SIZE = 32
MIN_AREA = 0.08  # of a random resized crop in torchvision
OF_CERTIFIED = ("box", "kappa", "warm_up", "ramp", "regulariser")
ADDED: dict[str, Any] = {  # numbers that older trainings lack
    **{"area": 0.0, "weighted": False, "sigma": 0.0},
    **{"optimiser": "sgd", "certified": "none", "initial": "default"},
    **{"box": 1.0, "kappa": 0.5, "warm_up": 0.0, "ramp": 0.5, "regulariser": 0.0},
}


def area_for(side: int) -> float:
    """The least share of a random resized crop by default; 0, so without such crops, up to 64 pixels."""
    return MIN_AREA if side > MAX_CIFAR_SIDE else 0.0


_BOUNDS: dict[str, tuple[float, float]] = {  # inclusive
    "epochs": (1, 100_000),
    "batch_size": (2, 65_536),
    "lr_batch": (1, 65_536),
    "lr": (0, 1e6),
    "momentum": (0, 0.9999),
    "weight_decay": (0, 1),
    "clip": (0, 1e6),
    "label_smoothing": (0, 0.99),
    "crop": (0, 1024),
    "cutout": (0, 4096),
    "area": (0, 1),
    "drop_path": (0, 0.99),
    "auxiliary": (0, 100),
    "ema": (0, 0.999999),
    "eps": (0, 255),
    "step_size": (0, 255),
    "steps": (1, 1000),
    "sigma": (0, 10),
    "box": (0.001, 1),
    "kappa": (0, 1),
    "warm_up": (0, 1),
    "ramp": (0, 1),
    "regulariser": (0, 1000),
}
_CHOICES = {"schedule": SCHEDULES, "adversary": ADVERSARIES, "certified": CERTIFIED}
_CHOICES |= {"optimiser": OPTIMISERS, "initial": INITIAL}


def _milestones(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.replace(",", " ").split())


def _truth(text: str) -> bool:
    return {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}[text.lower()]


_TYPES: dict[str, Any] = {
    **dict.fromkeys(("epochs", "batch_size", "crop", "cutout", "steps"), int),
    **dict.fromkeys(
        ("lr", "momentum", "weight_decay", "clip", "label_smoothing", "drop_path", "auxiliary", "ema", "area"),
        float,
    ),
    **dict.fromkeys(("eps", "step_size"), epsilon.read),
    **dict.fromkeys(("sigma", *OF_CERTIFIED), float),
    **dict.fromkeys(_CHOICES, str),
    **dict.fromkeys(("nesterov", "flip", "weighted"), _truth),
    "milestones": _milestones,
}


_KINDS: dict[Any, tuple[type, ...]] = {
    int: (int,),
    float: (int, float),
    epsilon.read: (int, float),
    str: (str,),
    _truth: (bool,),
}
_ACCEPTED: dict[str, tuple[type, ...]] = {
    **{name: _KINDS.get(read, (tuple,)) for name, read in _TYPES.items()},
    "lr_batch": (int,),
    "source": (str,),
}


def _read(name: str, text: str) -> Any:
    try:
        return _TYPES[name](text)
    except (ValueError, KeyError):
        kind = {
            int: "an integer",
            float: "a number",
            epsilon.read: "a number of 1/255, such as 8 or 8/255",
            _truth: "true or false",
        }.get(_TYPES[name], "epochs like 99,149")
        raise UsageError(f"{name} must be {kind}, not {shorten(text)}") from None


recipes: Registry[Recipe] = Registry(
    "recipe",
    {
        **dict.fromkeys(("croze200", "darts600"), "evonas.training.recipes.literature"),
        "fast": "evonas.training.recipes.fast",
        **dict.fromkeys(("fast-adv", "pgd7"), "evonas.training.recipes.adversarial"),
        "gaussian": "evonas.training.recipes.gaussian",
        **dict.fromkeys(("ibp", "sabr"), "evonas.training.recipes.certified"),
    },
    group="evonas.recipes",
)

"""The frozen settings of a training, and the classifier that they describe."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

from evonas.core.arguments import genotype, items, mapping, number
from evonas.core.fields import check, like, marked, setting
from evonas.store.settings import SearchSettings
from evonas.store.stem import stem_of
from evonas.training.class_weights import unevenness
from evonas.training.execution import PRECISIONS, compiles, precision_for
from evonas.training.fitting import OF_STORED, Ground, doubts, fitted
from evonas.training.recipe import ADDED
from evonas.training.recipes import Recipe, recipes
from spaces.errors import EvonasError, UsageError, shorten, shown
from spaces.size import CIFAR, NetworkSize

if TYPE_CHECKING:
    from evonas.training.model import Classifier

NETWORK = {"of_network": True}  # mark of a field that the shape of the network depends on
MAX_VALIDATION = 2500  # default number of images
LEFT_OUT = {"stem": CIFAR, "train_images": None, **ADDED}  # of what is stored, where it is so


class TrainOptions(TypedDict, total=False):
    """The fields of `TrainSettings` that do not follow from others; None stands for the default."""

    recipe: str | None
    overrides: Mapping[str, Any] | None
    train_images: int | None
    validation: int | None
    finalists: int | None
    space: str | None
    dataset: str | Path | None
    data_dir: str | Path | None
    image_size: int | None
    stem: str | None
    channels: int | None
    layers: int | None
    seed: int | None
    device: str | None
    precision: str | None
    compile: bool | None


def _genotype(value: object, name: str) -> str:
    return genotype(value)


def _numbers(value: object, name: str) -> Recipe:
    if isinstance(value, Recipe):
        return value
    raise UsageError(f"numbers must be a Recipe or None, not {shown(value)}; use overrides")


def _statistics(value: object, name: str) -> tuple[float, ...]:
    return tuple(
        number(item, name, "a number for each channel", lambda found: True) for item in items(value, name)
    )


@dataclass(frozen=True)
class TrainSettings:
    """Everything that the weights of a trained network depend on. Raises `UsageError` for invalid values.

    None means a default that `resolve` fills in.
    """

    genotype: str = setting(read=_genotype, marks=NETWORK)
    space: str = like(SearchSettings, "space", marks=NETWORK)
    dataset: str = like(SearchSettings, "dataset")
    data_dir: str | None = like(SearchSettings, "data_dir")
    channels: int | None = like(SearchSettings, "channels", marks=NETWORK)
    layers: int | None = like(SearchSettings, "layers", marks=NETWORK)
    classes: int | None = like(SearchSettings, "classes", marks=NETWORK)
    image_size: int | None = like(SearchSettings, "image_size", bounds=(1, 4096), after="data_dir", marks=NETWORK)
    stem: str | None = like(SearchSettings, "stem")
    recipe: str = setting(
        "fast", help="Training recipe; see `evonas list recipes`.", completion="recipes", after="genotype"
    )
    numbers: Recipe | None = setting(None, read=_numbers)  # of the recipe after all changes
    train_images: int | None = setting(
        None,
        help="Number of training images to use, the same for every seed, every class in proportion.",
        default_text="all",
        bounds=(1, 10**9),
        after="recipe",
    )
    validation: int | None = setting(
        None,
        help="Number of training images held out to select the best epoch.",
        default_text="a tenth, at most 2500",
        bounds=(1, 10**9),
        after="recipe",
    )
    seed: int = like(SearchSettings, "seed")
    device: str = like(SearchSettings, "device")
    precision: str = like(
        SearchSettings,
        "precision",
        default="auto",  # bfloat16 on a GPU, float32 on a CPU
        help="Floating-point precision: auto, float32 or bfloat16.",
        choices=PRECISIONS,
    )
    compile: bool | None = setting(
        None,
        help="Compile the network with torch.compile: a start of minutes, faster steps.",
        default_text="on a GPU, if the training is long",
    )
    mean: tuple[float, ...] = setting((), read=_statistics)  # of the training images, by channel
    std: tuple[float, ...] = setting((), read=_statistics)
    overrides: Mapping[str, Any] = setting(default_factory=dict, read=mapping)  # changes to the recipe's numbers

    def __post_init__(self) -> None:
        check(self)
        recipes[self.recipe].with_numbers(self.overrides)

    @property
    def asked(self) -> frozenset[str]:
        """The numbers of the recipe that were given, where the others are its defaults."""
        return frozenset(name for name, value in self.overrides.items() if value is not None)

    @property
    def doubts(self) -> list[str]:
        """Questions about numbers that are possible and yet hardly meant, a line each."""
        if self.numbers is not None:
            return []
        return doubts(recipes[self.recipe].with_numbers(self.overrides), self.asked)

    def resolve(self, say: Callable[[str], object] | None = None) -> TrainSettings:
        """The same settings with every default filled in. Reads the training images' statistics.

        A number of the recipe that does not fit the images is lowered and ``say`` told so, unless it was given.

        Raises `UsageError` for an unknown name, a malformed genotype or a data set that cannot be learned from.
        """
        from evonas.core.devices import pick
        from evonas.data import source
        from spaces import spaces
        from spaces.given import parsed

        space = spaces[self.space]
        genotype = str(parsed(space, self.genotype))
        data = source(self.dataset, self.data_dir, self.image_size)
        labels = data.labels("train")
        if len(data.classes) < 2 or len(labels.unique()) < 2:
            raise UsageError(f"{self.dataset} has only one class; a classifier needs at least two")
        if not len(data.labels("test")):
            raise UsageError(
                f"{self.dataset} has no test images; add images to test/, or remove train/ and test/ to hold out "
                "a fifth automatically"
            )
        count = len(labels) if self.train_images is None else self.train_images
        if count > len(labels):
            raise UsageError(f"--train-images {count}: {self.dataset} has only {len(labels)} training images")
        validation = self.validation or min(MAX_VALIDATION, max(1, count // 10))
        if validation >= count - 1:
            raise UsageError(f"--validation {validation} leaves none of the {count} training images to train on")
        stem = stem_of(self.stem, space, data.image_size)
        ground = Ground(count - validation, data.image_size, data.flips, space, stem)
        if self.numbers is None:
            numbers, lines = fitted(recipes[self.recipe].with_numbers(self.overrides), self.asked, ground)
        else:
            numbers, lines = fitted(self.numbers, ("batch_size", "auxiliary"), ground, OF_STORED)
        if say is not None:
            for line in (*lines, unevenness(labels, data.classes, numbers.weighted)):
                if line:
                    say(line)
        device = pick(self.device)
        precision = precision_for(self.precision, device, numbers.is_certified)
        mean, std = data.statistics()
        return dataclasses.replace(
            self,
            genotype=genotype,
            channels=self.channels or space.default_channels,
            layers=self.layers or space.default_layers,
            classes=len(data.classes),
            image_size=data.image_size,
            stem=stem,
            numbers=numbers,
            overrides={},
            validation=validation,
            device=device,
            precision=precision,
            compile=compiles(self.compile, device, numbers.passes(count - validation), numbers.is_certified),
            mean=tuple(mean),
            std=tuple(std),
        )

    @property
    def chosen(self) -> Recipe:
        """The numbers of the recipe; only for resolved settings."""
        if self.numbers is None:
            raise EvonasError("the settings of the training lack the numbers of its recipe")
        return self.numbers

    @property
    def size(self) -> NetworkSize:
        """The size of the network; only for resolved settings."""
        assert self.channels and self.layers and self.classes and self.image_size
        return NetworkSize(self.channels, self.layers, self.classes, self.image_size, self.stem or CIFAR)

    def build(self, *, auxiliary: bool = False) -> Classifier:
        """The classifier in float32 on the CPU, initial weights from hash(seed, key).

        They are drawn in the order in which the genotype is written. A search scores the canonical form, so they
        are the weights that it scored only if the genotype is written in that form.
        """
        import torch

        from evonas.training.model import Classifier
        from fitness import stable_hash
        from spaces import spaces

        space = spaces[self.space]
        genotype = space.parse(self.genotype)
        generator = torch.Generator().manual_seed(stable_hash(self.seed, space.key(genotype)))
        options = {"auxiliary": True} if auxiliary else {}
        return Classifier(space.build(genotype, self.size, generator=generator, **options), self.mean, self.std)

    @property
    def that_count(self) -> dict[str, Any]:
        """Everything that the weights depend on, without the location of the data and the device."""
        values = self.as_dict()
        for name in ("data_dir", "device", "compile", "overrides"):
            del values[name]
        return values | (values.pop("numbers") or {})

    def continuing(self, stored: TrainSettings) -> TrainSettings:
        """As these, but compiled or not as ``stored``, which are those of the training that is continued.

        On a device of another kind that is decided again.
        """
        kinds = [settings.device.partition(":")[0] for settings in (self, stored)]
        return dataclasses.replace(self, compile=stored.compile) if kinds[0] == kinds[1] else self

    def differences(self, other: TrainSettings, moved: bool = False) -> list[str]:
        """``seed 1, not 0`` for all that counts in which ``other`` is not as this one.

        With ``moved`` a folder of images may lie in another place.
        """
        theirs, ours = LEFT_OUT | other.that_count, LEFT_OUT | self.that_count
        names = [name for name in ours if theirs[name] != ours[name]]
        if moved and all(data["dataset"].startswith("folder:") for data in (theirs, ours)):
            names = [name for name in names if name != "dataset"]
        return [f"{name} {theirs[name]}, not {ours[name]}" for name in names]

    @property
    def digests(self) -> tuple[str, str]:
        """Eight characters that identify the settings wherever a folder lies, and those of earlier versions.

        The latter depend on the path of a folder.
        """
        counted = self.that_count
        place = "folder:" if self.dataset.startswith("folder:") else self.dataset
        return _short_digest({**counted, "dataset": place}), _short_digest(counted)

    def as_dict(self) -> dict[str, Any]:
        """The input of `from_dict`, in the types of JSON; what older trainings lack is left out where it is so."""
        values = dataclasses.asdict(self)
        values["numbers"] = None if self.numbers is None else self.numbers.as_dict()
        for name in ("stem", "train_images"):
            if values[name] == LEFT_OUT[name]:
                del values[name]
        return json.loads(json.dumps(values))

    @classmethod
    def from_dict(cls, values: Any) -> TrainSettings:
        """The inverse of `as_dict`. Raises `EvonasError` for invalid values."""
        try:
            values = {"stem": CIFAR, **mapping(values, "the settings")}
            if values.get("numbers") is not None:
                values["numbers"] = Recipe.from_dict(mapping(values["numbers"], "numbers"))
            for name in ("mean", "std"):
                values[name] = tuple(float(value) for value in items(values[name], name))
            return cls(**values)
        except (TypeError, ValueError, KeyError, AttributeError, OverflowError) as error:
            reason = shorten(str(error), 200)
            raise EvonasError(f"the stored settings of the training cannot be read: {reason}") from None


OF_NETWORK = marked(TrainSettings, "of_network")


def _short_digest(values: Any) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:8]

"""The fitness ``trained``: accuracy on held-out training images, under attack, after a short training."""

from __future__ import annotations

import dataclasses
import json
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from statistics import fmean
from tempfile import TemporaryDirectory
from typing import Any, ClassVar

from evonas.core.events import Listener
from evonas.core.signals import Interrupted
from evonas.engine.base import OUT_OF_MEMORY
from evonas.searching.objectives import fitness_kinds
from evonas.searching.objectives.fitness import Fitness, Objective
from evonas.store.settings import SearchSettings
from evonas.training.divergence import NotFinite
from evonas.training.epsilon import question
from evonas.training.finalists import STANDARD_EPS, short_training
from evonas.training.fitting import OPTION, doubts
from evonas.training.images import TrainingData, known
from evonas.training.measure import PGD_STEPS, robust_accuracy
from evonas.training.parallel import alone
from evonas.training.probe import Probe, aside, interpolated
from evonas.training.recipe import Recipe
from evonas.training.recipes import recipes
from evonas.training.settings import TrainSettings
from fitness import Score, Task
from fitness.base import threads
from fitness.population.memory import is_exhaustion_of_card, release
from spaces import Space, UsageError, spaces
from spaces.errors import shorten

VERSION = 1
RECIPE, EPOCHS = "fast", 2
MAX_EPS = 255.0


@fitness_kinds.register("trained")
@dataclass(frozen=True)
class ShortTraining(Fitness):
    """Accuracy on held-out training images under PGD after a short training: `trained:fast-adv:2:eps=4`."""

    argument: str = ""
    settings: SearchSettings | None = None  # of the search
    form: ClassVar[str] = "[RECIPE[:EPOCHS][:NAME=NUMBER]...]"
    needs_images = True
    slow = True

    def __post_init__(self) -> None:
        _ = self.recipe, self.eps  # the errors name what is wrong

    def __getstate__(self) -> dict[str, Any]:
        """Without images: a worker reads them itself."""
        return {"argument": self.argument, "settings": self.settings}

    @cached_property
    def _words(self) -> tuple[str, int, dict[str, str]]:
        """Recipe, epochs, and other numbers of the recipe."""
        name, *rest = (self.argument or RECIPE).split(":")
        epochs = rest.pop(0) if rest and "=" not in rest[0] else str(EPOCHS)
        numbers = dict(word.split("=", 1) for word in rest if word.count("=") == 1)
        if not epochs.isascii() or not epochs.isdigit() or len(numbers) < len(rest):
            raise UsageError(f"trained is used as trained{self.form}, not {shorten(f'trained:{self.argument}')}")
        return name, int(epochs), numbers

    @property
    def _numbers(self) -> dict[str, Any]:
        """Changes to the recipe."""
        name, epochs, numbers = self._words
        of_measurement = {"eps"} if not recipes[name].uses_eps else set()
        return {key: value for key, value in numbers.items() if key not in of_measurement} | {"epochs": epochs}

    @cached_property
    def recipe(self) -> Recipe:
        """The recipe with its changes. Raises `UsageError` for unknown names and invalid numbers."""
        return recipes[self._words[0]].with_numbers(self._numbers)

    @cached_property
    def eps(self) -> float:
        """The epsilon of the attack on the held-out images, in 1/255; 0: no attack."""
        if self.recipe.uses_eps:
            return self.recipe.eps
        text = self._words[2].get("eps", str(STANDARD_EPS))
        try:
            eps = float(text)
        except ValueError:
            eps = -1.0
        if not 0 <= eps <= MAX_EPS:
            raise UsageError(f"eps must be from 0 to {MAX_EPS:g}, not {shorten(text)}")
        return eps

    @property
    def text(self) -> str:
        name, epochs, numbers = self._words
        return ":".join(["trained", name, str(epochs), *(f"{key}={numbers[key]}" for key in sorted(numbers))])

    @property
    def objectives(self) -> tuple[Objective, ...]:
        return (Objective(self.text),)

    def within(self, settings: SearchSettings) -> Fitness:
        return dataclasses.replace(self, settings=settings)

    def identity(self) -> dict[str, Any]:
        split = self._data.known.identity.train
        recipe = self._training.chosen.as_dict()
        del recipe["source"]
        facts = {
            "version": VERSION,
            "recipe": recipe,
            "eps": self.eps,
            "steps": PGD_STEPS,
            "held_out": self._training.validation,
            "data": {"images": split.count, "order": split.order},
        }
        return {self.text: json.loads(json.dumps(facts))}

    def changed(self, name: str, then: Any, now: Any) -> str:
        if isinstance(then, dict) and then.get("data") != now["data"]:
            return f"trained its genotypes on other images than those of {self._search.dataset}; start a new run"
        return f"trained its genotypes for {name!r} in another way than this version; start a new run"

    @property
    def _search(self) -> SearchSettings:
        if self.settings is None:
            raise UsageError(f"{self.text} trains on the images of a search, and has no value without them")
        return self.settings

    @cached_property
    def _training(self) -> TrainSettings:
        """The settings of a training, resolved, of some genotype."""
        import numpy as np

        search = self._search
        some = str(spaces[search.space].random(np.random.default_rng(0)))
        names = ("space", "dataset", "data_dir", "channels", "layers", "image_size", "stem", "seed", "device")
        given = {name: getattr(search, name) for name in names}
        try:
            return TrainSettings(some, recipe=self._words[0], overrides=self._numbers, **given).resolve()
        except UsageError as error:
            raise UsageError(self._said(str(error))) from None

    def _said(self, text: str) -> str:
        """What is said about a recipe, as it is written here."""
        return f"{self.text}: {text.replace(OPTION, '')}"

    def check(self, space: Space) -> Sequence[str]:
        if not alone():
            raise UsageError(f"{self.text} trains each genotype in one process: run the search without torchrun")
        asked = question("eps=", [self.eps]) if not self.recipe.uses_eps else ""
        return [self._said(text) for text in [*doubts(self.recipe, self._numbers), asked] if text]

    @property
    def _data(self) -> TrainingData:
        training = self._training
        assert training.image_size
        return _images(training.dataset, training.data_dir, training.image_size)

    def forecast(self, genotypes: Sequence[Any], task: Task) -> float | None:
        sizes = {str(one): task.space.flops(one, task.size) for one in genotypes}
        with threads(1):
            found = interpolated(sizes, self._probed)
        return None if found is None else fmean(found.values())

    def _probed(self, genotype: str) -> float:
        """Seconds of a training, from a few steps and images."""
        probe, seed = Probe(dataclasses.replace(self._training, genotype=genotype), self._data), self._search.seed
        with aside(self._training.device):
            seconds = probe.whole(probe.step())
            if self.eps:
                training = probe.training
                seconds += probe.held_out(
                    lambda: robust_accuracy(training.model, training.held_out, self.eps, seed)
                )
        return seconds

    def score(self, genotypes: Sequence[Any], task: Task) -> Iterator[Mapping[str, Score]]:
        for genotype in genotypes:
            started, value, reason = time.perf_counter(), None, ""
            settings = dataclasses.replace(self._training, genotype=str(task.space.canonical(genotype)))
            try:
                with threads(1), TemporaryDirectory(prefix="evonas-") as place:
                    found = short_training(Path(place) / "train", settings, Listener(), self.eps, self._data)
                    value = found["robust"]
            except NotFinite as error:
                reason = f"the loss is not finite in epoch {error.epoch}"
            except RuntimeError as error:
                # another genotype may be smaller; the memory of the host is that of the search
                if not task.device.startswith("cuda") or not is_exhaustion_of_card(error):
                    raise
                reason = OUT_OF_MEMORY
            except Interrupted:
                raise KeyboardInterrupt from None  # the search says how to continue
            if reason == OUT_OF_MEMORY:
                release(task.device)  # after the error, which holds what the training had allocated
                warnings.warn(
                    f"{task.device} has too little memory to train {settings.genotype}; it has no score",
                    RuntimeWarning,
                    stacklevel=2,
                )
            yield {self.text: Score(value, reason, time.perf_counter() - started)}


@lru_cache(maxsize=1)
def _images(dataset: str, data_dir: str | None, image_size: int) -> TrainingData:
    """The images of a data set, read once in a process."""
    some = TrainSettings("DARTS_V2", dataset=dataset, data_dir=data_dir, image_size=image_size)
    return known(some)

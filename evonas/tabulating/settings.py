"""The frozen settings of a table: which genotypes, how they are trained, what is measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evonas.core.arguments import given, texts
from evonas.core.fields import check, like, setting
from evonas.core.separated import separated
from evonas.evaluation.settings import EvaluateSettings
from evonas.searching.latency import COMMAND, OPTION
from evonas.searching.latency.protocol import MEDIAN, Protocol
from evonas.store.settings import SearchSettings
from evonas.training.recipes import recipes
from evonas.training.settings import TrainSettings
from spaces.errors import UsageError

if TYPE_CHECKING:
    from evonas.searching.objectives.latency import Latency

MAX_SAMPLE = 100_000
PARAMS = "params"
OF_TRAINING = (
    *(
        "space",
        "dataset",
        "data_dir",
        "channels",
        "layers",
        "image_size",
        "stem",
        "recipe",
        "overrides",
        "train_images",
        "validation",
    ),
    *("seed", "device", "precision"),
)
OF_EVALUATION = (
    *("attacks", "epsilons", "steps", "step_size", "restarts", "queries", "corruptions", "images"),
    *("seed", "device", "data_dir"),
)
OF_SEARCH = (
    *("space", "dataset", "data_dir", "channels", "layers", "image_size", "stem", "max_params", "seed", "device"),
)  # that a limit of parameters depends on


def read_latencies(value: object, name: str) -> tuple[str, ...]:
    """The normal forms of latencies as in ``torch,onnx:batch=16``, each once. Raises `UsageError`."""
    found = [Protocol.parse(part) for text in texts(value, name) for part in separated(text)]
    if any(one.statistic != MEDIAN for one in found):
        raise UsageError(f"{name} has columns of the median and of the 95th percentile; leave out statistic")
    return tuple(dict.fromkeys(one.name for one in found))


@dataclass(frozen=True)
class TabulateSettings:
    """Everything that a table depends on. None stands for a default. Raises `UsageError` for invalid values."""

    space: str = like(SearchSettings, "space")
    sample: int = setting(100, help="Number of random genotypes.", bounds=(0, MAX_SAMPLE))
    stratify: str | None = setting(
        None,
        help="Spread the random genotypes evenly over their number of parameters: params.",
        default_text="",
        choices=(PARAMS,),
    )
    runs: tuple[str, ...] = setting(
        (),
        help="Add the best genotypes of this run. Repeatable.",
        default_text="",
        spelling="--from",
        metavar="RUN",
        completion="runs",
        typed=list[str],
        read=texts,
    )
    best: int = setting(10, help="Number of genotypes from each run.", bounds=(1, MAX_SAMPLE))
    max_params: int | None = like(SearchSettings, "max_params", after=None)
    seeds: int = setting(
        1, help="Number of trainings of each genotype, with seeds from --seed on.", bounds=(1, 1000)
    )
    seeds_for: int | None = setting(
        None,
        help="Train only the first genotypes several times, this many.",
        default_text="all",
        bounds=(1, MAX_SAMPLE),
    )
    recipe: str = like(TrainSettings, "recipe", after=None)
    overrides: Mapping[str, Any] = like(TrainSettings, "overrides")
    dataset: str = like(SearchSettings, "dataset")
    data_dir: str | None = like(SearchSettings, "data_dir")
    image_size: int | None = like(SearchSettings, "image_size", after="data_dir")
    stem: str | None = like(SearchSettings, "stem", after="image_size")
    channels: int | None = like(SearchSettings, "channels")
    layers: int | None = like(SearchSettings, "layers")
    train_images: int | None = like(TrainSettings, "train_images", after=None)
    validation: int | None = like(TrainSettings, "validation")
    precision: str = like(TrainSettings, "precision")
    attacks: tuple[str, ...] = like(EvaluateSettings, "attacks")
    epsilons: tuple[float, ...] = like(
        EvaluateSettings, "epsilons", help="Epsilons of the attacks in units of 1/255, separated by commas."
    )
    steps: int = like(EvaluateSettings, "steps")
    step_size: float | None = like(EvaluateSettings, "step_size")
    restarts: int = like(EvaluateSettings, "restarts")
    queries: int = like(EvaluateSettings, "queries")
    corruptions: bool = like(EvaluateSettings, "corruptions")
    images: int | None = like(EvaluateSettings, "images")
    seed: int = like(
        SearchSettings,
        "seed",
        help="Seed of the sample, of the first training of a genotype and of the evaluation.",
    )
    device: str = like(SearchSettings, "device")
    latency: tuple[str, ...] = setting(
        (),
        help="Latencies to measure after the trainings, separated by commas, such as torch,onnx:batch=16,command.",
        default_text="",
        metavar="BACKEND[:NAME=VALUE],...",
        typed=str,
        read=read_latencies,
    )
    latency_command: str | None = like(SearchSettings, "latency_command", after=None)
    latency_timeout: float | None = like(SearchSettings, "latency_timeout", after=None)

    def __post_init__(self) -> None:
        check(self)
        recipes[self.recipe].with_numbers(self.overrides)
        self.evaluation()
        commanded = any(Protocol.parse(text).backend == COMMAND for text in self.latency)
        if commanded != (self.latency_command is not None):
            missing = OPTION if commanded else f"--latency {COMMAND}"
            raise UsageError(f"--latency {COMMAND} and {OPTION} belong together; add {missing}")
        if not self.sample and not self.runs:
            raise UsageError("--sample 0 leaves no genotypes; name runs with --from")

    @classmethod
    def from_options(
        cls, attacks: str | None = None, epsilons: str | None = None, **options: Any
    ) -> TabulateSettings:
        """Defaults, overlaid by the options that are not None; attacks and epsilons are separated by commas."""
        listed = EvaluateSettings.from_options(attacks, epsilons)
        return cls(attacks=listed.attacks, epsilons=listed.epsilons, **given(options))

    @property
    def latencies(self) -> list[Latency]:
        """What `latency` names."""
        from evonas.searching.objectives.latency import Latency

        return [Latency(text, self.latency_command, self.latency_timeout) for text in self.latency]

    def search(self) -> SearchSettings:
        """The settings of a search with these limits and this network size."""
        return SearchSettings(proxy=PARAMS, **self._of(OF_SEARCH))

    def training(self, genotype: str) -> TrainSettings:
        """The settings of the first training of a genotype."""
        return TrainSettings(genotype, **self._of(OF_TRAINING))

    def evaluation(self) -> EvaluateSettings:
        """The settings of every evaluation."""
        return EvaluateSettings(**self._of(OF_EVALUATION), checks=0)

    def _of(self, names: tuple[str, ...]) -> dict[str, Any]:
        return {name: getattr(self, name) for name in names}

    @property
    def of_sample(self) -> dict[str, Any]:
        """The settings that choose the genotypes and their trainings, in the types of JSON."""
        values = self._of(("sample", "stratify", "best", "seeds", "seeds_for", "seed"))
        return values | {"from": list(self.runs)}

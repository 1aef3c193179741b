"""The frozen settings of every stage, validated before any work starts."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypedDict, Unpack

from evonas.core.arguments import finite, given, integer, items, number
from evonas.core.fields import check_integers, check_texts, preset_of, set_field
from evonas.core.options import Scalar, frozen
from evonas.core.strict_json import parse_json
from spaces.errors import UsageError, shorten, shown
from spaces.registry import closest

PRESETS: dict[str, dict[str, Any]] = {
    "quick": {"channels": 8, "layers": 5, "population": 12, "generations": 5},
    "paper": {"channels": 36, "layers": 20, "population": 100, "generations": 50},
}
PRECISIONS = ("float32", "float64")
UNLIMITED = 0  # --max-params 0

BOUNDS = {  # inclusive
    "generations": (0, 10_000_000),
    "population": (1, 1_000_000),
    "tournament": (1, 1_000_000),
    "children": (1, 1_000_000),
    "batch_size": (1, 65_536),
    "channels": (1, 4096),
    "layers": (1, 4096),
    "image_size": (8, 4096),
    "classes": (2, 1_000_000),
    "max_params": (0, 10**15),
    "seed": (0, 2**63 - 1),
    "batch_networks": (1, 4096),
}
GPU_NETWORKS = 64  # in one pass, if memory allows: small passes are bound by kernel launches
SHARING_SPACES = ("darts",)  # whose networks `fitness.population` holds
MIN_MEMORY = 2**20  # bytes; smaller values were meant as a fraction


class SearchOptions(TypedDict, total=False):
    """The fields of `SearchSettings`; None stands for the default, ``batch_networks`` may be ``"auto"``."""

    space: str | None
    algorithm: str | None
    generations: int | None
    population: int | None
    tournament: int | None
    children: int | None
    proxy: str | None
    dataset: str | None
    data_dir: str | None
    batch_size: int | None
    channels: int | None
    layers: int | None
    image_size: int | None
    classes: int | None
    max_params: int | None
    max_params_at: tuple[int, int] | None
    seed: int | None
    device: str | None
    precision: str | None
    batch_networks: int | str | None
    memory: float | None
    options: Mapping[str, object] | Iterable[str] | None


@dataclass(frozen=True)
class SearchSettings:
    """Everything a search depends on. None stands for a default that `resolve` fills in; for ``batch_size``
    the images are looked at first.

    A score is a pure function of the genotype and of space, proxy, dataset, batch_size, channels, layers,
    image_size, seed, precision and of whether ``batch_networks`` is 1. Its default depends on the kind of device
    alone, so that a search is reproducible bit for bit: 1 on a CPU, where no other number was measurably faster
    (`tests/benchmarks/population_speed.py` prints the table), `GPU_NETWORKS` on a GPU if the space supports
    batched scoring; that value has not been measured yet.
    Raises `UsageError` on construction for a value out of range.
    """

    space: str = "darts"
    algorithm: str = "regularized-evolution"
    generations: int = 50  # in total, also after a resume
    population: int = 100
    tournament: int | None = None  # population / 4
    children: int | None = None  # population / 2
    proxy: str = "croze"
    dataset: str = "digits"
    data_dir: str | None = None  # $EVONAS_DATA, else data/
    batch_size: int | None = None  # images that a score is computed from; 8, of fewer training images all
    channels: int | None = None  # the space's
    layers: int | None = None  # the space's
    image_size: int | None = None  # 32
    classes: int | None = None  # the data set's
    max_params: int | None = None  # the space's, at the space's default size; UNLIMITED for none
    max_params_at: tuple[int, int] | None = None  # (channels, layers) at which max_params is counted
    seed: int = 0
    device: str = "auto"
    precision: str = "float32"
    batch_networks: int | None = None  # networks in one pass; 1 scores sequentially (different rounding)
    memory: float = 0.85  # limit of a pass: up to 1 a fraction of the free memory, above 1 bytes
    options: Mapping[str, object] | tuple[tuple[str, Scalar], ...] = ()  # of the algorithm; pairs by name

    def __post_init__(self) -> None:
        check_texts(self, ("space", "algorithm", "proxy", "dataset", "device", "precision"), ("data_dir",))
        required = ("generations", "population", "seed")
        check_integers(self, BOUNDS, tuple(name for name in BOUNDS if name not in required))
        if self.precision not in PRECISIONS:
            raise UsageError(
                f"unknown --precision {self.precision!r}: {closest(self.precision, list(PRECISIONS))}"
            )
        fraction_or_bytes = f"a fraction up to 1, or at least {MIN_MEMORY} bytes"
        set_field(self, "memory", number(self.memory, "--memory", fraction_or_bytes, _is_memory))
        set_field(self, "options", frozen(self.options))
        if self.max_params_at is not None:
            set_field(self, "max_params_at", _size(self.max_params_at))
        if self.tournament is not None and self.tournament > self.population:
            raise UsageError(
                f"--tournament {self.tournament} is larger than --population {self.population}; "
                f"use at most {self.population}"
            )
        if self.children is not None and self.children > self.population:
            raise UsageError(
                f"--children {self.children} is larger than --population {self.population}; "
                f"use at most {self.population}"
            )

    @classmethod
    def from_options(cls, preset: str | None = None, **options: Unpack[SearchOptions]) -> SearchSettings:
        """Defaults, overlaid by a preset, overlaid by the options that are not None."""
        return cls(**{**preset_of(preset, PRESETS), **given_options(options)})

    def to_json(self) -> str:
        """One JSON object; an algorithm without options has no ``options``."""
        values = dataclasses.asdict(self)
        options = dict(values.pop("options"))
        return json.dumps(values | ({"options": options} if options else {}))

    @classmethod
    def from_json(cls, text: str) -> SearchSettings:
        """The inverse of `to_json`. Raises `UsageError` for an invalid text."""
        try:
            values = {"batch_networks": 1, **parse_json(text)}  # the behaviour of runs older than this setting
            return cls(**values)
        except (TypeError, ValueError, AttributeError) as error:
            raise UsageError(f"the stored settings cannot be read: {shorten(str(error), 200)}") from None


def _is_memory(value: float) -> bool:
    return 0 < value <= 1 or (value >= MIN_MEMORY and finite(value))


def _size(value: object) -> tuple[int, int]:
    pair = items(value, "max_params_at")
    if len(pair) != 2:
        raise UsageError(f"max_params_at must be channels and layers, not {shown(value)}")
    channels, layers = (integer(item, "max_params_at", 1, 4096) for item in pair)
    return channels, layers


CHANGEABLE = (
    "generations",
    "data_dir",
    "device",
    "batch_networks",
    "memory",
)  # on a resume; none of them affects scores


def given_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options that are not None; ``batch_networks`` as a number, or omitted for "auto"."""
    found = given(dict(options))
    networks = found.pop("batch_networks", "auto")
    if isinstance(networks, str) and networks != "auto":
        try:
            networks = int(str.__str__(networks))  # a subclass may write itself as it likes
        except ValueError:
            wrong = shown(networks)
            raise UsageError(f"--batch-networks must be auto or a number of networks, not {wrong}") from None
    return found if isinstance(networks, str) else {**found, "batch_networks": networks}

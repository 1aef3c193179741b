"""The frozen settings of every stage, validated before any work starts."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from evonas.core.arguments import finite, given, integer, items, number, option, plain, text
from evonas.core.strict_json import parse_json
from spaces.errors import UsageError, shorten, shown
from spaces.registry import closest

PRESETS: dict[str, dict[str, Any]] = {
    "quick": {"channels": 8, "layers": 5, "population": 12, "generations": 5},
    "paper": {"channels": 36, "layers": 20, "population": 100, "generations": 50},
}
PRECISIONS = ("float32", "float64")
UNLIMITED = 0  # --max-params 0

_BOUNDS = {  # inclusive
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

    def __post_init__(self) -> None:
        check_texts(self, ("space", "algorithm", "proxy", "dataset", "device", "precision"), ("data_dir",))
        required = ("generations", "population", "seed")
        check_integers(self, _BOUNDS, tuple(name for name in _BOUNDS if name not in required))
        if self.precision not in PRECISIONS:
            raise UsageError(
                f"unknown --precision {self.precision!r}: {closest(self.precision, list(PRECISIONS))}"
            )
        fraction_or_bytes = f"a fraction up to 1, or at least {MIN_MEMORY} bytes"
        _set(self, "memory", number(self.memory, "--memory", fraction_or_bytes, _is_memory))
        if self.max_params_at is not None:
            _set(self, "max_params_at", _size(self.max_params_at))
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
    def from_options(cls, preset: str | None = None, **options: Any) -> SearchSettings:
        """Defaults, overlaid by a preset, overlaid by the options that are not None."""
        return cls(**{**preset_of(preset, PRESETS), **_given(options)})

    def resolve(self) -> SearchSettings:
        """The same settings with every default filled in. Raises `UsageError` for unknown names.

        The default parameter limit is counted at the default size of the space (6e6 at C=36, L=20 for DARTS), so
        that the same genotypes are allowed at every size; an explicit limit is counted at the size of the run.
        """
        from evonas.core.devices import pick
        from evonas.data import describe
        from evonas.searching.algorithms import algorithms
        from fitness import composite
        from spaces import spaces

        if "," in self.proxy:
            several = "+".join(name.strip() for name in self.proxy.split(",") if name.strip())
            raise UsageError(f"a search takes one --proxy; join several with + into a composite: {several}")
        space = spaces[self.space]
        _ = algorithms[self.algorithm]
        channels, layers = self.channels or space.default_channels, self.layers or space.default_layers
        data = describe(self.dataset, self.data_dir, self.image_size)
        default_limit, device = self.max_params is None, pick(self.device)
        shares = device != "cpu" and self.space in SHARING_SPACES
        return dataclasses.replace(
            self,
            proxy=composite.normal(self.proxy),
            tournament=self.tournament or min(self.population, max(2, self.population // 4)),
            children=self.children or max(1, self.population // 2),
            channels=channels,
            layers=layers,
            image_size=data.image_size,
            classes=len(data.classes),
            max_params=(space.default_max_params or UNLIMITED) if default_limit else self.max_params,
            max_params_at=self.max_params_at
            or ((space.default_channels, space.default_layers) if default_limit else (channels, layers)),
            device=device,
            batch_networks=self.batch_networks or (GPU_NETWORKS if shares else 1),
        )

    def to_json(self) -> str:
        """One JSON object."""
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def from_json(cls, text: str) -> SearchSettings:
        """The inverse of `to_json`. Raises `UsageError` for an invalid text."""
        try:
            values = {"batch_networks": 1, **parse_json(text)}  # the behaviour of runs older than this setting
            return cls(**values)
        except (TypeError, ValueError, AttributeError) as error:
            raise UsageError(f"the stored settings cannot be read: {shorten(str(error), 200)}") from None


def preset_of(name: str | None, presets: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """The values of a preset, none without a name. Raises `UsageError` for an unknown one."""
    if name is None:
        return {}
    name = text(name, "--preset")
    if name not in PRESETS:
        raise UsageError(f"unknown --preset {shorten(name)}: {closest(name, list(PRESETS))}")
    return dict(presets.get(name, {}))


def check_texts(settings: Any, required: tuple[str, ...], optional: tuple[str, ...] = ()) -> None:
    """Makes fields of ``settings`` plain text; ``optional`` ones may be None. Raises `UsageError` for the rest."""
    for name in (*required, *optional):
        value = getattr(settings, name)
        if value is not None or name in required:
            _set(settings, name, text(value, option(name)))


def check_integers(settings: Any, bounds: Mapping[str, tuple[int, int]], optional: tuple[str, ...] = ()) -> None:
    """Makes fields of ``settings`` Python integers within inclusive ``bounds``; ``optional`` ones may be None."""
    for name, (low, high) in bounds.items():
        value = getattr(settings, name)
        if value is not None or name not in optional:
            _set(settings, name, integer(value, option(name), low, high))


def _set(settings: Any, name: str, value: Any) -> None:
    object.__setattr__(settings, name, value)  # of a frozen dataclass that is being made


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


def _given(options: dict[str, Any]) -> dict[str, Any]:
    """The options that are not None; ``batch_networks`` as a number, or omitted for "auto"."""
    found = given(options)
    networks = found.pop("batch_networks", "auto")
    if isinstance(networks, str) and networks != "auto":
        try:
            networks = int(networks)
        except ValueError:
            wrong = shown(networks)
            raise UsageError(f"--batch-networks must be auto or a number of networks, not {wrong}") from None
    return found if isinstance(networks, str) else {**found, "batch_networks": networks}


def changed(stored: SearchSettings, options: dict[str, Any]) -> SearchSettings:
    """``stored`` with the given options, of which only `CHANGEABLE` may differ, and an explicit device.

    A folder of images may have been moved: its path may differ, too.

    Raises `UsageError` naming every other setting that differs.
    """
    from evonas.core.devices import pick
    from fitness import composite

    wanted = {name: plain(value) for name, value in _given(options).items()}
    wanted |= {name: text(wanted[name], option(name)) for name in ("dataset", "proxy") if name in wanted}
    if "batch_networks" in wanted:
        networks = integer(wanted["batch_networks"], "--batch-networks", *_BOUNDS["batch_networks"])
        if (networks == 1) != (stored.batch_networks == 1):
            raise UsageError(
                f"this run was started with --batch-networks {stored.batch_networks}; a run cannot switch between "
                "1 and larger numbers, because their rounding differs; omit the option"
            )
    if "proxy" in wanted:
        wanted["proxy"] = composite.normal(wanted["proxy"])
    places = [wanted.get("dataset", ""), stored.dataset]
    free = (*CHANGEABLE, *(["dataset"] if all(place.startswith("folder:") for place in places) else []))
    refused = [name for name in wanted if name not in free and _differs(wanted[name], getattr(stored, name))]
    if refused:
        differences = ", ".join(f"--{name.replace('_', '-')} {getattr(stored, name)}" for name in refused)
        raise UsageError(
            f"this run was started with {differences}; a run keeps its settings "
            f"(only --{', --'.join(name.replace('_', '-') for name in CHANGEABLE)} may change). "
            "Start a new run with evonas search"
        )
    found = dataclasses.replace(stored, **{name: wanted[name] for name in free if name in wanted})
    return dataclasses.replace(found, device=pick("auto")) if found.device == "auto" else found


def _differs(value: object, stored: object) -> bool:
    return type(value) is not type(stored) or value != stored  # an object of another class may compare as it likes

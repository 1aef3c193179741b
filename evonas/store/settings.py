"""The frozen settings of every stage, validated before any work starts."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import Unpack

from evonas.core.fields import check, marked, marks_of, preset_of, presets_of, require_marks
from evonas.core.strict_json import parse_json
from evonas.store.added_settings import AddedSettings
from evonas.store.search_options import SearchOptions
from evonas.store.searched import (
    DECISIONS,
    given_options,
    read_memory,
    read_size,
    require_sizes,
    searched,
)
from spaces.errors import UsageError, shorten
from spaces.size import CIFAR, STEMS

PRECISIONS = ("float32", "float64")
UNLIMITED = 0  # --max-params 0
MAX_GPU_NETWORKS = 256  # in one pass: more save no launches worth their memory


@dataclass(frozen=True)
class SearchSettings(AddedSettings):
    """Everything a search depends on. None stands for a default that `resolve` fills in; for ``batch_size``
    the images are looked at first.

    A score is a pure function of the genotype and of space, proxy, dataset, batch_size, channels, layers,
    image_size, seed, precision and, on a CPU, of whether ``batch_networks`` is 1; on a GPU, 1 is a population of
    one wherever the space has populations. Its default depends on the kind of device alone, so that a search is
    reproducible bit for bit: 1 on a CPU, where no other number was measurably faster
    (`tests/benchmarks/population_speed.py` prints the table), `MAX_GPU_NETWORKS` on a GPU if the space supports
    batched scoring, of which a pass takes as many as its memory holds; this has not been measured yet.
    Raises `UsageError` on construction for a value out of range.
    """

    space: str = searched(
        "darts",
        help="Search space: darts, nasbench201, robnet.",
        completion="spaces",
        of_score="space",
        changeable=False,
        to_training=True,
    )
    algorithm: str = searched(
        "regularized-evolution",
        help="Search algorithm; see `evonas list algorithms`.",
        default_text="",
        completion="algorithms",
        after="memory",
        of_score=None,
        changeable=False,
    )
    generations: int | None = searched(  # None after `resolve`: no limit
        None,
        help="Total number of generations, including those before a resume.",
        default_text="50; no limit with --evaluations",
        bounds=(0, 10_000_000),
        presets={"quick": 5, "paper": 50},
        of_score=None,
        changeable=True,
    )
    population: int | None = searched(  # the algorithm's
        None,
        help="Population size.",
        default_text="100; other algorithms: see `evonas list algorithms`",
        bounds=(1, 1_000_000),
        presets={"quick": 12, "paper": 100},
        of_score=None,
        changeable=False,
    )
    tournament: int | None = searched(
        None,
        help="Tournament size.",
        default_text="population / 4",
        bounds=(1, 1_000_000),
        of_score=None,
        changeable=False,
    )
    children: int | None = searched(
        None,
        help="Children per generation.",
        default_text="population / 2; other algorithms: see `evonas list algorithms`",
        bounds=(1, 1_000_000),
        of_score=None,
        changeable=False,
    )
    proxy: str = searched(
        "croze",
        help="Proxy to maximise; see `evonas list proxies`. a+b*2 is a composite, -a is minimised, "
        "latency is measured, trained:RECIPE:EPOCHS trains, table:PATH:COLUMN is a number of a table.",
        completion="fitness",
        of_score="proxy",
        changeable=False,
    )
    dataset: str = searched(
        "digits",
        help="Data set: cifar10, cifar100, digits or folder:PATH.",
        completion="data_sets",
        of_score="batch",
        changeable=False,
        to_training=True,
    )
    data_dir: str | None = searched(
        None,
        help="Directory of the CIFAR files.",
        default_text="$EVONAS_DATA, else data/",
        of_score=None,
        to_score=True,
        changeable=True,
        to_training=True,
        local=True,
    )
    batch_size: int | None = searched(  # of fewer training images all
        None,
        help="Number of images that a score is computed from.",
        default_text="8",
        bounds=(1, 65_536),
        of_score="batch",
        changeable=False,
    )
    channels: int | None = searched(
        None,
        help="Initial channels (C).",
        default_text="36; nasbench201: 16",
        bounds=(1, 4096),
        presets={"quick": 8, "paper": 36},
        of_score="size",
        changeable=False,
        to_training=True,
    )
    layers: int | None = searched(
        None,
        help="Number of cells (L); for nasbench201, per stage.",
        default_text="20; nasbench201: 5",
        bounds=(1, 4096),
        presets={"quick": 5, "paper": 20},
        of_score="size",
        changeable=False,
        to_training=True,
    )
    image_size: int | None = searched(
        None,
        help="Image side length in pixels, for digits and folder:PATH.",
        default_text="32",
        bounds=(8, 4096),
        after="batch_size",
        of_score="size",
        changeable=False,
        to_training=True,
    )
    stem: str | None = searched(  # None: that for the size of the images
        None,
        help="Stem of the network: cifar or imagenet, which halves the images three times.",
        default_text="cifar; above 64 pixels imagenet; nasbench201: cifar",
        choices=STEMS,
        after="image_size",
        of_score="size",
        changeable=False,
        to_training=True,
        added=True,
    )
    classes: int | None = searched(  # the data set's
        None, bounds=(2, 1_000_000), of_score="size", changeable=False
    )
    max_params: int | None = searched(  # the space's, at the space's default size; UNLIMITED for none
        None,
        help="Maximum number of parameters at --channels and --layers; 0 for no limit.",
        default_text="6000000 at C=36, L=20; nasbench201: none",
        bounds=(0, 10**15),
        of_score=None,
        changeable=False,
    )
    max_params_at: tuple[int, int] | None = searched(  # (channels, layers) at which max_params is counted
        None, read=read_size, of_score=None, changeable=False
    )
    seed: int = searched(
        0, help="Random seed.", bounds=(0, 2**63 - 1), of_score="seed", changeable=False, to_training=True
    )
    device: str = searched(
        "auto",
        help="Device: auto, cpu, cuda or cuda:N.",
        of_score="device",
        changeable=True,
        to_training=True,
        local=True,
    )
    precision: str = searched(
        "float32",
        help="Floating-point precision: float32 or float64.",
        choices=PRECISIONS,
        of_score="dtype",
        changeable=False,
    )
    batch_networks: int | None = searched(  # 1 scores sequentially, with another rounding
        None,
        help="Networks scored in one pass.",
        default_text="auto: 1; darts on a GPU: as many as fit, up to 256",
        metavar="auto|K",
        typed=str,
        bounds=(1, 4096),
        of_score="form",
        changeable=True,
    )
    memory: float = searched(
        0.85,
        help="Memory limit of a pass: bytes per process, or a fraction of the free memory.",
        read=read_memory,
        of_score=None,
        to_score=True,
        changeable=True,
    )

    def __post_init__(self) -> None:
        check(self)
        require_sizes(self.population, tournament=self.tournament, children=self.children)

    @classmethod
    def from_options(cls, preset: str | None = None, **options: Unpack[SearchOptions]) -> SearchSettings:
        """Defaults, overlaid by a preset (without its generations if ``evaluations`` are given) and by options."""
        given, values = given_options(options), preset_of(preset, PRESETS)
        if "evaluations" in given:
            values.pop("generations", None)
        return cls(**{**values, **given})

    @property
    def fitness(self) -> str:
        """The text that names what the search maximises or minimises."""
        return self.objectives or self.proxy

    def to_json(self) -> str:
        """One JSON object; fields that older runs lack are left out where they are empty."""
        values = dataclasses.asdict(self)
        added = {name: values.pop(name) for name in ADDED}
        added["options"] = dict(added["options"])
        stem = added.pop("stem")
        values |= {} if stem == CIFAR else {"stem": stem}
        return json.dumps(values | {name: value for name, value in added.items() if value})

    @classmethod
    def from_json(cls, text: str) -> SearchSettings:
        """The inverse of `to_json`. Raises `UsageError` for an invalid text."""
        try:
            values = {"batch_networks": 1, "stem": CIFAR, **parse_json(text)}  # of runs older than these settings
            return cls(**values)
        except (TypeError, ValueError, AttributeError) as error:
            raise UsageError(f"the stored settings cannot be read: {shorten(str(error), 200)}") from None


require_marks(SearchSettings, *DECISIONS)
PRESETS = presets_of(SearchSettings)
CHANGEABLE = marked(SearchSettings, "changeable")  # on a resume
SEALED = marked(SearchSettings, "sealed")
ADDED = marked(SearchSettings, "added")
SEALED_IF_STORED = marked(SearchSettings, "sealed_if_stored")
IDENTITY = marks_of(SearchSettings, "of_score")  # of a score: the fields of every entry
LOCAL = marked(SearchSettings, "local")
TO_TRAINING = marked(SearchSettings, "to_training")  # what a training inherits

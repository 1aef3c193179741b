"""The network to export, and its facts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from evonas.core.provenance import versions
from evonas.core.version import __version__
from evonas.data import describe
from evonas.evaluation.controls import Comparison, controls_in
from evonas.evaluation.stored import Stored, stored
from evonas.evaluation.target import Target
from evonas.training import checkpoint
from evonas.training.data_check import unchecked
from evonas.training.exported import FORMAT
from evonas.training.held_out import images_for
from evonas.training.model import Classifier
from spaces import NetworkSize, spaces
from spaces.errors import EvonasError
from spaces.size import CIFAR

INPUT = "float32 (N, 3, H, W) in [0, 1], red green blue; normalisation by mean and std is inside the network"
OUTPUT = "float32 (N, classes): logits; the class is the largest"


@dataclass(frozen=True)
class Subject:
    """A trained classifier on the CPU in eval mode, its facts as JSON, and its evaluation."""

    model: Classifier
    facts: dict[str, Any]
    evaluation: Stored
    controls: Comparison | None = None  # random genotypes of its size
    notes: tuple[str, ...] = ()  # about the classes of the data set

    @property
    def image_size(self) -> int:
        return int(self.facts["image_size"])

    def images(self, count: int) -> Tensor:
        """Random images, float32 (count, 3, H, W) in [0, 1]; the same ones every time."""
        shape = (count, 3, self.image_size, self.image_size)
        return torch.rand(shape, generator=torch.Generator().manual_seed(count))

    def logits(self, images: Tensor) -> Tensor:
        """The logits (N, classes) of images (N, 3, H, W)."""
        with torch.no_grad():
            return self.model(images)

    @cached_property
    def program(self) -> torch.export.ExportedProgram:
        """The network traced by `torch.export`, for any batch size, without paths of source files."""
        batch = torch.export.Dim("batch")
        with torch.no_grad():
            program = torch.export.export(self.model, (self.images(2),), dynamic_shapes=({0: batch},))
        for node in program.graph.nodes:
            node.meta.pop("stack_trace", None)
        program.example_inputs = None  # they would be pickled
        return program


def subject_of(place: Target, other_data: bool = False) -> Subject:
    """The network of a checkpoint. Raises `EvonasError` if it is damaged, or its data set is another one now."""
    found = checkpoint.load(place.checkpoint)
    data, notes = _data(found, other_data)
    evaluation = stored(place)
    against = None if evaluation.content is None else controls_in(place.result.parent)
    if against is not None and against.genotype != found.genotype:
        against = None  # the checkpoint is of another network
    return Subject(found.model(), _facts(found, data), evaluation, against, tuple(notes))


def rebuilt(facts: dict[str, Any]) -> Classifier:
    """The classifier that ``facts`` describe, without its weights."""
    space = spaces[facts["space"]]
    sides = facts["channels"], facts["layers"], facts["classes"], facts["image_size"]
    size = NetworkSize(*sides, facts.get("stem", CIFAR))
    network = space.build(space.parse(facts["genotype"]), size, generator=torch.Generator().manual_seed(0))
    return Classifier(network, facts["mean"], facts["std"]).eval()


def _facts(found: checkpoint.Checkpoint, data: Mapping[str, Any]) -> dict[str, Any]:
    settings = found.settings
    space = spaces[settings.space]
    genotype = space.parse(settings.genotype)
    return {
        "format": FORMAT,
        "space": settings.space,
        "genotype": settings.genotype,
        "channels": settings.channels,
        "layers": settings.layers,
        "classes": settings.classes,
        **data,
        "image_size": settings.image_size,
        **({} if settings.size.stem == CIFAR else {"stem": settings.size.stem}),
        "mean": list(settings.mean),
        "std": list(settings.std),
        "input": INPUT,
        "output": OUTPUT,
        "params": space.params(genotype, settings.size),
        "flops": space.flops(genotype, settings.size),
        "dataset": settings.dataset.partition(":")[0],  # without the location of a folder
        "training": {
            "recipe": settings.recipe,
            "epoch": found.epoch,
            "numbers": json.loads(json.dumps(settings.chosen.as_dict())),
            "seed": settings.seed,
            "precision": settings.precision,
            "device": settings.device,
        },
        "exported_with": _versions(),
    }


def _data(found: checkpoint.Checkpoint, other_data: bool) -> tuple[dict[str, Any], list[str]]:
    """Class names and digests of the training, and notes about data that are not compared, or others now.

    Raises `EvonasError` if the data set is here and its classes or labels differ and, without ``other_data``, if
    its test images differ.
    """
    settings = found.settings
    try:
        here = list(describe(settings.dataset, settings.data_dir, settings.image_size).classes)
    except EvonasError as error:
        here, absent = None, str(error)
    if found.data is None:
        names = here if here is not None and len(here) == settings.classes else None
        return {"class_names": names, "data": None}, [unchecked(str(found.path))]
    identity = found.data.identity
    facts = {"class_names": list(identity.classes), "data": identity.as_json()}
    if here is None:
        return facts, [f"classes and images were not compared with those of the training: {absent}"]
    here_now = images_for(found, settings.data_dir, other_data=other_data).data
    if here_now.changes is None:
        return facts, []
    return facts, [f"the test images are not those of the training ({here_now.changes.in_words})"]


def _versions() -> dict[str, str]:
    found = versions()
    return {"evonas": __version__} | {name: found[name] for name in ("python", "torch", "numpy")}

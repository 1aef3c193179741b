"""Networks that `evonas export` wrote, read back: the facts in the header of the weights, or in genotype.json."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from evonas.training.data_identity import DataIdentity, identity_of
from evonas.training.recipe import Recipe
from evonas.training.settings import OF_NETWORK, TrainSettings
from spaces.errors import EvonasError, shorten
from spaces.size import CIFAR

if TYPE_CHECKING:
    from torch import Tensor

FACTS = "evonas"  # the key of a safetensors header that holds the facts as JSON
FORMAT = "evonas network 1"
_NORMALISATION = ("mean", "std")


def settings_from(facts: Any) -> TrainSettings:
    """The settings of the training that an export describes; of an image folder not where it lies.

    Raises `ValueError` for facts that an export does not write.
    """
    try:
        if facts["format"] != FORMAT:
            raise ValueError(f"its format is {facts['format']!r}, not {FORMAT!r}")
        training = facts["training"]
        numbers = Recipe.from_dict({**training["numbers"], "milestones": tuple(training["numbers"]["milestones"])})
        return TrainSettings(
            **{name: facts[name] for name in OF_NETWORK},
            stem=facts.get("stem", CIFAR),
            dataset=facts["dataset"],
            recipe=training["recipe"],
            numbers=numbers,
            seed=training["seed"],
            precision=training["precision"],
            mean=tuple(float(value) for value in facts["mean"]),
            std=tuple(float(value) for value in facts["std"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, EvonasError) as error:
        raise ValueError(f"its facts cannot be read: {shorten(str(error), 200)}") from None


def identity_from(facts: Mapping[str, Any]) -> DataIdentity | None:
    """The data of the training; None in exports of older versions. Raises `ValueError` if it cannot be read."""
    identity = identity_of(facts)
    if identity is not None and len(identity.classes) != facts["classes"]:
        raise ValueError(f"it names {len(identity.classes)} classes, its network has {facts['classes']}")
    return identity


def epoch_of(facts: Mapping[str, Any]) -> int:
    """The epoch of the training that was exported."""
    return int(facts["training"]["epoch"])


def classifier_name(name: str) -> str:
    """The name that a tensor of an exported file has in the classifier."""
    return name if name in _NORMALISATION else f"network.{name}"


def classifier_shape(name: str, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape that a tensor of an exported file has in the classifier."""
    return (1, 3, 1, 1) if name in _NORMALISATION else shape


def to_classifier(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of an exported file, of any shape, under their names in the classifier."""
    return {
        classifier_name(name): tensor.reshape(classifier_shape(name, tuple(tensor.shape)))
        for name, tensor in tensors.items()
    }

"""The contract of an attack."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn

from evonas.evaluation.attacks import Attack, AttackOptions, Draws, attacks
from evonas.testing.properties import Picture, global_generators, refused, require
from spaces import UsageError

OPTIONS = AttackOptions(steps=4, restarts=2, queries=40)
CLASSES = 10
MARGIN = 1e-3
ROUNDING = 1e-6  # of float32 at the border of the ball


def _images(count: int = 6) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    images = torch.rand((count, 3, 8, 8), generator=generator)
    return images, torch.arange(count) % CLASSES


class Edge(nn.Module):
    """Right on ``images``, and wrong as soon as one of them is moved at all.

    The logit of the label is MARGIN - sum |d| - sum d / 2, d the difference to the nearest image; others are 0.
    So every attack that moves an image fools it, and its gradient at the image is not zero.
    (N, 3, H, W) -> (N, classes).
    """

    def __init__(self, images: Tensor, labels: Tensor) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1))
        self.register_buffer("images", images)
        self.register_buffer("labels", labels)

    def forward(self, moved: Tensor) -> Tensor:
        assert isinstance(self.images, Tensor) and isinstance(self.labels, Tensor)
        with torch.no_grad():
            nearest = torch.cdist(moved.flatten(1), self.images.flatten(1), p=1).argmin(1)
        difference = (moved - self.images[nearest]).flatten(1)
        margin = MARGIN - difference.abs().sum(1) - difference.sum(1) / 2
        return self.scale * nn.functional.one_hot(self.labels[nearest], CLASSES) * margin[:, None]


def _moved(attack: Attack, epsilon: float, count: int = 6, seed: int = 0) -> Tensor:
    images, labels = _images(count)
    return attack(Edge(images, labels), images, labels, epsilon, Draws.of(seed, 0, count))


def it_describes_itself(attack: Attack) -> None:
    require(attack.name and attack.source, f"attack {attack.name!r} has no name or source")
    require(
        type(attack.version) is int and attack.version > 0, f"the version of {attack.name!r} is {attack.version!r}"
    )
    for what in (attack.settings(), attack.describe(8.0, CLASSES)):
        require(json.loads(json.dumps(what)) == what, f"attack {attack.name!r}: {what} does not survive JSON")
    named = attack.settings().get("attack"), attack.settings().get("version")
    require(named == (attack.name, attack.version), f"the settings of {attack.name!r} name {named}")


def images_stay_in_the_ball(attack: Attack) -> None:
    images, _ = _images()
    for epsilon in (8.0, 255.0):
        moved, what = _moved(attack, epsilon), f"attack {attack.name!r} at epsilon {epsilon:g}/255"
        require(moved.dtype == torch.float32 and moved.shape == images.shape, f"{what} returns other images")
        farthest = 255 * (moved - images).abs().max().item()
        require(farthest <= epsilon + 255 * ROUNDING, f"{what} changes a pixel by {farthest:g}/255")
        require(moved.min() >= 0 and moved.max() <= 1, f"{what} leaves [0, 1]")


def a_network_at_its_edge_is_fooled(attack: Attack) -> None:
    """Also one image alone."""
    for count in (6, 1):
        images, labels = _images(count)
        model, moved = Edge(images, labels), _moved(attack, 40.0, count)
        require(
            not (model(moved).argmax(1) == labels).any(),
            f"attack {attack.name!r} does not fool a network that errs on any change, with {count} images",
        )


def epsilon_zero_moves_nothing(attack: Attack) -> None:
    require(torch.equal(_moved(attack, 0.0), _images()[0]), f"attack {attack.name!r} moves images at epsilon 0")


def results_depend_on_the_arguments_alone(attack: Attack) -> None:
    found = []
    for seed in (1, 2):
        with global_generators(seed, f"attack {attack.name!r}"):
            found.append(_moved(attack, 16.0))
    require(torch.equal(*found), f"attack {attack.name!r} depends on a global random seed")


def the_model_is_left_as_it_was(attack: Attack) -> None:
    images, labels = _images()
    for training in (True, False):
        model = Edge(images, labels).train(training)
        picture = Picture(model)
        attack(model, images, labels, 16.0, Draws.of(0, 0, len(images)))
        picture.require_of(model, f"attack {attack.name!r}")


def images_out_of_range_are_refused(attack: Attack) -> None:
    images, labels = _images()
    draws, model = Draws.of(0, 0, len(images)), Edge(images, labels)
    for what, wrong in (("255 times too large", images * 255), ("of NaN", images * float("nan"))):
        text = f"attack {attack.name!r} must refuse images {what} with UsageError"
        refused(partial(attack, model, wrong, labels, 8.0, draws), UsageError, text)


PROPERTIES: tuple[Callable[[Attack], None], ...] = (
    it_describes_itself,
    images_stay_in_the_ball,
    a_network_at_its_edge_is_fooled,
    epsilon_zero_moves_nothing,
    results_depend_on_the_arguments_alone,
    the_model_is_left_as_it_was,
    images_out_of_range_are_refused,
)


def check_attack(attack: Attack | str) -> None:
    """Raises `AssertionError` unless ``attack`` keeps its contract.

    ``attack`` is an attack with its settings, or a registered name, which then gets few steps and queries. See
    `PROPERTIES` in this file for what is checked.
    """
    subject = attacks[attack].from_options(OPTIONS) if isinstance(attack, str) else attack
    for holds in PROPERTIES:
        holds(subject)

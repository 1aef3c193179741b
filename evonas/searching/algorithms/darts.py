"""DARTS: a supernet is trained, and each epoch's architecture parameters derive a genotype.

Source: Liu, Simonyan, Yang, "DARTS: Differentiable Architecture Search", ICLR 2019, with the numbers of the
released code; partial channels and weights of edges: Xu et al., "PC-DARTS", ICLR 2020.

Generation 0 is the genotype of the first architecture parameters, generation N that after epoch N. Its value by
--proxy is only shown: as published, the result is the genotype of the last epoch. Where the literature has
no limits, a genotype that --max-params or a constraint refuses is replaced by smaller neighbours, one edit after
the other, each with the strongest edges.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch

from evonas.core.options import bounded
from evonas.searching.algorithm import Algorithm, Birth, History
from evonas.searching.algorithms import algorithms
from evonas.searching.differentiable.robustness import Robustness
from evonas.searching.differentiable.training import Losses, Training, require_halves
from evonas.searching.options import options_of
from evonas.searching.supplies import Supplies
from evonas.store.individual import Individual
from evonas.store.settings import SearchSettings
from evonas.store.state import State
from fitness import stable_hash
from spaces import EvonasError, NetworkSize, UsageError, spaces
from spaces.size import CIFAR
from spaces.supernet import Supernet


@dataclass(frozen=True)
class Options:
    """``search_channels`` and ``search_layers`` are the size of the supernet, ``epochs`` the length of its cosine.

    ``partial`` = K lets 1/K of the channels take part; ``edge_weights`` learns weights of the edges of a node.
    ``warmup`` epochs leave the architecture as it is. ``order`` 2 judges the architecture after a
    step of the weights. ``images`` is a number of training images, by default all.
    """

    population: int = 1
    children: int = 1
    search_channels: int = bounded(16, 1, 4096)
    search_layers: int = bounded(8, 1, 1000)
    epochs: int = bounded(50, 1, 100_000)
    images: int | None = bounded(None, 4, 100_000_000)
    batch: int = bounded(64, 2, 100_000)
    lr: float = bounded(0.025, 0, 100)
    lr_min: float = bounded(0.001, 0, 100)
    momentum: float = bounded(0.9, 0, 0.9999)
    weight_decay: float = bounded(3e-4, 0, 10)
    clip: float = bounded(5.0, 0, 1e6)
    crop: int = bounded(4, 0, 64)
    alpha_lr: float = bounded(3e-4, 0, 100)
    alpha_beta1: float = bounded(0.5, 0, 0.9999)
    alpha_beta2: float = bounded(0.999, 0, 0.999999)
    alpha_weight_decay: float = bounded(1e-3, 0, 10)
    warmup: int = bounded(0, 0, 100_000)
    order: int = bounded(1, 1, 2)
    partial: int = bounded(1, 1, 64)
    edge_weights: bool = False

    def __post_init__(self) -> None:
        if self.population != 1 or self.children != 1:
            raise UsageError(
                "differentiable search has one birth per epoch; omit --population and --children, or with a "
                "preset add --population 1 --children 1"
            )


@algorithms.register("darts")
class Darts(Algorithm):
    """Trains a supernet by gradients and derives a genotype after each epoch; the last one is the result."""

    Options = Options
    needs_images = True
    bulky = True
    latest = True

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.training: Training | None = None
        self.seed: int | None = None
        self.losses: Losses | None = None
        self.alive_birth: list[int] = []

    @classmethod
    def check(cls, settings: SearchSettings) -> Sequence[str]:
        options = options_of(settings)
        if not spaces[settings.space].has_supernet:
            having = ", ".join(name for name in spaces if spaces[name].has_supernet)
            raise UsageError(
                f"the algorithm {settings.algorithm} trains a supernet, which the space {settings.space} does not "
                f"have; use --space {having}"
            )
        require_halves(len(Supplies(settings).source.labels("train")), options.images)
        supernet_of(settings, options, 0)
        generations = settings.generations if settings.generations is not None else settings.evaluations
        if generations and generations < options.epochs:
            return [
                f"the learning rate falls over {options.epochs} epochs, but the search has {generations}; add "
                f"--option epochs={generations}"
            ]
        return ()

    def robustness(self) -> tuple[float, Robustness | None]:
        """gamma, and what computes R."""
        return 0.0, None

    def ask(self) -> list[Birth]:
        if self.training is None:
            self.seed = int(self.rng.integers(2**62))
            self._begin()
        else:
            self.losses = self.training.train_epoch()
            self.supplies.say(f"epoch {self.training.epoch}: {self.losses}")
        return [Birth(self._admitted())]

    def tell(self, born: Sequence[Individual]) -> None:
        self.alive_birth = [individual.birth for individual in born] or self.alive_birth

    def alive(self) -> Sequence[int]:
        return self.alive_birth

    def state_dict(self) -> State:
        if self.training is None:
            return {}
        losses = None if self.losses is None else asdict(self.losses)
        facts = {"seed": self.seed, "epoch": self.training.epoch, "losses": losses}
        return {**facts, **self.training.arrays()}

    def load_state_dict(self, state: State, alive: Sequence[int], history: History) -> None:
        arrays = dict(state)
        try:
            self.seed, epoch, losses = int(arrays.pop("seed")), int(arrays.pop("epoch")), arrays.pop("losses")
            self.losses = None if losses is None else Losses(**losses)
        except (KeyError, TypeError, ValueError) as error:
            raise EvonasError(f"the stored state of the supernet cannot be read: {error}") from None
        self._begin().load(arrays, epoch)
        self.alive_birth = list(alive)

    def _begin(self) -> Training:
        assert self.seed is not None
        settings = self.supplies.settings
        supernet = supernet_of(settings, self.options, self.seed).to(settings.device)
        self.training = Training(supernet, self.supplies, self.options, self.seed, *self.robustness())
        return self.training

    def _admitted(self) -> Any:
        """The derived genotype, or the one that the limits admit instead."""
        assert self.training is not None
        supernet, size = self.training.supernet, self.space.default_size()
        genotype = supernet.genotype()
        while not self.admission.admits(genotype):
            params = self.space.params(genotype, size)
            smaller = [one for one in self.space.neighbours(genotype) if self.space.params(one, size) < params]
            if not smaller:
                raise EvonasError(f"the limits refuse {genotype}, which has the fewest parameters; raise them")
            genotype = max(smaller, key=supernet.likelihood)
        return genotype


def supernet_of(settings: SearchSettings, options: Options, seed: int) -> Supernet:
    """The supernet of a search before its first step, on the CPU."""
    assert settings.classes and settings.image_size  # resolved settings
    shape = (settings.classes, settings.image_size, settings.stem or CIFAR)
    return spaces[settings.space].supernet(
        NetworkSize(options.search_channels, options.search_layers, *shape),
        generator=torch.Generator().manual_seed(stable_hash(seed, "supernet")),
        partial=options.partial,
        edge_weights=options.edge_weights,
    )

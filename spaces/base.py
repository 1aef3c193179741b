"""The interface of a search space: genotypes, their edits, and the networks that they describe."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from spaces.graph import CellGraph
from spaces.size import NetworkSize, StageTally

if TYPE_CHECKING:  # PyTorch is imported only to build networks
    import torch
    from numpy.random import Generator

    from spaces.network import Network


class Genotype(Protocol):
    """Frozen and hashable; ``str`` writes it in the literature's syntax, which `Space.parse` reads."""

    def __hash__(self) -> int: ...

    def __str__(self) -> str: ...


class Space(ABC):
    """A search space. Every method is a pure function of its arguments; randomness is an argument."""

    name: ClassVar[str]
    description: ClassVar[str]
    default_channels: ClassVar[int]
    default_layers: ClassVar[int]
    default_max_params: ClassVar[int | None] = None  # at the default size
    has_auxiliary_head: ClassVar[bool] = False  # `construct` takes ``auxiliary=True``
    has_drop_path: ClassVar[bool] = False  # networks have ``drop_path_prob``

    @abstractmethod
    def parse(self, text: str) -> Any:
        """The genotype written in ``text``. Raises `UsageError` with the first error."""

    @abstractmethod
    def random(self, rng: Generator) -> Any:
        """A uniformly drawn genotype."""

    @abstractmethod
    def mutate(self, genotype: Any, rng: Generator) -> Any:
        """A new genotype, one effective edit away; ``genotype`` itself is not changed."""

    @abstractmethod
    def neighbours(self, genotype: Any) -> list[Any]:
        """All genotypes that one edit can reach, without ``genotype``."""

    @abstractmethod
    def canonical(self, genotype: Any) -> Any:
        """The form shared by all renamings of a network; it builds the same function."""

    @abstractmethod
    def key(self, genotype: Any) -> str:
        """The isomorphism class, which identifies distinct networks."""

    @abstractmethod
    def graphs(self, genotype: Any) -> list[CellGraph]:
        """The cells as graphs of states and operations, including the operation none."""

    @abstractmethod
    def stages(self, genotype: Any, size: NetworkSize) -> Sequence[StageTally]:
        """Closed-form totals of the layers, stage by stage."""

    @abstractmethod
    def construct(self, genotype: Any, size: NetworkSize, *, norm: bool = True, **options: Any) -> Network:
        """The bare module, parameters not set; ``norm=False`` leaves BatchNorm out as CRoZe does."""

    def build(
        self,
        genotype: Any,
        size: NetworkSize,
        *,
        generator: torch.Generator,
        norm: bool = True,
        **options: Any,
    ) -> Network:
        """The network of ``genotype`` in float32 on the CPU, initial weights drawn from ``generator``."""
        import torch

        from spaces.initialise import initialise

        with torch.device("meta"):
            network = self.construct(genotype, size, norm=norm, **options)
        # the first call of `to_empty` would import a symbolic algebra system
        network = network._apply(lambda tensor: torch.empty(tensor.shape, dtype=tensor.dtype))
        return initialise(network, generator)

    def published(self) -> dict[str, Any]:
        """Genotypes of the literature by name."""
        return {}

    def params(self, genotype: Any, size: NetworkSize) -> int:
        """Trainable parameters, without an auxiliary head."""
        return sum(stage.tally.params for stage in self.stages(genotype, size))

    def macs(self, genotype: Any, size: NetworkSize) -> int:
        """Multiply-accumulates for one image, over convolutions and linear layers."""
        return sum(stage.tally.macs for stage in self.stages(genotype, size))

    def flops(self, genotype: Any, size: NetworkSize) -> int:
        """FLOPs for one image, 2 x MACs."""
        return 2 * self.macs(genotype, size)

    def default_size(self, classes: int = 10, image_size: int = 32) -> NetworkSize:
        """The size at which the literature reports this space."""
        return NetworkSize(self.default_channels, self.default_layers, classes, image_size)

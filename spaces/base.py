"""The interface of a search space: genotypes, their edits, and the networks that they describe."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from spaces.errors import UsageError, shorten
from spaces.graph import CellGraph
from spaces.operation import Operation, named
from spaces.published import Published
from spaces.registry import closest
from spaces.size import CIFAR, IMAGENET, MAX_CIFAR_SIDE, MIN_IMAGENET_SIDE, NetworkSize, StageTally

if TYPE_CHECKING:  # PyTorch is imported only to build networks, NumPy only to encode genotypes
    import torch
    from numpy import float32
    from numpy.random import Generator
    from numpy.typing import NDArray

    from spaces.encoding import Slot
    from spaces.network import Network
    from spaces.supernet import Supernet


class Genotype(Protocol):
    """Frozen and hashable; ``str`` writes it in the literature's syntax, which `Space.parse` reads."""

    def __hash__(self) -> int: ...

    def __str__(self) -> str: ...


class Space(ABC):
    """A search space. Every method is a pure function of its arguments; randomness is an argument."""

    name: ClassVar[str]
    description: ClassVar[str]
    references: ClassVar[tuple[str, ...]] = ()  # keys of its publications in evonas/reporting/references.bib
    default_channels: ClassVar[int]
    default_layers: ClassVar[int]
    default_max_params: ClassVar[int | None] = None  # at the default size
    min_layers: ClassVar[int] = 1
    min_image_size: ClassVar[int] = 1  # pixels
    has_auxiliary_head: ClassVar[bool] = False  # `construct` takes ``auxiliary=True``
    has_drop_path: ClassVar[bool] = False  # networks have ``drop_path_prob``
    has_imagenet_stem: ClassVar[bool] = False  # there are networks with the stem "imagenet"
    has_supernet: ClassVar[bool] = False  # `supernet` builds one
    has_shared_passes: ClassVar[bool] = False  # `fitness.population` holds many of its networks in one pass

    @abstractmethod
    def parse(self, text: str) -> Any:
        """The genotype written in ``text``. Raises `UsageError` with the first error."""

    @abstractmethod
    def random(self, rng: Generator) -> Any:
        """A uniformly drawn genotype."""

    def mutate(self, genotype: Any, rng: Generator) -> Any:
        """A new genotype, one effective edit away, by default any neighbour; ``genotype`` is not changed."""
        neighbours = self.neighbours(genotype)
        return neighbours[int(rng.integers(len(neighbours)))]

    @abstractmethod
    def neighbours(self, genotype: Any) -> list[Any]:
        """All genotypes that one edit can reach, without ``genotype``."""

    def canonical(self, genotype: Any) -> Any:
        """The form shared by all renamings of a network; it builds the same function. By default itself."""
        return genotype

    def key(self, genotype: Any) -> str:
        """The isomorphism class, which identifies distinct networks; by default the canonical form as text."""
        return str(self.canonical(genotype))

    @abstractmethod
    def graphs(self, genotype: Any) -> list[CellGraph]:
        """The cells as graphs of states and operations, including the operation none."""

    def stages(self, genotype: Any, size: NetworkSize) -> Sequence[StageTally]:
        """Totals of the layers, stage by stage; a closed form is some hundred times faster than the default.

        By default they are counted on the network, every layer as live.
        """
        from spaces import counted

        return counted.stages(self, genotype, size)

    @abstractmethod
    def construct(self, genotype: Any, size: NetworkSize, *, norm: bool = True, **options: Any) -> Network:
        """The bare module, parameters not set; ``norm=False`` leaves BatchNorm out as CRoZe does."""

    def check_size(self, size: NetworkSize) -> None:
        """Raises `UsageError` with the allowed values if the space has no networks of ``size``."""
        for name, least in (("layers", self.min_layers), ("image_size", self.min_image_size)):
            value = getattr(size, name)
            if value < least:
                raise UsageError(f"{name} must be at least {least} in the space {self.name}, not {value}")
        if size.stem != CIFAR and not self.has_imagenet_stem:
            raise UsageError(f"networks of the space {self.name} have no stem {size.stem}; use stem {CIFAR}")
        if size.stem != CIFAR and size.image_size < MIN_IMAGENET_SIDE:
            raise UsageError(
                f"image_size must be at least {MIN_IMAGENET_SIDE} with stem {size.stem}, not {size.image_size}"
            )

    def stem_for(self, image_size: int) -> str:
        """The stem for images of ``image_size`` pixels: "imagenet" above 64 pixels, where the space has it."""
        return IMAGENET if self.has_imagenet_stem and image_size > MAX_CIFAR_SIDE else CIFAR

    def build(
        self,
        genotype: Any,
        size: NetworkSize,
        *,
        generator: torch.Generator,
        norm: bool = True,
        **options: Any,
    ) -> Network:
        """The network of ``genotype`` in float32 on the CPU, initial weights drawn from ``generator``.

        Raises `UsageError` for a size that `check_size` refuses.
        """
        self.check_size(size)
        from spaces.initialise import built

        return built(lambda: self.construct(genotype, size, norm=norm, **options), generator)

    def supernet(self, size: NetworkSize, *, generator: torch.Generator, **options: Any) -> Supernet:
        """The network of all operations on every edge, in float32 on the CPU, drawn from ``generator``.

        Only a space with `has_supernet` overrides it. Raises `UsageError` for other spaces, and for a size that
        `check_size` refuses.
        """
        raise UsageError(f"the space {self.name} has no supernet, which a differentiable search trains")

    @cached_property
    def operations(self) -> Mapping[str, Operation]:
        """Every operation by the name that it has in `graphs`; by default those within one edit of a genotype."""
        genotype = self._example
        genotypes = (genotype, *self.neighbours(genotype))
        arrows = (arrow for each in genotypes for graph in self.graphs(each) for arrow in graph.arrows)
        return {name: named(name) for name in sorted({arrow.operation for arrow in arrows})}

    def operation(self, name: str) -> Operation:
        """The operation ``name`` of a graph, also one that `operations` lacks."""
        return self.operations.get(name) or named(name)

    def encode(self, genotype: Any) -> NDArray[float32]:
        """The vector of a genotype for models that predict from it, (d,) in float32; d is fixed in a space.

        x[c, s, t, o] = the number of arrows from state s to state t with operation o in cell c, then y[c, s] = the
        number of times that s is an output. The graphs are those of the canonical form, so that genotypes have
        the same vector if and only if they have the same canonical form. Raises `UsageError` for one with more
        cells or nodes than `random` draws. Source: the one-hot adjacency encoding of White et al., "A Study on
        Encodings for Neural Architecture Search", NeurIPS 2020 (arXiv:2007.04965).
        """
        from spaces.encoding import one_hot

        return one_hot(self.graphs(self.canonical(genotype)), self._places)

    def sample(self, weights: NDArray[Any], rng: Generator) -> Any:
        """A genotype whose genes are drawn in proportion to ``weights``, (d,), one for each slot of `encode`.

        Weights are not negative; where all that a gene could have are 0, they count as equal. By default a walk of
        edits, each chosen in proportion to the product of the weights of the slots that are used.
        """
        from spaces.encoding import by_walk

        return by_walk(self, weights, self._places, rng)

    def recombine(self, a: Any, b: Any, rng: Generator) -> Any:
        """A child of two genotypes, every gene from ``a`` or from ``b`` with equal chance; neither is changed.

        Uniform crossover (Syswerda, ICGA 1989). By default a walk of edits from ``a`` to the drawn genes. Raises
        `UsageError` if the two have no genes in common positions.
        """
        from spaces.recombination import by_edits

        return by_edits(self, a, b, rng)

    @cached_property
    def _example(self) -> Any:
        from numpy.random import default_rng

        return self.random(default_rng(0))

    @cached_property
    def _places(self) -> dict[Slot, int]:
        from spaces.encoding import places

        return places(self.graphs(self._example), self.operations)

    def published(self) -> Mapping[str, Published]:
        """Genotypes of the literature with their sources, by the name that `parse` reads as well."""
        return {}

    def named(self, name: str) -> Any:
        """The published genotype ``name``. Raises `UsageError` that suggests the closest names."""
        published = self.published()
        if name not in published:
            known = closest(name, sorted(published)) if published else f"the space {self.name} has none"
            raise UsageError(f"unknown published genotype {shorten(name)}: {known}")
        return published[name].genotype

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

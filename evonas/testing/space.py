"""The contract of a space."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import product
from typing import Any

import numpy as np
import torch
from torch import nn

from evonas.testing.genotypes import (
    children_take_every_gene_from_a_parent,
    encodings_are_equal_for_equal_canonical_forms_only,
    every_operation_is_declared,
    named,
    published_genotypes,
    published_genotypes_have_a_source_and_a_name,
    random_genotypes,
    samples_follow_the_weights_of_slots,
)
from evonas.testing.properties import global_generators, refused, require
from spaces import NetworkSize, Space, UsageError, spaces
from spaces.arithmetic import Arithmetic
from spaces.graph import differences
from spaces.size import IMAGENET, MIN_IMAGENET_SIDE, STEMS

SMALL = NetworkSize(4, 2)
ODD = NetworkSize(3, 2, classes=7, image_size=31)
NONSENSE = ("", "   ", "nonsense", "1", "[]", "None", "\x00", "\ud800", "é" * 50_000)
MAX_MESSAGE_CHARS = 500


def admitted(space: Space, size: NetworkSize) -> NetworkSize:
    """``size``, with the default layers and images where the space does not have these."""
    try:
        space.check_size(size)
    except UsageError:
        default = space.default_size()
        return replace(size, layers=default.layers, image_size=default.image_size)
    return size


def stems_of(space: Space, size: NetworkSize) -> list[NetworkSize]:
    """``size`` with every stem that the space has."""
    if not space.has_imagenet_stem:
        return [size]
    return [size, replace(size, stem=IMAGENET, image_size=size.image_size + MIN_IMAGENET_SIDE)]


def _images(count: int, size: NetworkSize) -> torch.Tensor:
    return torch.rand((count, *size.image), generator=torch.Generator().manual_seed(0))


def it_describes_itself(space: Space) -> None:
    require(space.name and space.description, f"{named(space)} has no name or description")
    require("\n" not in space.description, f"the description of {named(space)} has more than one line")
    size = space.default_size()
    require(
        (size.channels, size.layers) == (space.default_channels, space.default_layers), f"{named(space)}: {size}"
    )


def genotypes_survive_writing_and_reading(space: Space) -> None:
    for genotype in [*random_genotypes(space, 200), *published_genotypes(space)]:
        again = space.parse(str(genotype))
        require(again == genotype, f"{named(space)} reads another genotype from {genotype}")
        require(hash(again) == hash(genotype), f"equal genotypes have different hashes: {genotype}")


def nonsense_is_refused_in_one_line(space: Space) -> None:
    for text in NONSENSE:
        what = f"{named(space)} must refuse {text[:20]!r} with UsageError"
        message = str(refused(partial(space.parse, text), UsageError, what))
        short = len(message.splitlines()) == 1 and len(message) < MAX_MESSAGE_CHARS
        require(
            short, f"the message about {text[:20]!r} is longer than one line of {MAX_MESSAGE_CHARS} characters"
        )
        require(
            not any("\ud800" <= c <= "\udfff" for c in message), f"the message about {text[:20]!r} has surrogates"
        )


def draws_and_edits_depend_on_the_generator_alone(space: Space) -> None:
    parent = random_genotypes(space, 1)[0]

    def edited(seed: int) -> list[Any]:
        rng = np.random.default_rng(seed)
        return [space.mutate(parent, rng) for _ in range(10)]

    drawn = []
    for seed in (1, 2):
        with global_generators(seed, named(space)):
            drawn.append((random_genotypes(space, 10, seed=3), edited(3)))
    require(drawn[0] == drawn[1], f"{named(space)} does not draw or mutate alike from equal generators")
    require(random_genotypes(space, 10, seed=4) != drawn[0][0], f"{named(space)}: random ignores its generator")
    require(edited(4) != drawn[0][1], f"{named(space)}: mutate ignores its generator")


def a_mutation_is_a_neighbour_and_leaves_its_parent(space: Space) -> None:
    rng = np.random.default_rng(0)
    for parent in [*random_genotypes(space, 20), *published_genotypes(space)]:
        written, neighbours = str(parent), set(space.neighbours(parent))
        for _ in range(20):
            child = space.mutate(parent, rng)
            require(child != parent, f"{named(space)}: a mutation of {parent} is {parent} itself")
            require(child in neighbours, f"{named(space)}: {child} is not among the neighbours of {parent}")
        require(str(parent) == written, f"{named(space)}: mutate changes its parent {written}")


def neighbours_are_distinct_and_lead_back(space: Space) -> None:
    for genotype in random_genotypes(space, 3):
        neighbours = space.neighbours(genotype)
        require(len(set(neighbours)) == len(neighbours), f"{named(space)}: {genotype} has a neighbour twice")
        require(genotype not in neighbours, f"{named(space)}: {genotype} is its own neighbour")
        for neighbour in neighbours:
            back = genotype in space.neighbours(neighbour)
            require(back, f"{named(space)}: {genotype} is not a neighbour of its neighbour {neighbour}")


def an_edit_is_one_difference_between_graphs(space: Space) -> None:
    rng = np.random.default_rng(0)
    for parent in random_genotypes(space, 20):
        child = space.mutate(parent, rng)
        found = differences(space.graphs(parent), space.graphs(child))
        require(
            len(found) == 1,
            f"{named(space)}: the graphs of {parent} and {child} differ in {found}, not in one edge",
        )


def graphs_name_every_state_and_flow_forward(space: Space) -> None:
    for genotype in [*random_genotypes(space, 20), *published_genotypes(space)]:
        for graph in space.graphs(genotype):
            where, count = f"{named(space)}: {graph.title} of {genotype}", len(graph.states)
            require(len(set(graph.states)) == count > graph.inputs > 0, f"{where}: states {graph.states}")
            for arrow in graph.arrows:
                require(0 <= arrow.source < arrow.target < count, f"{where}: {arrow} does not lead forward")
            inner = set(range(graph.inputs, count))
            require({arrow.target for arrow in graph.arrows} == inner, f"{where}: states without an operation")
            require(set(graph.outputs) <= inner, f"{where}: outputs {graph.outputs} that are not computed")


def the_canonical_form_is_one_and_the_same_network(space: Space) -> None:
    for genotype in random_genotypes(space, 200):
        small = admitted(space, SMALL)
        canonical, what = space.canonical(genotype), f"{named(space)}: the canonical form of {genotype}"
        require(space.canonical(canonical) == canonical, f"{what} has another canonical form")
        for count in (space.params, space.macs):
            require(count(canonical, small) == count(genotype, small), f"{what} has other {count.__name__}")


def sizes_in_closed_form_are_those_of_the_network(space: Space) -> None:
    small, odd = (stems_of(space, admitted(space, size)) for size in (SMALL, ODD))
    for size in (*small, *odd, space.default_size()):
        for genotype in random_genotypes(space, 1, seed=size.channels):
            expected = counted_params_and_macs(space, genotype, size)
            found = space.params(genotype, size), space.macs(genotype, size)
            require(
                found == expected,
                f"{named(space)}: params and MACs {found}, network {expected}: {genotype}, {size}",
            )
            require(space.flops(genotype, size) == 2 * expected[1], f"{named(space)}: FLOPs are not 2 x MACs")


def networks_classify_images(space: Space) -> None:
    for size in stems_of(space, admitted(space, ODD)):
        for genotype in random_genotypes(space, 2):
            for norm in (True, False):
                _classify(space, genotype, size, norm)


def small_sizes_work_or_are_refused(space: Space) -> None:
    """`Space.check_size` and `Space.build` refuse the same sizes, and every other one can be built and used."""
    genotype, least = random_genotypes(space, 1)[0], space.min_image_size
    for layers in {1, space.min_layers - 1, space.min_layers} - {0}:
        for side, stem in product({1, 2, least - 1, least} - {0}, STEMS):
            size = NetworkSize(1, layers, 2, side, stem)
            try:
                space.check_size(size)
            except UsageError as error:
                what = f"{named(space)} must refuse {size} in build as in check_size"
                again = refused(partial(_classify, space, genotype, size, True), UsageError, what)
                require(
                    len(f"{error}".splitlines()) == 1 and str(again) == str(error), f"{what}: {error}; {again}"
                )
                continue
            try:
                _classify(space, genotype, size, True)
            except Exception as error:
                raise AssertionError(
                    f"{named(space)} does not refuse {size}, but fails with it: {error}"
                ) from error


def _classify(space: Space, genotype: Any, size: NetworkSize, norm: bool) -> None:
    network = space.build(genotype, size, generator=torch.Generator().manual_seed(0), norm=norm)
    logits, what = network(_images(2, size)), f"{named(space)}, norm={norm}, {size}: {genotype}"
    expected = (2, size.classes)
    require(logits.shape == expected, f"{what} returns {tuple(logits.shape)} for 2 images, {size.classes} classes")
    require(logits.isfinite().all(), f"{what} returns logits that are not finite")


def weights_depend_on_the_generator_alone(space: Space) -> None:
    genotype, small = random_genotypes(space, 1)[0], admitted(space, SMALL)

    def weights(seed: int) -> torch.Tensor:
        network = space.build(genotype, small, generator=torch.Generator().manual_seed(seed))
        return torch.cat([tensor.flatten().double() for tensor in network.state_dict().values()])

    with global_generators(1, f"{named(space)}: build"):
        first = weights(3)
    with global_generators(2, f"{named(space)}: build"):
        require(torch.equal(weights(3), first), f"{named(space)}: build depends on a global random seed")
    require(not torch.equal(weights(4), first), f"{named(space)}: build ignores its generator")


def every_layer_belongs_to_a_stage(space: Space) -> None:
    """The forward pass reports every stage once; there are as many as `Space.stages` returns."""
    sizes = stems_of(space, admitted(space, SMALL))
    for small, genotype in product(sizes, random_genotypes(space, 2)):
        network = space.build(genotype, small, generator=torch.Generator().manual_seed(0), norm=False)
        listener = _Listener()
        network.forward(_images(1, small), listener)
        layers = [name.removesuffix(".weight") for name, p in network.named_parameters() if p.dim() > 1]
        stages, heard = {network.stage_of(layer) for layer in layers}, listener.heard
        require(stages <= set(heard), f"{named(space)}: stages {stages - set(heard)} are not reported by forward")
        require(len(heard) == len(set(heard)), f"{named(space)}: forward reports a stage twice: {heard}")
        count = len(space.stages(genotype, small))
        require(len(heard) == count, f"{named(space)}: forward reports {len(heard)} stages, stages() has {count}")


class _Listener(Arithmetic):
    def __init__(self) -> None:
        self.heard: list[str] = []

    def stage(self, name: str, x: torch.Tensor) -> torch.Tensor:
        self.heard.append(name)
        return x


def counted_params_and_macs(space: Space, genotype: Any, size: NetworkSize) -> tuple[int, int]:
    """All parameters, and the multiply-accumulates of every convolution and linear layer for one image.

    Counted with hooks on a network without memory.
    """
    with torch.device("meta"):
        network = space.construct(genotype, size).eval()
        image = torch.empty(1, *size.image)
    macs = 0

    def count(module: nn.Module, inputs: Any, output: torch.Tensor) -> None:
        """One value, or H x W values, per output channel."""
        nonlocal macs
        macs += module.get_parameter("weight").numel() * output[0, 0].numel()

    for module in network.modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            module.register_forward_hook(count)
    with torch.no_grad():
        network(image)
    return sum(parameter.numel() for parameter in network.parameters()), macs


PROPERTIES: tuple[Callable[[Space], None], ...] = (
    it_describes_itself,
    genotypes_survive_writing_and_reading,
    nonsense_is_refused_in_one_line,
    draws_and_edits_depend_on_the_generator_alone,
    a_mutation_is_a_neighbour_and_leaves_its_parent,
    neighbours_are_distinct_and_lead_back,
    an_edit_is_one_difference_between_graphs,
    graphs_name_every_state_and_flow_forward,
    the_canonical_form_is_one_and_the_same_network,
    published_genotypes_have_a_source_and_a_name,
    every_operation_is_declared,
    encodings_are_equal_for_equal_canonical_forms_only,
    samples_follow_the_weights_of_slots,
    children_take_every_gene_from_a_parent,
    sizes_in_closed_form_are_those_of_the_network,
    networks_classify_images,
    small_sizes_work_or_are_refused,
    weights_depend_on_the_generator_alone,
    every_layer_belongs_to_a_stage,
)


def check_space(space: Space | str) -> None:
    """Raises `AssertionError` unless ``space``, an object or a registered name, keeps its contract.

    See `PROPERTIES` in this file for what is checked.
    """
    for holds in PROPERTIES:
        holds(spaces[space] if isinstance(space, str) else space)

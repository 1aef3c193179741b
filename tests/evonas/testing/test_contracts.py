"""Each property of a contract fails, with a message that says so, for something that does not have it."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from evonas.evaluation.attacks import Attack, AttackOptions, Draws
from evonas.evaluation.attacks.fgsm import FGSM
from evonas.testing import attack as attacks
from evonas.testing import check_attack, check_proxy, check_space
from evonas.testing import proxy as proxies
from evonas.testing import space as spaces
from fitness import Proxy, Task
from spaces import NasBench201, Space, UsageError
from spaces import spaces as registered
from spaces.encoding import one_hot
from spaces.graph import CellGraph
from spaces.nasbench201.genotype import EXAMPLE
from spaces.operation import named
from spaces.published import Published
from spaces.size import NetworkSize

CALLS: list[int] = []


def weights_norm(genotype: Any, task: Task) -> float:
    """The norm of the classifier's weights."""
    images, _ = task.images_and_labels()
    return float(task.network(genotype).get_parameter("classifier.weight").detach().norm() + images.mean())


GOOD = Proxy("norm", weights_norm, "|w|", "here", "1 network", needs_images=True)


def proxy(function: Callable[[Any, Task], float] = weights_norm, **changes: Any) -> Proxy:
    return replace(GOOD, function=function, **changes)


def hooked(genotype: Any, task: Task) -> float:
    network = task.network(genotype)
    network.register_forward_hook(lambda *_: None)
    return 1.0


def moved(genotype: Any, task: Task) -> float:
    with torch.no_grad():
        task.network(genotype).get_parameter("classifier.weight").add_(1)
    return 1.0


def counting(genotype: Any, task: Task) -> float:
    CALLS.append(1)
    return float(len(CALLS))


def constant(genotype: Any, task: Task) -> float:
    return 1.0


BROKEN_PROXIES: list[tuple[Callable[[proxies.Trial], None], Proxy, str]] = [
    (proxies.it_describes_itself, proxy(lambda g, t: 1.0), "has no docstring"),
    (proxies.it_describes_itself, proxy(formula=""), "has no formula"),
    (proxies.it_describes_itself, proxy(name="a+b"), "contains a comma"),
    (proxies.it_describes_itself, proxy(version=0), "version of proxy 'norm' is 0"),
    (proxies.scores_are_finite_or_have_a_reason, proxy(lambda g, t: float("nan")), "no score at all: norm is nan"),
    (proxies.scores_depend_on_genotype_and_task_alone, proxy(counting), "depend on their order"),
    (proxies.scores_do_not_depend_on_global_generators, proxy(lambda g, t: float(torch.rand(()))), "of torch"),
    (proxies.scores_do_not_depend_on_global_generators, proxy(lambda g, t: np.random.rand()), "of numpy.random"),
    (proxies.scores_do_not_depend_on_global_generators, proxy(lambda g, t: random.random()), "of random"),
    (proxies.scores_do_not_depend_on_the_number_of_threads, proxy(counting), "depend on the number of threads"),
    (proxies.the_seed_of_the_task_decides, proxy(counting), "equal seeds give different scores"),
    (
        proxies.the_seed_of_the_task_decides,
        proxy(constant),
        "do not depend on the seed, but the cost is '1 network'",
    ),
    (
        proxies.the_seed_of_the_task_decides,
        proxy(cost="no network"),
        "depend on the seed, but the cost is 'no network'",
    ),
    (
        proxies.images_are_needed_as_declared,
        proxy(lambda g, t: 1.0),
        "must raise UsageError without images.* raises nothing",
    ),
    (
        proxies.images_are_needed_as_declared,
        proxy(lambda g, t: t.batch is None, needs_images=False),
        "depends on the images",
    ),
    (proxies.images_that_are_not_numbers_give_no_score, proxy(lambda g, t: 1.0), "gives 1.0 for images of NaN"),
    (proxies.networks_are_left_as_they_were, proxy(hooked), "leaves hooks of the network changed"),
    (proxies.networks_are_left_as_they_were, proxy(moved), "changes classifier.weight of the network"),
]


@pytest.mark.parametrize(("holds", "broken", "text"), BROKEN_PROXIES)
def test_a_proxy_without_a_property_is_found(
    holds: Callable[[proxies.Trial], None], broken: Proxy, text: str
) -> None:
    holds(proxies.Trial((GOOD,), registered["nasbench201"]))
    with pytest.raises(AssertionError, match=text):
        holds(proxies.Trial((broken,), registered["nasbench201"]))
    with pytest.raises(AssertionError):
        check_proxy(broken, registered["nasbench201"])


class Vague(NasBench201):
    description = ""


class Deaf(NasBench201):
    def random(self, rng: np.random.Generator) -> Any:
        return super().random(np.random.default_rng(0))


class Global(NasBench201):
    def random(self, rng: np.random.Generator) -> Any:
        return super().random(np.random.default_rng(int(np.random.randint(9))))


class Lenient(NasBench201):
    def parse(self, text: str) -> Any:
        return super().parse(text if "|" in text else "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|")


class Forgetful(NasBench201):
    def parse(self, text: str) -> Any:
        super().parse(text)
        return super().parse("|none~0|+|none~0|none~1|+|none~0|none~1|none~2|")


class Still(NasBench201):
    def mutate(self, genotype: Any, rng: np.random.Generator) -> Any:
        rng.integers(2)
        return genotype


class Leaping(NasBench201):
    def mutate(self, genotype: Any, rng: np.random.Generator) -> Any:
        return super().mutate(super().mutate(genotype, rng), rng)


class OneWay(NasBench201):
    def neighbours(self, genotype: Any) -> list[Any]:
        return [other for other in super().neighbours(genotype) if str(other) > str(genotype)]


class Twice(NasBench201):
    def neighbours(self, genotype: Any) -> list[Any]:
        return super().neighbours(genotype) * 2


class Looped(NasBench201):
    def graphs(self, genotype: Any) -> list[CellGraph]:
        return [replace(graph, inputs=2) for graph in super().graphs(genotype)]


class Restless(NasBench201):
    def canonical(self, genotype: Any) -> Any:
        return self.neighbours(genotype)[0]


class Undeclared(NasBench201):
    operations = {"none": named("none", "none")}  # noqa: RUF012


class Unsourced(NasBench201):
    def published(self) -> Any:
        return {"best": Published(self.parse(EXAMPLE), "a method", "")}


class Unreadable(NasBench201):
    def published(self) -> Any:
        return {EXAMPLE.replace("1x1", "3x3"): Published(self.parse(EXAMPLE), "a method", "a paper")}


class Blurred(NasBench201):
    def encode(self, genotype: Any) -> Any:
        return super().encode(genotype)[:5]


class Careless(NasBench201):
    def sample(self, weights: Any, rng: Any) -> Any:
        return self.random(rng)


class Unsettled(NasBench201):
    def encode(self, genotype: Any) -> Any:
        return one_hot(self.graphs(genotype), self._places)


class Biased(NasBench201):
    def recombine(self, a: Any, b: Any, rng: np.random.Generator) -> Any:
        rng.integers(2)
        return a


class Inventive(NasBench201):
    def recombine(self, a: Any, b: Any, rng: np.random.Generator) -> Any:
        return self.mutate(a, rng)


class Brittle(NasBench201):
    min_image_size = 1

    def construct(self, genotype: Any, size: NetworkSize, **options: Any) -> Any:
        assert size.image_size > 3
        return super().construct(genotype, size, **options)


class Lax(NasBench201):
    def build(self, genotype: Any, size: NetworkSize, **options: Any) -> Any:
        return super().build(genotype, replace(size, image_size=32), **options)


class Short(NasBench201):
    def params(self, genotype: Any, size: NetworkSize) -> int:
        return super().params(genotype, size) - 1


class Narrow(NasBench201):
    def construct(self, genotype: Any, size: NetworkSize, **options: Any) -> Any:
        return super().construct(genotype, replace(size, classes=3), **options)


class Frozen(NasBench201):
    def build(self, genotype: Any, size: NetworkSize, *, generator: torch.Generator, **options: Any) -> Any:
        return super().build(genotype, size, generator=torch.Generator().manual_seed(0), **options)


class Unstaged(NasBench201):
    def stages(self, genotype: Any, size: NetworkSize) -> Any:
        return super().stages(genotype, size)[1:]


@pytest.mark.parametrize(
    ("holds", "broken", "text"),
    [
        (spaces.it_describes_itself, Vague, "no name or description"),
        (spaces.genotypes_survive_writing_and_reading, Forgetful, "reads another genotype"),
        (spaces.nonsense_is_refused_in_one_line, Lenient, "must refuse '' with UsageError; it raises nothing"),
        (spaces.draws_and_edits_depend_on_the_generator_alone, Deaf, "random ignores its generator"),
        (
            spaces.draws_and_edits_depend_on_the_generator_alone,
            Global,
            "uses the global generator of numpy.random",
        ),
        (spaces.a_mutation_is_a_neighbour_and_leaves_its_parent, Still, "itself"),
        (spaces.a_mutation_is_a_neighbour_and_leaves_its_parent, Leaping, "is not among the neighbours|itself"),
        (spaces.neighbours_are_distinct_and_lead_back, Twice, "has a neighbour twice"),
        (spaces.neighbours_are_distinct_and_lead_back, OneWay, "is not a neighbour of its neighbour"),
        (spaces.an_edit_is_one_difference_between_graphs, Leaping, "must differ in one edge|differ in"),
        (spaces.graphs_name_every_state_and_flow_forward, Looped, "states without an operation"),
        (spaces.the_canonical_form_is_one_and_the_same_network, Restless, "has another canonical form"),
        (spaces.published_genotypes_have_a_source_and_a_name, Unsourced, "has no method or source"),
        (spaces.published_genotypes_have_a_source_and_a_name, Unreadable, "is not what parse reads from its name"),
        (spaces.every_operation_is_declared, Undeclared, "operations lacks"),
        (spaces.encodings_are_equal_for_equal_canonical_forms_only, Blurred, "encode is the same for"),
        (spaces.encodings_are_equal_for_equal_canonical_forms_only, Unsettled, "and its canonical form"),
        (spaces.samples_follow_the_weights_of_slots, Careless, "sample of the vector of"),
        (spaces.children_take_every_gene_from_a_parent, Biased, "ten children"),
        (spaces.children_take_every_gene_from_a_parent, Inventive, "are in neither"),
        (spaces.sizes_in_closed_form_are_those_of_the_network, Short, "params and MACs"),
        (spaces.networks_classify_images, Narrow, "for 2 images"),
        (spaces.small_sizes_work_or_are_refused, Brittle, "does not refuse .*but fails with it"),
        (
            spaces.small_sizes_work_or_are_refused,
            Lax,
            "must refuse .* in build as in check_size; it raises nothing",
        ),
        (spaces.weights_depend_on_the_generator_alone, Frozen, "build ignores its generator"),
        (spaces.every_layer_belongs_to_a_stage, Unstaged, "forward reports 5 stages, stages\\(\\) has 4"),
    ],
)
def test_a_space_without_a_property_is_found(
    holds: Callable[[Space], None], broken: type[Space], text: str
) -> None:
    with pytest.raises(AssertionError, match=text):
        holds(broken())
    with pytest.raises(AssertionError):
        check_space(broken())


@dataclass(frozen=True)
class Wrong(FGSM):
    """FGSM with one fault."""

    def __call__(self, model: Any, images: Tensor, labels: Tensor, epsilon: float, draws: Draws) -> Tensor:
        return self.moved(model, images, labels, epsilon, draws)

    def moved(self, *arguments: Any) -> Tensor:
        return super().__call__(*arguments)


class Far(Wrong):
    def moved(self, model: Any, images: Tensor, labels: Tensor, epsilon: float, draws: Draws) -> Tensor:
        return (super().moved(model, images, labels, 2 * epsilon, draws)).clamp(0, 1)


class Idle(Wrong):
    def moved(self, model: Any, images: Tensor, *_: Any) -> Tensor:
        return images


class Zealous(Wrong):
    def moved(self, model: Any, images: Tensor, labels: Tensor, epsilon: float, draws: Draws) -> Tensor:
        return super().moved(model, images, labels, max(epsilon, 1.0), draws)


class Noisy(Wrong):
    def moved(self, model: Any, images: Tensor, labels: Tensor, epsilon: float, draws: Draws) -> Tensor:
        return images + torch.rand_like(images) * epsilon / 255 * (1 - images)


class Meddling(Wrong):
    def moved(self, model: Any, *arguments: Any) -> Tensor:
        model.eval()
        return super().moved(model, *arguments)


class Tolerant(Wrong):
    def moved(self, model: Any, images: Tensor, *arguments: Any) -> Tensor:
        return super().moved(model, images.nan_to_num(0).clamp(0, 1), *arguments)


class Nameless(FGSM):
    source = ""


@pytest.mark.parametrize(
    ("holds", "broken", "text"),
    [
        (attacks.it_describes_itself, Nameless, "no name or source"),
        (attacks.images_stay_in_the_ball, Far, "changes a pixel by 1[56]"),
        (attacks.a_network_at_its_edge_is_fooled, Idle, "does not fool a network"),
        (attacks.epsilon_zero_moves_nothing, Zealous, "moves images at epsilon 0"),
        (attacks.results_depend_on_the_arguments_alone, Noisy, "uses the global generator of torch"),
        (attacks.the_model_is_left_as_it_was, Meddling, "leaves the training mode of the network changed"),
        (attacks.images_out_of_range_are_refused, Tolerant, "must refuse images 255 times too large"),
    ],
)
def test_an_attack_without_a_property_is_found(
    holds: Callable[[Attack], None], broken: type[Attack], text: str
) -> None:
    holds(FGSM())
    with pytest.raises(AssertionError, match=text):
        holds(broken.from_options(AttackOptions()) if broken is Nameless else broken())
    with pytest.raises(AssertionError):
        check_attack(broken())


def test_another_error_than_the_expected_one_is_named() -> None:
    from evonas.testing.properties import refused

    with pytest.raises(AssertionError, match="must refuse; it raises ZeroDivisionError: division by zero"):
        refused(lambda: 1 / 0, UsageError, "must refuse")


def test_what_keeps_its_contract_passes() -> None:
    check_proxy(GOOD, registered["nasbench201"])
    check_space("nasbench201")
    check_attack("fgsm")
    check_attack(FGSM())

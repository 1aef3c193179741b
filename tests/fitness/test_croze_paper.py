"""`croze-paper`: equal to a naive second statement of the printed equations."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from fitness import Batch, LayerTerms, Task, croze_paper_terms, proxies, score_all
from spaces import Network, Space
from tests.benchmarks.printed_croze import printed_terms
from tests.fitness.conftest import Tasks
from tests.fitness.unchanged import unchanged


def arguments(task: Task) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    assert task.batch is not None
    images, labels = task.images_and_labels()
    return images, labels, task.batch.low.to(images), task.batch.high.to(images)


def terms_of(task: Task, network: Network) -> tuple[dict[str, LayerTerms], torch.Tensor]:
    return croze_paper_terms(network, *arguments(task))


@pytest.mark.parametrize(("channels", "layers"), [(4, 2), (6, 3)])
def test_every_layer_equals_the_naive_statement(
    space: Space, channels: int, layers: int, make_task: Tasks
) -> None:
    rng, task = np.random.default_rng(channels), make_task(space, channels, layers, n=4)
    for _ in range(2):
        network = task.network(space.random(rng))
        found, x_prime = terms_of(task, network)
        expected, expected_x_prime = printed_terms(network, *arguments(task))
        torch.testing.assert_close(x_prime, expected_x_prime, rtol=0, atol=1e-12)
        assert found.keys() == expected.keys()
        for layer, terms in expected.items():
            assert found[layer] == pytest.approx(terms, rel=1e-6, abs=1e-9), layer


def test_the_perturbed_images_stay_images(space: Space, rng: np.random.Generator, make_task: Tasks) -> None:
    task = make_task(space)
    images, _, low, high = arguments(task)
    _, x_prime = terms_of(task, task.network(space.random(rng)))
    assert ((x_prime >= low) & (x_prime <= high)).all()
    step = (x_prime - images).abs()
    assert float(step.max()) == pytest.approx(0.01, rel=1e-9) and float(step.median()) == pytest.approx(
        0.01, rel=1e-9
    )


def kinks(network: Network) -> list[torch.Tensor]:
    """Filled by each forward pass with the side of every ReLU and the choice of every max pooling."""
    found: list[torch.Tensor] = []

    def side(module: nn.Module, inputs: tuple[torch.Tensor], output: torch.Tensor) -> None:
        found.append(inputs[0] > 0)

    def choice(module: nn.MaxPool2d, inputs: tuple[torch.Tensor], output: torch.Tensor) -> None:
        shape = (module.kernel_size, module.stride, module.padding)
        found.append(F.max_pool2d(inputs[0], *shape, return_indices=True)[1])

    for module in network.modules():
        if isinstance(module, nn.ReLU):
            module.register_forward_hook(side)
        elif isinstance(module, nn.MaxPool2d):
            module.register_forward_hook(choice)
    return found


def test_both_precisions_agree_wherever_rounding_flips_no_kink(
    space: Space, rng: np.random.Generator, make_task: Tasks
) -> None:
    """A ReLU, a max pooling or a sign that rounding flips moves the score by up to percents, more with depth."""
    compared = 0
    for _ in range(40):  # how many of them flip none depends on the build of PyTorch
        genotype, scores, sides, steps = space.random(rng), [], [], []
        for dtype in (torch.float32, torch.float64):
            task = make_task(space, 4, 2, dtype=dtype)
            network = task.network(genotype)
            sides.append(kinks(network))
            terms, x_prime = terms_of(task, network)
            scores.append(sum(P * G * Z for P, G, Z in terms.values()))
            steps.append((x_prime - task.images_and_labels()[0]).sign())
        if torch.equal(steps[0].double(), steps[1]) and all(map(torch.equal, *sides)):
            assert scores[0] == pytest.approx(scores[1], rel=1e-5, abs=0)
            compared += 1
        if compared == 4:
            return
    pytest.fail(f"rounding flips a kink in {40 - compared} of 40 networks")


def test_the_order_of_the_batch_changes_nothing(space: Space, rng: np.random.Generator, make_task: Tasks) -> None:
    task = make_task(space, layers=2, n=6)
    assert task.batch is not None
    images, labels, low, high = task.batch
    order = torch.tensor([3, 0, 5, 1, 4, 2])
    turned = Task(space, task.size, task.seed, Batch(images[order], labels[order], low, high), dtype=torch.float64)
    for _ in range(3):
        genotype = space.random(rng)
        one, other = (proxies["croze-paper"].score(genotype, t).value for t in (task, turned))
        assert other == pytest.approx(one, rel=1e-9, abs=0)


def test_the_network_is_left_as_it_was(space: Space, rng: np.random.Generator, make_task: Tasks) -> None:
    task = make_task(space)
    network = task.network(space.random(rng))
    with torch.no_grad():
        for name, buffer in network.named_buffers():
            if "running" in name:
                buffer.uniform_(1, 2)
    for training in (True, False):
        network.train(training)
        with unchanged(network):
            terms_of(task, network)
    network.train()
    network.stem.eval()  # a part that its owner froze
    with unchanged(network):
        terms_of(task, network)


def test_the_mode_of_the_network_changes_nothing(space: Space, rng: np.random.Generator, make_task: Tasks) -> None:
    task = make_task(space)
    network = task.network(space.random(rng))
    assert terms_of(task, network.eval())[0] == terms_of(task, network.train())[0]


def test_a_network_that_fails_is_left_without_hooks(darts: Space, make_task: Tasks) -> None:
    task = make_task(darts)
    network = task.network(darts.parse("DARTS_V2"))
    images, labels, low, high = arguments(task)
    with unchanged(network), pytest.raises(RuntimeError):
        croze_paper_terms(network, images[:, :2], labels, low, high)


def test_the_step_of_the_weights_is_twice_their_norm(darts: Space, make_task: Tasks) -> None:
    """With BatchNorm g is orthogonal to the weights before it, so P is 1 + 1/sqrt(1 + beta^2) there."""
    task = make_task(darts, 4, 3)
    terms, _ = terms_of(task, task.network(darts.parse("DARTS_V2")))
    for layer in ("stem.0", "cells.0.preprocess1.op.1", "cells.0._ops.0.op.2", "cells.2.preprocess1.op.1"):
        assert abs(terms[layer].P - (1 + 5**-0.5)) < 0.01


@pytest.mark.parametrize("form", ["croze", "croze-paper"])
def test_a_form_and_its_terms_run_their_passes_once(
    form: str, darts: Space, make_task: Tasks, monkeypatch: pytest.MonkeyPatch
) -> None:
    built, network = [], Task.network
    monkeypatch.setattr(Task, "network", lambda *a, **b: built.append(a) or network(*a, **b))
    names = [form, *(f"{form}:{term}" for term in "PGZ")]
    (found,) = score_all([darts.parse("DARTS_V2")], names, make_task(darts))
    assert len(built) == 1 and len({score.value for score in found.values()}) == 4


def test_given_images_cost_no_pass_to_find_them(
    darts: Space, make_task: Tasks, monkeypatch: pytest.MonkeyPatch
) -> None:
    passes, gradients = [], torch.autograd.grad
    monkeypatch.setattr(torch.autograd, "grad", lambda *a, **b: passes.append(a) or gradients(*a, **b))
    for name, expected in {"croze-paper": 3, "croze-paper[none]": 2, "croze-paper[gaussian]": 2}.items():
        passes.clear()
        assert proxies[name].score(darts.parse("DARTS_V2"), make_task(darts)).value is not None
        assert len(passes) == expected, name


def test_forms_with_other_images_share_the_clean_pass_and_change_no_bit(
    darts: Space, make_task: Tasks, monkeypatch: pytest.MonkeyPatch
) -> None:
    names, genotype = ["croze-paper", "croze-paper[none]", "croze-paper[gaussian]"], darts.parse("DARTS_V2")
    alone = [proxies[name].score(genotype, make_task(darts)).value for name in names]
    passes, gradients = [], torch.autograd.grad
    monkeypatch.setattr(torch.autograd, "grad", lambda *a, **b: passes.append(a) or gradients(*a, **b))
    (found,) = score_all([genotype], names, make_task(darts))
    assert [found[name].value for name in names] == alone and len(passes) == 3 + 1 + 1

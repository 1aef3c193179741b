"""The DARTS network: names, auxiliary head, drop path."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest
import torch
from torch import Tensor

from spaces import Network, NetworkSize, Space
from spaces.darts import Genotype
from spaces.darts import network as darts_network
from spaces.skeleton.blocks import FactorizedReduce
from spaces.skeleton.network import CellPlace, drop_path

SIZE = NetworkSize(4, 3)  # cell 0 normal, cells 1 and 2 reduce


def build(space: Space, name: str, **options: bool) -> Network:
    genotype = space.named(name)
    return space.build(genotype, SIZE, generator=torch.Generator().manual_seed(0), **options)


def modules_with_weights(network: Network, prefix: str) -> set[str]:
    names = {name.rpartition(".")[0] for name, _ in network.named_parameters()}
    return {name.removeprefix(prefix) for name in names if name.startswith(prefix)}


def numbered(*parts: tuple[str, Iterable[int]]) -> set[str]:
    return {f"{name}.{i}" for name, numbers in parts for i in numbers}


def test_names_of_a_normal_cell_follow_the_literature(darts: Space) -> None:
    separable, dilated = (1, 2, 3, 5, 6, 7), (1, 2, 3)
    expected = numbered(("preprocess0.op", (1, 2)), ("preprocess1.op", (1, 2)), ("_ops.7.op", dilated))
    expected |= numbered(*((f"_ops.{edge}.op", separable) for edge in range(5)))
    assert modules_with_weights(build(darts, "DARTS_V2"), "cells.0.") == expected


def test_names_around_reductions_follow_the_literature(darts: Space) -> None:
    network = build(darts, "ADVRUSH")  # its reduction cell has a skip_connect from state 0 at edge 2
    halving = {"conv_1", "conv_2", "bn"}
    assert {f"_ops.2.{name}" for name in halving} <= modules_with_weights(network, "cells.1.")
    assert modules_with_weights(network, "cells.1.preprocess0.") == {"op.1", "op.2"}
    assert modules_with_weights(network, "cells.2.preprocess0.") == halving


def test_names_outside_the_cells_follow_the_literature(darts: Space) -> None:
    state = build(darts, "DARTS_V2", auxiliary=True).state_dict()
    outside = {name for name in state if not name.startswith("cells.")}
    statistics = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
    norms = ("stem.1", "auxiliary_head.features.3", "auxiliary_head.features.6")
    expected = {f"{norm}.{statistic}" for norm in norms for statistic in statistics}
    expected |= {"stem.0.weight", "auxiliary_head.features.2.weight", "auxiliary_head.features.5.weight"}
    expected |= {
        f"{head}.{part}" for head in ("classifier", "auxiliary_head.classifier") for part in ("weight", "bias")
    }
    assert outside == expected


def test_the_auxiliary_head_answers_in_training_only_and_counts_for_no_parameters(darts: Space) -> None:
    network = build(darts, "DARTS_V2", auxiliary=True)
    logits, auxiliary = network.train()(torch.rand(2, 3, 32, 32))
    assert logits.shape == auxiliary.shape == (2, 10)
    assert network.eval()(torch.rand(2, 3, 32, 32)).shape == (2, 10)
    counted = sum(p.numel() for name, p in network.named_parameters() if not name.startswith("auxiliary_head"))
    assert counted == darts.params(darts.named("DARTS_V2"), SIZE)


def test_drop_path_acts_in_training_only(darts: Space) -> None:
    network, images = build(darts, "DARTS_V2"), torch.rand(4, 3, 32, 32)
    plain = {training: network.train(training)(images) for training in (True, False)}
    network.drop_path_prob = 0.5
    assert torch.equal(network.train(False)(images), plain[False])
    assert not torch.equal(network.train(True)(images), plain[True])


def test_drop_path_spares_the_identity() -> None:
    pools = (("max_pool_3x3", 0), ("max_pool_3x3", 1))
    for edges, spared in (((("skip_connect", 0), ("skip_connect", 1)), True), (pools, False)):
        place = CellPlace(4, 4, 4, reduction=False, reduction_prev=False)
        cell = darts_network.cell(Genotype(edges, (2,), pools, (2,)), place, norm=True)
        x = torch.rand(8, 4, 8, 8)
        assert torch.equal(cell.train()(x, x, drop_path_prob=0.9), cell(x, x)) == spared


@pytest.mark.parametrize("form", [float, torch.tensor])
@pytest.mark.parametrize("probability", [0.1, 0.3, 0.7])
def test_drop_path_zeroes_whole_images_and_is_unbiased(
    probability: float, form: Callable[[float], float | Tensor]
) -> None:
    n = 100_000
    torch.manual_seed(0)
    dropped = drop_path(torch.ones(n, 2, 1, 1), form(probability))
    assert torch.equal(dropped[:, 0], dropped[:, 1])
    kept = dropped[:, 0].flatten()
    assert set(kept.tolist()) == {0.0, float(torch.tensor(1.0) / (1 - form(probability)))}
    standard_error = (probability / (1 - probability) / n) ** 0.5
    assert abs(float(kept.double().mean()) - 1) < 4 * standard_error


def test_reductions_stand_at_a_third_and_two_thirds(darts: Space) -> None:
    for layers, where in ((8, {2, 5}), (3, {1, 2}), (2, {0, 1}), (1, {0})):
        with torch.device("meta"):
            network = darts.construct(darts.named("DARTS_V2"), NetworkSize(4, layers))
        images = torch.empty(1, 3, 32, 32, device="meta")
        sides = []
        for cell in network.cells:
            cell.register_forward_hook(lambda module, inputs, output, sides=sides: sides.append(output.shape[-1]))
        network.eval()(images)
        before = [32, *sides[:-1]]
        assert {i for i, side in enumerate(sides) if side < before[i]} == where


@pytest.mark.slow
def test_a_network_is_not_compiled_anew_for_every_probability(darts: Space) -> None:
    from torch._dynamo.testing import CompileCounter

    network, counter, images = build(darts, "DARTS_V2").train(), CompileCounter(), torch.rand(8, 3, 16, 16)
    compiled = torch.compile(network, backend=counter)
    answers = []
    for probability in (0.0, 0.01, 0.02, 0.9):
        network.drop_path_prob = probability
        answers.append(compiled(images))
    assert counter.frame_count == 2  # without paths that are dropped, and with
    assert torch.allclose(answers[0], build(darts, "DARTS_V2").train()(images), atol=1e-3)
    assert (answers[3] - answers[0]).abs().max() > 0.1


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("channels", [1, 2, 4, 7, 8, 12, 16, 20])
def test_halving_has_the_gradients_of_double_precision_with_few_channels_in_any_layout(
    channels: int, layout: torch.memory_format
) -> None:
    # oneDNN's own gradient of the weights of a strided 1x1 convolution damages the heap there, or is wrong
    torch.manual_seed(0)
    exact = FactorizedReduce(channels, 6, norm=False).double()
    images = torch.randn(3, channels, 32, 32, dtype=torch.float64)

    def gradients(module: FactorizedReduce, images: Tensor) -> list[Tensor]:
        images.requires_grad_()
        return list(torch.autograd.grad(module(images).square().sum(), [images, *module.parameters()]))

    expected = gradients(exact, images.clone())
    module = FactorizedReduce(channels, 6, norm=False).to(memory_format=layout)
    module.load_state_dict(exact.state_dict())
    for _ in range(10):
        found = gradients(module, images.float().contiguous(memory_format=layout))
        for one, other in zip(found, expected, strict=True):
            torch.testing.assert_close(one.double(), other, rtol=1e-5, atol=1e-3)

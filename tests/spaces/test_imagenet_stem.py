"""The skeleton for ImageNet: two strided stems, with the sizes that the literature publishes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from spaces import NetworkSize, Space, UsageError, spaces
from spaces.skeleton.blocks import FactorizedReduce

MOBILE = NetworkSize(48, 14, classes=1000, image_size=224, stem="imagenet")
PUBLISHED = {  # millions of parameters and of operations
    "PDARTS": (4.9, 557),  # Chen et al., ICCV 2019 (arXiv:1904.12760), table 2
    "PC_DARTS_cifar": (5.3, 586),  # Xu et al., ICLR 2020 (arXiv:1907.05737), table 2
    "PC_DARTS_imagenet": (5.3, 597),
}
REST, SLOW = ["PC_DARTS_imagenet"], ["PDARTS", "PC_DARTS_cifar"]
ONE_INPUT = (
    "Genotype(normal=[('sep_conv_3x3', 0), ('sep_conv_3x3', 0)], normal_concat=[2], "
    "reduce=[('sep_conv_3x3', 0), ('sep_conv_3x3', 0)], reduce_concat=[2])"
)


def tiny(space: Space, text: str, layers: int, side: int = 40, **options: bool) -> nn.Module:
    size = NetworkSize(2, layers, classes=3, image_size=side, stem="imagenet")
    return space.build(space.parse(text), size, generator=torch.Generator().manual_seed(0), **options)


def other_operations(space: Space, name: str) -> int:
    """What the counter of these papers, `ptflops`, adds to multiply-accumulates.

    2 for each output of BatchNorm, 1 for each of ReLU and pooling; the network is without memory.
    """
    with torch.device("meta"):
        network, image = space.construct(space.named(name), MOBILE).eval(), torch.empty(1, 3, 224, 224)
    total = 0

    def count(module: nn.Module, inputs: object, output: Tensor) -> None:
        nonlocal total
        total += output.numel() * (2 if isinstance(module, nn.BatchNorm2d) else 1)

    for module in network.modules():
        if isinstance(module, (nn.BatchNorm2d, nn.ReLU, nn.MaxPool2d, nn.AvgPool2d)):
            module.register_forward_hook(count)
    with torch.no_grad():
        network(image)
    return total


@pytest.mark.parametrize("name", [*(pytest.param(name, marks=pytest.mark.slow) for name in SLOW), *REST])
def test_the_mobile_setting_has_the_published_size(darts: Space, name: str) -> None:
    genotype, (params, operations) = darts.named(name), PUBLISHED[name]
    assert round(darts.params(genotype, MOBILE) / 1e6, 1) == params
    assert round((darts.macs(genotype, MOBILE) + other_operations(darts, name)) / 1e6) == operations


def test_darts_v2_has_the_published_parameters_and_the_operations_that_others_count(darts: Space) -> None:
    """The paper says 574 M operations; no counter finds them (github.com/quark0/darts/issues/46: 545 M)."""
    genotype = darts.named("DARTS_V2")
    assert darts.params(genotype, MOBILE) == 4_718_752  # published: 4.7 M
    assert darts.macs(genotype, MOBILE) == 529_911_552
    assert round((darts.macs(genotype, MOBILE) + other_operations(darts, "DARTS_V2")) / 1e6) == 544


def test_names_and_shapes_follow_the_literature(darts: Space) -> None:
    network = tiny(darts, "DARTS_V2", 3)
    outside = {name.rpartition(".")[0] for name, _ in network.named_parameters() if not name.startswith("cells.")}
    assert outside == {*(f"stem0.{i}" for i in (0, 1, 3, 4)), "stem1.1", "stem1.2", "classifier"}
    shapes = [tuple(network.get_parameter(f"{name}.weight").shape) for name in ("stem0.0", "stem0.3", "stem1.1")]
    assert shapes == [(1, 3, 3, 3), (2, 1, 3, 3), (2, 2, 3, 3)]
    assert isinstance(network.cells[0].preprocess0, FactorizedReduce)


def test_the_forward_pass_is_that_of_the_literature(darts: Space) -> None:
    """The stems stated again, from their weights."""
    network, images = tiny(darts, "DARTS_V2", 3, side=65).eval(), torch.rand(2, 3, 65, 65)
    norm, weight = 1 / (1 + 1e-5) ** 0.5, network.get_parameter  # statistics as they begin
    with torch.no_grad():
        s0 = torch.conv2d(images, weight("stem0.0.weight"), stride=2, padding=1) * norm
        s0 = torch.conv2d(s0.relu(), weight("stem0.3.weight"), stride=2, padding=1) * norm
        s1 = torch.conv2d(s0.relu(), weight("stem1.1.weight"), stride=2, padding=1) * norm
        assert s0.shape[2:] == (17, 17) and s1.shape[2:] == (9, 9)
        for cell in network.cells:
            s0, s1 = s1, cell(s0, s1)
        torch.testing.assert_close(network(images), network.classifier(s1.mean((2, 3))))


def test_live_parameters_are_those_that_receive_a_gradient(darts: Space) -> None:
    rng, dead = np.random.default_rng(0), set()
    for layers in (1, 2, 3):
        for text in (ONE_INPUT, str(darts.random(rng))):
            network = tiny(darts, text, layers).eval()
            for parameter in network.parameters():
                parameter.data.abs_()
            network(torch.rand(1, 3, 40, 40)).sum().backward()
            reached = [p for p in network.parameters() if p.grad is not None and p.grad.any()]
            size = NetworkSize(2, layers, 3, 40, "imagenet")
            stages = darts.stages(darts.parse(text), size)
            assert sum(stage.tally.live_params for stage in stages) == sum(p.numel() for p in reached)
            dead |= {(layers, i) for i, stage in enumerate(stages[:2]) if not stage.tally.live_params}
    assert dead == {(1, 1), (3, 1)}  # of cells that read their first input only, every other one is left out


def test_the_auxiliary_head_fits_the_images_that_trainings_allow(darts: Space) -> None:
    network = tiny(darts, "DARTS_V2", 3, side=193, auxiliary=True)
    assert network.auxiliary_after == 2
    logits, auxiliary = network(torch.rand(2, 3, 193, 193))
    assert logits.shape == auxiliary.shape == (2, 3)
    with pytest.raises(RuntimeError):
        tiny(darts, "DARTS_V2", 3, side=192, auxiliary=True)(torch.rand(2, 3, 192, 192))


def test_a_space_without_the_stem_refuses_it(nasbench201: Space) -> None:
    with pytest.raises(UsageError, match="nasbench201 have no stem imagenet; use stem cifar"):
        nasbench201.check_size(NetworkSize(4, 1, image_size=128, stem="imagenet"))
    with pytest.raises(UsageError, match="image_size must be at least 33 with stem imagenet, not 32"):
        spaces["darts"].check_size(NetworkSize(4, 1, image_size=32, stem="imagenet"))
    with pytest.raises(UsageError, match="stem must be cifar or imagenet"):
        NetworkSize(4, 1, stem="large")


def test_the_stem_follows_the_size_of_the_images(darts: Space, nasbench201: Space) -> None:
    assert [darts.stem_for(side) for side in (8, 64, 65, 224)] == ["cifar", "cifar", "imagenet", "imagenet"]
    assert (spaces["robnet"].stem_for(65), nasbench201.stem_for(224)) == ("imagenet", "cifar")

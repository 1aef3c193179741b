"""Populations as a GPU runs them against one network after the other on a CPU."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
import torch

from fitness import Populations, score_all
from fitness.population import kernels
from spaces import NetworkSize, spaces
from tests.pretended import card
from tests.pretended.test_paths import batch, task

darts = spaces["darts"]
NAMES = ["croze", "croze:P", "croze:G", "croze:Z", "grad-norm", "snip", "fisher", "naswot", "synflow"]


def genotypes() -> list[Any]:
    """Random and published ones, one whose cells are narrower, and one all of whose edges are skips or pools."""
    rng = np.random.default_rng(5)
    found = [darts.canonical(darts.random(rng)) for _ in range(4)]
    found.append(dataclasses.replace(found[0], normal_concat=(4, 5), reduce_concat=(3, 4, 5)))
    skips = tuple(
        (("max_pool_3x3" if edge == 3 else "skip_connect"), state)
        for edge, (_, state) in enumerate(found[1].normal)
    )
    return [*found, dataclasses.replace(found[1], normal=skips), darts.parse("PC_DARTS_cifar")]


@pytest.mark.parametrize(
    ("dtype", "tolerance", "size"),
    [
        (torch.float64, 1e-10, NetworkSize(4, 4, image_size=8)),
        (torch.float32, 1e-5, NetworkSize(4, 4, image_size=8)),
        (torch.float64, 1e-10, NetworkSize(4, 2, image_size=34, stem="imagenet")),
    ],
    ids=["float64", "float32", "imagenet"],
)
def test_a_population_on_a_card_has_the_scores_of_the_loop(
    dtype: torch.dtype, tolerance: float, size: NetworkSize
) -> None:
    given = genotypes()[0 if size.layers == 4 and dtype == torch.float64 else 3 :]  # the special ones in all
    options = {"dtype": dtype, "batch": batch(2, size.image_size), "size": size}
    alone = dataclasses.replace(task("cpu"), **options)  # type: ignore[arg-type]
    expected = [{name: score.value for name, score in found.items()} for found in score_all(given, NAMES, alone)]
    with card():
        together = dataclasses.replace(alone, device="cuda", populations=Populations(len(given)))
        found = [{name: score.value for name, score in one.items()} for one in score_all(given, NAMES, together)]
        single = dataclasses.replace(together, populations=Populations(1))
        (other,) = score_all(given[:1], ["croze"], single)
    assert None not in expected[0].values()
    for one, network in zip(found, expected, strict=True):
        assert one == pytest.approx(network, rel=tolerance, abs=0)
    assert other["croze"].value == pytest.approx(expected[0]["croze"], rel=tolerance)


def test_without_a_private_kernel_of_pytorch_a_population_has_the_same_scores(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert kernels.private("_conv_depthwise3d", "out", "self") is None
    assert kernels.private("_conv_depthwise2d", "out", "input weight out") is None
    of = dataclasses.replace(task("cuda"), batch=batch(2, 8), size=NetworkSize(2, 3, image_size=8))
    of = dataclasses.replace(of, populations=Populations(2))
    found = []
    for kernel in (kernels.DEPTHWISE, None):
        monkeypatch.setattr(kernels, "DEPTHWISE", kernel)
        with card() as log:
            found.append([one["croze"].value for one in score_all(genotypes()[:2], ["croze"], of)])
            found.append(log.calls)
    assert found[0] == found[2] and (found[1] < found[3]) == log.pretended

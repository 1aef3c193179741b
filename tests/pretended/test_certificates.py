"""Certificates on a pretended GPU."""

from __future__ import annotations

import pytest
import torch

from evonas.evaluation.certificates.base import CertificateOptions
from evonas.evaluation.registered import certificates
from evonas.evaluation.subject import Subject
from spaces import spaces
from tests.evonas.networks import digits, trained
from tests.fitness.bounded import network
from tests.pretended.card import card


@pytest.mark.parametrize("name", list(certificates))
def test_a_certificate_is_the_same_on_a_gpu(name: str) -> None:
    images, labels = digits("test")
    kind = certificates[name].from_options(CertificateOptions((1.0,), n0=5, n=20))
    here = kind.run(Subject(trained(), images[:2], labels[:2]))
    with card():
        there = kind.run(Subject(trained().to("cuda"), images[:2], labels[:2], device="cuda"))
    radii = here.detail["radius"] if name == "smoothing" else here.detail
    assert there.detail == here.detail and max(radii) > 0


@pytest.mark.parametrize("space", list(spaces))
def test_the_networks_of_every_space_are_bounded_on_a_gpu(space: str) -> None:
    model = network(spaces[space], seed=0).float()
    kind = certificates["crown-ibp"].from_options(CertificateOptions((1.0,)))
    images = torch.randint(256, (1, 3, 8, 8), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    with card():
        subject = Subject(model.to("cuda"), images, torch.zeros(1, dtype=torch.int64), device="cuda")
        kind.require(subject)

"""`croze` against five networks as the released code scores them, layer by layer."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from fitness import LayerTerms, croze_terms, reverse
from fitness.croze_autograd import croze_terms_by_autograd
from fitness.croze_reverse import croze_terms_by_reverse
from spaces import Network, NetworkSize, spaces

LARGEST = pytest.param("darts_PC_DARTS_cifar_C16_L8", marks=pytest.mark.slow)
NETWORKS = ("darts_DARTS_V2_C8_L5", "darts_ADVRUSH_C8_L5", LARGEST, "nb201_0", "nb201_1")
# the released NAS-Bench-201 keeps all five operations of an edge, in this order
OPTIONS = ("none", "skip_connect", "nor_conv_3x3", "nor_conv_1x1", "avg_pool_3x3")


@dataclass
class Reference:
    entry: dict[str, Any]
    network: Network
    terms: dict[str, LayerTerms]
    images: torch.Tensor
    labels: torch.Tensor
    x_prime: torch.Tensor


def released_prefixes(entry: dict[str, Any]) -> dict[str, str]:
    """Our module name for the beginning of each released one, of those that take part."""
    if entry["space"] == "darts":
        return {"": ""}
    n, operations = entry["cells_per_stage"], spaces["nasbench201"].parse(entry["genotype"]).operations
    names = {"stem.net.0": "stem.0", "top.classifier": "classifier"}
    for stage in (1, 2, 3):
        first = (stage - 1) * (n + 1)
        for cell in range(n):
            for edge, operation in enumerate(operations):
                option = 5 * edge + OPTIONS.index(operation)
                names[f"stack_cell{stage}.{cell}.options.{option}."] = f"cells.{first + cell}.layers.{edge}."
        if stage < 3:
            names[f"reduction{stage}.residual"] = f"cells.{first + n}.downsample"
            names[f"reduction{stage}.conv"] = f"cells.{first + n}.conv"
    return names


def ours(name: str, prefixes: dict[str, str]) -> str | None:
    found = (new + name[len(old) :] for old, new in prefixes.items() if name.startswith(old))
    return next(found, None)


@pytest.fixture(scope="module", params=NETWORKS)
def reference(request: pytest.FixtureRequest, shared: Path) -> Reference:
    folder = shared / "reference" / "croze"
    entry = next(e for e in json.loads((folder / "index.json").read_text()) if e["name"] == request.param)
    stored, batch = np.load(folder / f"{request.param}.npz"), np.load(folder / "batch.npz")
    prefixes, space = released_prefixes(entry), spaces[entry["space"]]
    size = NetworkSize(entry["channels"], entry.get("layers") or entry["cells_per_stage"])
    network = space.construct(space.parse(entry["genotype"]), size, norm=False).double()
    weights = {
        name: torch.tensor(stored[key])
        for key in stored.files
        if key.startswith("param/") and (name := ours(key.removeprefix("param/"), prefixes))
    }
    missing = {name for name, _ in network.named_parameters()} - set(weights)
    assert not missing
    network.load_state_dict({**network.state_dict(), **{n: weights[n] for n, _ in network.named_parameters()}})
    terms = {}
    for term in entry["layer_terms"]:
        layer = ours(term["layer"] + ".", prefixes)
        assert layer is not None
        terms[layer[:-1]] = LayerTerms(term["P"], term["G"], term["Z"])
    images, labels = torch.tensor(batch["x"]).double(), torch.tensor(batch["y"])
    return Reference(entry, network, terms, images, labels, torch.tensor(stored["x_prime"]).double())


def score(terms: dict[str, LayerTerms]) -> float:
    return sum(abs(P * G * Z) for P, G, Z in terms.values())


@pytest.mark.parametrize("way", [croze_terms_by_autograd, croze_terms_by_reverse])
def test_every_layer_matches_the_released_code(way: Callable[..., Any], reference: Reference) -> None:
    if way is croze_terms_by_reverse and not reverse.known(reference.network):
        assert reference.entry["space"] == "nasbench201"  # which keeps two BatchNorms
        return
    terms, x_prime = way(reference.network.double(), reference.images, reference.labels)
    assert set(terms) == set(reference.terms)
    for layer, expected in reference.terms.items():
        assert terms[layer] == pytest.approx(expected, rel=1e-9, abs=0), layer
    assert score(terms) == pytest.approx(reference.entry["score"], rel=1e-9, abs=0)
    torch.testing.assert_close(x_prime, reference.x_prime, rtol=0, atol=1e-12)


def test_single_precision_gives_the_released_score(reference: Reference) -> None:
    terms, _ = croze_terms(reference.network.float(), reference.images.float(), reference.labels)
    assert score(terms) == pytest.approx(reference.entry["score"], rel=1e-6, abs=0)

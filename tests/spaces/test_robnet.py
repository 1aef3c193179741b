"""The RobNet space against the reference values, and its network."""

from __future__ import annotations

import json
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from fitness import Task, proxies
from spaces import NetworkSize, Space, UsageError, spaces
from spaces.robnet import PUBLISHED, Genotype
from spaces.robnet.genotype import EDGES, canonical_code
from tests.fitness.test_size_proxies import assert_sizes_equal_the_walk
from tests.spaces.sizes import built_params_and_macs

SIZE = NetworkSize(36, 20)
CODE = "11|10|11|11|10|11|01|01|10|11|11|00|11|01"
NAMES = {"RobNet_free": "robnet_free", "RobNet_large_v1": "robnet_large_v1", "RobNet_large_v2": "robnet_large_v2"}


@pytest.fixture(scope="module")
def robnet() -> Space:
    return spaces["robnet"]


@pytest.fixture(scope="module")
def reference(shared: Path) -> dict[str, Any]:
    return json.loads((shared / "reference" / "published_genotypes.json").read_text())["robnet_space"]


def only(**operations: str) -> str:
    """A code of zeros but for edges named like ``e0_2``, from state 0 to state 2."""
    edges = {tuple(map(int, name[1:].split("_"))): operation for name, operation in operations.items()}
    return "|".join(edges.get(edge, "00") for edge in EDGES)


def test_every_reference_genotype_is_published_with_its_source(robnet: Space, reference: dict[str, Any]) -> None:
    assert set(PUBLISHED) == set(robnet.published()) == set(NAMES)
    for name, entry in NAMES.items():
        assert [list(code) for code in robnet.parse(name).cells] == reference[entry]
        assert PUBLISHED[name].source == f"{reference['source']} {entry}" and PUBLISHED[name].method
        assert robnet.parse(str(robnet.parse(name))) == robnet.parse(name)


def test_robnet_free_has_the_published_size_and_that_of_the_built_network(
    robnet: Space, reference: dict[str, Any]
) -> None:
    sizes = {
        name: (robnet.params(genotype, SIZE), robnet.macs(genotype, SIZE)) for name, genotype in published(robnet)
    }
    assert sizes["RobNet_free"][0] == 5_439_790  # 5.43979 M in the reference, 5.44 M in CRoZe's Table 3
    assert round(sizes["RobNet_free"][0] / 1e6, 2) == reference["params_M"]["robnet_free"]
    assert round(sizes["RobNet_large_v1"][0] / 1e6, 3) == reference["params_M"]["robnet_large (shared code)"]
    assert sizes["RobNet_large_v1"] == sizes["RobNet_large_v2"]
    assert sizes["RobNet_free"] == built_params_and_macs(robnet, robnet.parse("RobNet_free"), SIZE)


def published(robnet: Space) -> list[tuple[str, Genotype]]:
    return [(name, entry.genotype) for name, entry in robnet.published().items()]


def test_names_follow_the_authors(robnet: Space) -> None:
    genotype = robnet.parse(f"RobNet(cells=['{only(e0_2='01', e1_2='10', e2_3='11', e0_3='00')}'])")
    with torch.device("meta"):
        network = robnet.construct(genotype, NetworkSize(4, 3))
    separable = ("1", "2", "5", "6")
    names = {"stem.0", "stem.1", "classifier"}
    for i, before in enumerate((["op.1"], ["op.1"], ["conv_1", "conv_2"])):
        names |= {f"cells.{i}.preprocess0.{layer}" for layer in before} | {f"cells.{i}.preprocess1.op.1"}
        names |= {f"cells.{i}._ops.0.op.op.{j}" for j in separable}
        names |= {f"cells.{i}._ops.4.op.conv.op.{j}" for j in separable}
        names |= {f"cells.{i}._ops.1.op.conv_{j}" for j in (1, 2) if i}  # a reduction's identity
    assert {name.rpartition(".")[0] for name, _ in network.named_parameters()} == names
    norms = {name: m.affine for name, m in network.named_modules() if isinstance(m, nn.BatchNorm2d)}
    assert [name for name, affine in norms.items() if affine] == ["stem.1"]


def test_the_forward_pass_is_the_sum_over_every_edge(robnet: Space) -> None:
    """A cell stated again, from its modules and the code."""
    genotype, size = robnet.parse(f"RobNet(cells=['{CODE}'])"), NetworkSize(3, 1, image_size=8)
    network = robnet.build(genotype, size, generator=torch.Generator().manual_seed(0)).double()
    cell, images = network.cells[0], torch.linspace(0, 1, 384, dtype=torch.float64).sin().view(2, 3, 8, 8)
    h = network.stem(images)
    states = [cell.preprocess0(h), cell.preprocess1(h)]
    for target in (2, 3, 4, 5):
        states.append(0)
        for edge, (source, end) in enumerate(EDGES):
            operation = genotype.cells[0][edge]
            if end != target or operation == "00":
                continue
            x, module, stride = states[source], cell._ops[edge].op, 2 if source < 2 else 1
            if operation == "11":
                y = module.conv(x) + (module.res(x) if stride == 2 else x)
            else:
                y = x if (operation, stride) == ("10", 1) else module(x)
            states[target] = states[target] + y
    expected = network.classifier(torch.cat(states[2:], dim=1).mean((2, 3)))
    torch.testing.assert_close(network(images), expected, rtol=1e-12, atol=1e-12)


def test_every_cell_has_its_own_code(robnet: Space, rng: np.random.Generator) -> None:
    codes = [robnet.random(rng).cells[0] for _ in range(4)]
    genotype, size = Genotype(tuple(codes)), NetworkSize(4, 4, image_size=16)
    assert_sizes_equal_the_walk(robnet, genotype, size)
    child = robnet.mutate(genotype, rng)
    changed = [
        (i, edge)
        for i, (old, new) in enumerate(zip(genotype.cells, child.cells, strict=True))
        for edge in range(len(EDGES))
        if old[edge] != new[edge]
    ]
    assert len(changed) == 1
    assert len(robnet.neighbours(genotype)) == 4 * len(EDGES) * 3


@pytest.mark.parametrize("layers", [1, 3, 19, 21])
def test_another_number_of_layers_than_codes_is_refused(robnet: Space, layers: int) -> None:
    genotype, size = robnet.parse("RobNet_free"), NetworkSize(2, layers)
    for attempt in (robnet.params, robnet.construct):
        with pytest.raises(
            UsageError, match=f"each of 20 cells and cannot be built with {layers}: use --layers 20"
        ):
            attempt(genotype, size)


def test_summed_logits_of_a_training_batch_do_not_depend_on_the_images(robnet: Space) -> None:
    """What reaches the head is a sum of BatchNorm outputs, of batch mean 0: `jacob-cov` sees rounding alone."""
    genotype, size = robnet.parse(f"RobNet(cells=['{CODE}'])"), NetworkSize(4, 3, image_size=12)
    network = robnet.build(genotype, size, generator=torch.Generator().manual_seed(0)).double()
    images = torch.linspace(0, 9, 1728, dtype=torch.float64).sin().view(4, 3, 12, 12).requires_grad_()
    logits = network(images)
    (summed,) = torch.autograd.grad(logits.sum(), images, retain_graph=True)
    (first,) = torch.autograd.grad(logits[0].sum(), images)
    assert summed.abs().max() < 1e-10 * first.abs().max()


UNUSUAL = {
    "nothing passes": [only()],
    "the first node alone": [only(e0_2="01")],
    "a convolution behind zeros": [only(e0_2="10", e3_4="11", e4_5="01")],
    "the previous cell alone is read": [only(e1_2="11", e2_3="01")],
    "the cell before it alone is read": [only(e0_2="11", e2_5="10")],
    "a silent cell between": [CODE, only(), CODE],
    "a silent last cell": [CODE, CODE, only()],
    "the cells before the last are not read": [CODE, CODE, only(e0_2="01")],
}


@pytest.mark.parametrize("codes", UNUSUAL.values(), ids=UNUSUAL.keys())
def test_sizes_of_unusual_cells_equal_a_walk_over_the_network(robnet: Space, codes: list[str]) -> None:
    assert_sizes_equal_the_walk(robnet, robnet.parse(f"RobNet(cells={codes})"), NetworkSize(2, 3, image_size=8))


def renamings(code: tuple[str, ...]) -> set[tuple[str, ...]]:
    """All codes of the same graph, stated apart from the code under test."""
    joined = dict(zip(EDGES, code, strict=True))
    found = set()
    for order in permutations((2, 3, 4, 5)):
        new = {0: 0, 1: 1} | dict(zip(order, (2, 3, 4, 5), strict=True))
        moved = {(new[a], new[b]): operation for (a, b), operation in joined.items() if operation != "00"}
        if all(a < b for a, b in moved):
            found.add(tuple(moved.get(edge, "00") for edge in EDGES))
    return found


def test_renamed_cells_have_one_canonical_form_and_one_score(robnet: Space, rng: np.random.Generator) -> None:
    task, several = Task(robnet, NetworkSize(3, 3, image_size=8), dtype=torch.float64), 0
    for _ in range(60):
        code = tuple(rng.choice(["00", "00", "00", "01", "10", "11"], size=len(EDGES)).tolist())
        same = renamings(code)
        assert {canonical_code(other) for other in same} == {min(same)}
        if len(same) > 4 and several < 3:
            several += 1
            scores = {proxies["synflow"].score(Genotype((other,)), task).value for other in sorted(same)[:4]}
            assert len(scores) == 1
    assert several == 3


def test_the_same_code_for_every_cell_is_the_same_network_as_one_code(robnet: Space) -> None:
    one, three = (robnet.parse(f"RobNet(cells={[CODE] * n})") for n in (1, 3))
    assert one != three and robnet.key(one) == robnet.key(three)
    task = Task(robnet, NetworkSize(3, 3, image_size=8), dtype=torch.float64)
    assert proxies["synflow"].score(one, task).value == proxies["synflow"].score(three, task).value


@pytest.mark.parametrize(
    "text",
    [
        f"RobNet(cells=['{CODE}', ])",
        f"RobNet(cells=('{CODE}',))",
        f'  RobNet( [ "{CODE}" ] )  ',
    ],
)
def test_other_ways_of_writing_are_read(robnet: Space, text: str) -> None:
    assert str(robnet.parse(text)) == f"RobNet(cells=['{CODE}'])"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("RobNet_freee", "did you mean RobNet_free"),
        ("RobNet(cells=[])", "1 to 256 codes, not 0"),
        (f"RobNet(cells={[CODE] * 257})", "1 to 256 codes, not 257"),
        (f"RobNet(cells=['{CODE[:-3]}'])", "cell 0: a code has 14 edges, not 13"),
        (f"RobNet(cells=['{CODE}', '{CODE}|01'])", "cell 1: a code has 14 edges, not 15"),
        (f"RobNet(cells=['{CODE[:-2]}02'])", "cell 0 edge 13: unknown operation '02'; use 00 zero"),
        (f"RobNet(cells=[{CODE}])", "written in quotes"),
        (f"RobNet(cells=['{CODE}',, '{CODE}'])", "invalid syntax (line 1, column 59"),
        (f"RobNet(cells=['{CODE}'", "'[' is never closed (line 1, column 14"),
        (f"RobNet(cells=['{CODE}')", "')' closes no bracket that is open (line 1, column 58"),
        (f"RobNet(nodes=['{CODE}'])", "a RobNet genotype has one part, cells"),
        ("RobNet(cells=[" + "'" * 10_000 + "])", "unterminated triple-quoted string"),
        ("RobNet(cells=[" + "[" * 10_000, "more than 20 brackets within brackets"),
        ("RobNet(cells=['" + "|" * 15_000 + "'])", "not 15001"),
        (f"RobNet(cells=['{CODE[:-2]}{'x' * 9000}'])", "unknown operation 'xxx"),
        ("RobNet(cells=[" + " " * 100_000, "at most 100000 are read"),
    ],
)
def test_malformed_text_is_refused_in_one_short_line(robnet: Space, text: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        robnet.parse(text)
    assert message in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1 and len(str(caught.value)) < 300

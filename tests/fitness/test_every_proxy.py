"""What must hold for every registered proxy."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch

from evonas.testing.proxy import PROPERTIES, Trial
from fitness import NoScore, Proxy, Task, proxies, register, score_all, stable_hash
from spaces import NetworkSize, Space, UsageError
from tests.fitness.conftest import Tasks
from tests.spaces.renaming import random_renaming, rename

NONES = "('none', 0), ('none', 1), "
SINGLE = torch.float32


def genotypes(space: Space, n: int = 2) -> list:
    rng = np.random.default_rng(4)
    return [space.random(rng) for _ in range(n)]


def values(given: list, task: Task) -> list[dict[str, float | None]]:
    """What every proxy has for each genotype; those of the same passes are computed once."""
    return [
        {name: score.value for name, score in found.items()} for found in score_all(given, list(proxies), task)
    ]


def differing(found: list[dict[str, float | None]], expected: list[dict[str, float | None]]) -> list[str]:
    """The proxies whose values are not bit for bit the same."""
    return [name for name in proxies if [one[name] for one in found] != [one[name] for one in expected]]


def test_the_proxies_of_the_first_floor_are_registered() -> None:
    assert {"croze", "croze-paper", "croze-size", "flops", "live-size", "params"} <= set(proxies)


@pytest.mark.parametrize("holds", PROPERTIES, ids=lambda holds: holds.__name__)
def test_every_proxy_keeps_its_contract(holds: Callable[[Trial], None], space: Space) -> None:
    layers = 1 if space.name in ("robnet", "nasbench201") else 3  # dense cells, and cells in each of three stages
    holds(Trial(tuple(proxies[name] for name in proxies), space, NetworkSize(4, layers, image_size=8)))


def test_every_proxy_has_the_name_under_which_it_is_registered() -> None:
    assert all(proxies[name].name == name for name in proxies)


def test_random_genotypes_have_finite_scores(space: Space, make_task: Tasks) -> None:
    for scores in score_all(genotypes(space), list(proxies), make_task(space, dtype=SINGLE)):
        for name, score in scores.items():
            assert score.value is not None and math.isfinite(score.value), f"{name}: {score.reason}"
            assert score.reason == "" and score.seconds > 0, name


@pytest.mark.parametrize("genotype", ["DARTS_V2", "AmoebaNet_A", "CROZE_CIFAR10", "LRNAS_cifar10"])
def test_published_genotypes_have_finite_scores(darts: Space, genotype: str, make_task: Tasks) -> None:
    task = make_task(darts, 2, 3, n=2, side=8, dtype=SINGLE)
    (found,) = score_all([darts.parse(genotype)], list(proxies), task)
    for name, score in found.items():
        assert score.value is not None and math.isfinite(score.value), f"{name}: {score.reason}"
        assert score.value > 0 or not name.startswith(("croze", "params", "flops", "live-size")), name


def test_proxies_of_the_same_passes_are_asked_together_for_each_genotype(
    darts: Space, make_task: Tasks, monkeypatch: pytest.MonkeyPatch
) -> None:
    given, built = genotypes(darts), []
    network = Task.network
    monkeypatch.setattr(Task, "network", lambda *a, **b: built.append(a) or network(*a, **b))
    names = ["snip", "params", "grad-norm"]
    found = list(score_all(given, names, make_task(darts)))
    assert len(built) == len(given)
    assert [list(scores) for scores in found] == [names] * len(given)


SCORE = """
import torch
torch.set_num_threads(1)
from fitness import Batch, Task, proxies
from spaces import NetworkSize, spaces
generator = torch.Generator().manual_seed(8)
images = torch.randn((2, 3, 16, 16), generator=generator, dtype=torch.float64)
box = torch.full((3, 1, 1), 3.0, dtype=torch.float64)
scores = {}
for name in sorted(spaces):
    space = spaces[name]
    rng = __import__("numpy").random.default_rng(4)
    genotype = space.random(rng)
    task = Task(space, NetworkSize(4, 3, image_size=16), 5, Batch(images, torch.tensor([1, 7]), -box, box))
    for proxy in sorted(proxies):
        scores[name + " " + proxy] = proxies[proxy].score(genotype, task).value
"""


@pytest.mark.slow
def test_scores_are_the_same_in_another_process(run_python: Callable[[str], str]) -> None:
    here: dict = {}
    exec(SCORE, here)
    assert run_python(SCORE + "print(scores)") == str(here["scores"])


def test_a_renamed_genotype_has_the_same_score(darts: Space, make_task: Tasks) -> None:
    task, rng = make_task(darts), np.random.default_rng(1)
    for genotype in genotypes(darts):
        other = rename(genotype, (random_renaming(genotype.normal, rng), random_renaming(genotype.reduce, rng)))
        assert other != genotype
        assert not differing(values([other], task), values([genotype], make_task(darts)))


def test_a_cell_with_swapped_nodes_has_the_same_score(nasbench201: Space, make_task: Tasks) -> None:
    task = make_task(nasbench201)
    cells = [
        nasbench201.parse(f"|nor_conv_3x3~0|+|{first}~0|none~1|+|skip_connect~0|{second}~1|{third}~2|")
        for first, second, third in (
            ("nor_conv_1x1", "nor_conv_1x1", "nor_conv_3x3"),
            ("none", "skip_connect", "none"),
        )
    ]
    for cell in cells:
        a, b, joined, d, e, f = cell.operations
        swapped = type(cell)((b, a, joined, d, f, e))
        assert swapped != cell
        assert not differing(values([swapped], task), values([cell], make_task(nasbench201)))


def dead_cells(space: Space) -> list[str]:
    if space.name == "nasbench201":
        return [
            "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|",
            "|nor_conv_3x3~0|+|nor_conv_3x3~0|none~1|+|none~0|none~1|none~2|",
            "|none~0|+|none~0|nor_conv_3x3~1|+|none~0|none~1|nor_conv_1x1~2|",
            "|skip_connect~0|+|none~0|none~1|+|none~0|none~1|avg_pool_3x3~2|",
        ]
    if space.name == "robnet":
        silent, first_node, last_node = ["00"] * 14, ["01", *["00"] * 13], [*["00"] * 13, "11"]  # node 4 feeds it
        return [f"RobNet(cells=['{'|'.join(code)}'])" for code in (silent, first_node, last_node)]
    silent, alive = NONES * 4, "('sep_conv_3x3', 0), ('dil_conv_3x3', 1), " * 4
    return [
        f"Genotype([{normal}], range(2, 6), [{reduce}], range(2, 6))"
        for normal, reduce in ((silent, silent), (alive, silent), (silent, alive))
    ]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_cells_of_none_have_a_finite_score_or_a_reason(space: Space, make_task: Tasks, dtype: torch.dtype) -> None:
    given = [space.parse(text) for text in dead_cells(space)]
    for found in score_all(given, list(proxies), make_task(space, 2, side=8, dtype=dtype)):
        for name, score in found.items():
            assert score.reason if score.value is None else math.isfinite(score.value), name
            assert score.value is None or not score.reason, name


def measure(result: float | Exception) -> Proxy:
    def function(genotype: object, task: Task) -> float:
        if isinstance(result, Exception):
            raise result
        return result

    return Proxy("trial", function, "", "", "", needs_images=False)


@pytest.mark.parametrize(
    ("result", "value", "reason"),
    [
        (1.5, 1.5, ""),
        (0.0, 0.0, ""),
        (math.nan, None, "trial is nan"),
        (math.inf, None, "trial is inf"),
        (-math.inf, None, "trial is -inf"),
        (NoScore("no gradient"), None, "no gradient"),
    ],
)
def test_what_is_not_finite_is_no_score(
    result: float | Exception, value: float | None, reason: str, darts: Space
) -> None:
    found = measure(result).score(darts.parse("DARTS_V2"), Task(darts, NetworkSize(2, 3)))
    assert (found.value, found.reason) == (value, reason)


def test_other_failures_are_not_hidden(darts: Space) -> None:
    with pytest.raises(ZeroDivisionError):
        measure(ZeroDivisionError()).score(darts.parse("DARTS_V2"), Task(darts, NetworkSize(2, 3)))


def test_a_proxy_cannot_be_registered_twice() -> None:
    with pytest.raises(ValueError, match="'params' is registered twice"):
        register("params", formula="", source="", cost="", needs_images=False)(lambda genotype, task: 0.0)


def test_an_unknown_proxy_answers_with_the_closest(darts: Space) -> None:
    with pytest.raises(UsageError, match="unknown proxy 'crose': did you mean croze"):
        list(score_all([], ["crose"], Task(darts, NetworkSize(2, 3))))


def test_the_hash_is_fixed_for_all_time() -> None:
    """sha256 of the parts joined by a bar, first 63 bits; old runs could not be repeated if it changed."""
    assert stable_hash(0, "a") == 0x325E_4872_30D4_B525 >> 1
    assert stable_hash(0, "a") != stable_hash(0, "b") != stable_hash(1, "b")
    assert 0 <= stable_hash("x") < 2**63

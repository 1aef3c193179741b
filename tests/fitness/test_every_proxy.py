"""What must hold for every registered proxy."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch

from fitness import NoScore, Proxy, Task, proxies, register, score_all, stable_hash
from spaces import NetworkSize, Space, UsageError
from tests.fitness.conftest import Tasks
from tests.spaces.renaming import random_renaming, rename

NONES = "('none', 0), ('none', 1), "


@pytest.fixture(params=list(proxies))
def proxy(request: pytest.FixtureRequest) -> Proxy:
    return proxies[request.param]


def genotypes(space: Space, n: int = 3) -> list:
    rng = np.random.default_rng(4)
    return [space.random(rng) for _ in range(n)]


def values(proxy: Proxy, given: list, task: Task) -> list[float | None]:
    return [found[proxy.name].value for found in score_all(given, [proxy.name], task)]


def test_the_proxies_of_the_first_floor_are_registered() -> None:
    assert {"croze", "croze-paper", "croze-size", "flops", "live-size", "params"} <= set(proxies)


def test_a_proxy_describes_itself(proxy: Proxy) -> None:
    assert proxies[proxy.name] is proxy
    assert all((proxy.summary, proxy.formula, proxy.source, proxy.cost)) and "\n" not in proxy.summary


def test_random_genotypes_have_finite_scores(proxy: Proxy, space: Space, make_task: Tasks) -> None:
    for scores in score_all(genotypes(space), [proxy.name], make_task(space, dtype=torch.float32)):
        found = scores[proxy.name]
        assert found.value is not None and math.isfinite(found.value), found.reason
        assert found.reason == "" and found.seconds > 0


@pytest.mark.parametrize("name", ["DARTS_V2", "AmoebaNet_A", "CROZE_CIFAR10", "LRNAS_cifar10"])
def test_published_genotypes_have_finite_scores(proxy: Proxy, darts: Space, name: str, make_task: Tasks) -> None:
    task = make_task(darts, 2, 3, n=2, side=8, dtype=torch.float32)
    found = proxy.score(darts.parse(name), task)
    assert found.value is not None and math.isfinite(found.value), found.reason
    assert found.value > 0 or not proxy.name.startswith(("croze", "params", "flops", "live-size"))


def test_a_score_depends_neither_on_order_nor_on_what_was_scored_before(
    proxy: Proxy, space: Space, make_task: Tasks
) -> None:
    task, given = make_task(space), genotypes(space)
    forwards = values(proxy, given, task)
    assert values(proxy, given[::-1], task) == forwards[::-1]
    assert values(proxy, given[1:2], task) == forwards[1:2]


def test_proxies_of_the_same_passes_are_asked_together_for_each_genotype(
    darts: Space, make_task: Tasks, monkeypatch: pytest.MonkeyPatch
) -> None:
    given, built = genotypes(darts), []
    network = Task.network
    monkeypatch.setattr(Task, "network", lambda *a, **b: built.append(a) or network(*a, **b))
    names = ["snip", "params", "grad-norm"]
    found = list(score_all(given, names, make_task(darts)))
    assert len(built) == len(given)
    alone = {name: values(proxies[name], given, make_task(darts)) for name in names}
    assert [[scores[name].value for scores in found] for name in names] == list(alone.values())
    assert [list(scores) for scores in found] == [names] * len(given)


def test_a_score_depends_on_no_global_generator_and_leaves_them_alone(
    proxy: Proxy, space: Space, make_task: Tasks
) -> None:
    task, given = make_task(space), genotypes(space, 2)
    found = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        np.random.seed(seed)
        random.seed(seed)
        before = torch.get_rng_state(), str(np.random.get_state()), random.getstate()
        found.append(values(proxy, given, task))
        assert torch.equal(torch.get_rng_state(), before[0])
        assert (str(np.random.get_state()), random.getstate()) == before[1:]
    assert found[0] == found[1]


def test_a_score_does_not_depend_on_the_number_of_threads(proxy: Proxy, space: Space, make_task: Tasks) -> None:
    task, given, threads, found = (
        make_task(space, dtype=torch.float32),
        genotypes(space, 1),
        torch.get_num_threads(),
        [],
    )
    try:
        for n in (1, 2):
            torch.set_num_threads(n)
            found.append(values(proxy, given, task))
            assert torch.get_num_threads() == n
    finally:
        torch.set_num_threads(threads)
    assert found[0] == found[1]


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


def test_a_renamed_genotype_has_the_same_score(proxy: Proxy, darts: Space, make_task: Tasks) -> None:
    task, rng = make_task(darts), np.random.default_rng(1)
    for genotype in genotypes(darts):
        other = rename(genotype, (random_renaming(genotype.normal, rng), random_renaming(genotype.reduce, rng)))
        assert other != genotype
        assert values(proxy, [other], task) == values(proxy, [genotype], task)


def test_a_cell_with_swapped_nodes_has_the_same_score(proxy: Proxy, nasbench201: Space, make_task: Tasks) -> None:
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
        assert values(proxy, [swapped], task) == values(proxy, [cell], task)


def test_the_seed_decides_the_weights(proxy: Proxy, space: Space, make_task: Tasks) -> None:
    given = genotypes(
        space, 1
    )  # and two images in each half: of one alone RobNet's pooled BatchNorm leaves nothing
    first, again, other = (values(proxy, given, make_task(space, 2, n=4, side=8, seed=seed)) for seed in (0, 0, 1))
    assert first == again
    assert (first != other) == (proxy.cost != "no network")


def test_images_are_asked_for_only_where_they_are_needed(proxy: Proxy, space: Space) -> None:
    task = Task(space, NetworkSize(2, 3))
    if proxy.needs_images:
        with pytest.raises(UsageError, match="--dataset"):
            proxy.score(genotypes(space)[0], task)
    else:
        assert proxy.score(genotypes(space)[0], task).value is not None


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
def test_cells_of_none_have_a_finite_score_or_a_reason(
    proxy: Proxy, space: Space, make_task: Tasks, dtype: torch.dtype
) -> None:
    for text in dead_cells(space):
        found = proxy.score(space.parse(text), make_task(space, 2, side=8, dtype=dtype))
        if found.value is None:
            assert found.reason
        else:
            assert math.isfinite(found.value) and not found.reason


def test_images_that_are_no_numbers_give_a_reason_and_no_score(
    proxy: Proxy, space: Space, make_task: Tasks
) -> None:
    task = make_task(space)
    assert task.batch is not None
    broken = replace(task, batch=task.batch._replace(images=task.batch.images * math.nan))
    found = proxy.score(genotypes(space)[0], broken)
    assert (found.value is None and bool(found.reason)) == proxy.needs_images


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

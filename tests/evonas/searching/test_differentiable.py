"""Differentiable search: seeds, what gamma changes, resumes, limits and what is refused."""

from __future__ import annotations

import io
import json
import math
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from rich.console import Console
from torch import nn
from torch.nn import functional as F

import evonas
from evonas import EvonasError, SearchSettings, UsageError
from evonas.core.events import Event, Listener, Message, Observers
from evonas.core.quantities import duration
from evonas.reporting.facts import gather
from evonas.reporting.fronts import headline_text
from evonas.reporting.html.evolution import evolution
from evonas.reporting.html.pareto import pareto
from evonas.reporting.live import LiveView
from evonas.reporting.methods import methods
from evonas.reporting.overview import Overview
from evonas.reporting.plain import PlainLines
from evonas.reporting.summary import summarise
from evonas.searching.algorithms import algorithms
from evonas.searching.differentiable.replaced import Replaced
from evonas.searching.differentiable.robustness import Certificate, Examples, both, certified, jacobian
from evonas.searching.differentiable.training import Losses, Training
from evonas.searching.events import GenerationDone
from evonas.searching.memory import DIRECTORY
from evonas.searching.options import with_options
from evonas.searching.resolve import resolve
from evonas.searching.supplies import Supplies
from evonas.store.run import Run
from evonas.testing import algorithm as contract
from evonas.testing.algorithm import Crash, Trial
from evonas.verification.finding import UNCHECKED
from spaces import Network, NetworkSize, spaces
from spaces.arithmetic import PLAIN, Arithmetic
from spaces.supernet import Mixed, Supernet

OPTIONS = {"search_channels": 2, "search_layers": 3, "epochs": 2, "images": 16, "batch": 8, "alpha_lr": 0.3}
TINY: dict[str, Any] = {
    "algorithm": "darts", "proxy": "params", "dataset": "digits", "image_size": 8, "channels": 2, "layers": 3,
    "generations": 2, "device": "cpu", "seed": 3,
}  # fmt: skip


def settings(**changes: Any) -> SearchSettings:
    options = {**OPTIONS, **changes.pop("options", {})}
    return SearchSettings(**{**TINY, **changes}, options=options)


def content(run: Path) -> dict[str, list[Any]]:
    """With the digests of the arrays of each generation."""
    return Trial.content(run)


def states(run: Path) -> list[dict[str, Any]]:
    with Run.read(run) as store:
        return [dict(store.state(row.generation)) for row in store.generations()]


@pytest.mark.slow
@pytest.mark.parametrize("holds", contract.PROPERTIES, ids=lambda holds: holds.__name__)
@pytest.mark.parametrize("name", ["darts", "dsrna"])
def test_differentiable_search_keeps_the_contract_of_an_algorithm(
    name: str, holds: Callable[[Trial], None], tmp_path: Path
) -> None:
    holds(Trial(settings(algorithm=name), tmp_path))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A search by darts that nothing interrupted."""
    path = tmp_path_factory.mktemp("differentiable") / "darts"
    evonas.search(settings(), path)
    return path


EPOCH = 1000.0  # seconds of a clock that only epochs move


class Frames(Listener):
    """The live view at the end of each generation."""

    def __init__(self) -> None:
        self.console = Console(file=io.StringIO(), width=100, height=30)
        self.view, self.frames = LiveView(self.console), list[str]()

    def __call__(self, event: Event) -> None:
        self.view(event)
        if isinstance(event, GenerationDone):
            lines = self.console.render_lines(self.view.render(0), pad=False)
            self.frames.append("\n".join("".join(part.text for part in line) for line in lines))


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str], str]:
    """One epoch of a search by dsrna with both terms; its plain lines and the last frame of the live view."""
    path, lines, frames = tmp_path_factory.mktemp("differentiable") / "dsrna", list[str](), Frames()
    epochs, now = Training.train_epoch, [0.0]

    def epoch(training: Training) -> Losses:
        now[0] += EPOCH
        return epochs(training)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Training, "train_epoch", epoch)
        patch.setattr("evonas.searching.loop.time", SimpleNamespace(perf_counter=lambda: now[0]))
        chosen = settings(algorithm="dsrna", generations=1, options={"gamma": 1.0})
        evonas.search(chosen, path, Observers(PlainLines(lines.append), frames))
    return path, lines, frames.frames[-1]


@pytest.fixture(scope="module")
def robust(watched: tuple[Path, list[str], str]) -> Path:
    """The run of `watched`."""
    return watched[0]


def test_an_epoch_is_a_generation_and_the_last_genotype_is_the_result(whole: Path) -> None:
    with Run.read(whole) as store:
        born, rows = list(store.individuals()), store.generations()
        assert [row.generation for row in rows] == [0, 1, 2] == [one.birth for one in born]
        leading = [one.birth for one in store.leading(5)]
        best = store.best()
    assert best is not None and leading == sorted(leading, reverse=True) and leading[0] == best.birth == 2
    assert max(born, key=lambda one: one.params).birth == 0  # with this seed
    assert json.loads((whole / "best.json").read_text())["genotype"] == str(born[2].genotype)
    assert [state["epoch"] for state in states(whole)] == [0, 1, 2]
    losses = [state["losses"] for state in states(whole)]
    assert losses[0] is None and losses[1]["training"] > 0 and losses[1]["robustness"] is None
    assert sorted(file.name for file in (whole / DIRECTORY).iterdir()) == ["1.safetensors", "2.safetensors"]


def test_robustness_moves_the_architecture_and_gamma_0_is_darts(whole: Path, robust: Path, tmp_path: Path) -> None:
    zero = settings(algorithm="dsrna", generations=1, options={"gamma": 0.0})
    plain = content(evonas.search(zero, tmp_path / "zero", [].append).path)
    assert plain == {name: rows[:2] for name, rows in content(whole).items()}
    ours, theirs = states(robust), states(whole)
    assert ours[0]["arrays"] == theirs[0]["arrays"] and ours[1]["arrays"] != theirs[1]["arrays"]
    assert math.isfinite(ours[1]["losses"]["robustness"])


@pytest.mark.parametrize("name", ["darts", pytest.param("dsrna", marks=pytest.mark.slow)])
def test_a_search_that_stopped_anywhere_ends_the_same(
    name: str, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the middle of an epoch, and between the file of the arrays and the commit."""
    gamma = {"gamma": 1.0} if name == "dsrna" else {}
    same = evonas.search(settings(algorithm=name, options=gamma), tmp_path / "same").path if gamma else whole
    steps, commit, calls = Training._weights_step, Run.commit, {"steps": 0, "commits": 0}

    def step(training: Training, examples: Examples) -> torch.Tensor:
        calls["steps"] += 1
        if calls["steps"] == 2:
            raise Crash
        return steps(training, examples)

    def commits(run: Run, *arguments: Any, **facts: Any) -> None:
        calls["commits"] += 1
        if calls["commits"] == 3:
            raise Crash
        commit(run, *arguments, **facts)

    monkeypatch.setattr(Training, "_weights_step", step)
    monkeypatch.setattr(Run, "commit", commits)
    for again in range(3):
        try:
            if again:
                evonas.resume(tmp_path / "run")
            else:
                evonas.search(settings(algorithm=name, options=gamma), tmp_path / "run")
        except Crash:
            assert again < 2
    assert content(tmp_path / "run") == content(same)


def test_lost_arrays_are_computed_again(whole: Path, tmp_path: Path) -> None:
    said: list[Event] = []
    shutil.copytree(whole, tmp_path / "run")
    file = tmp_path / "run" / DIRECTORY / "2.safetensors"
    before = file.read_bytes()
    file.write_bytes(before[:-1] + bytes([before[-1] ^ 1]))
    evonas.resume(tmp_path / "run", said.append)  # is complete, and needs no state
    evonas.resume(tmp_path / "run", said.append, generations=3)
    texts = [one.text for one in said if isinstance(one, Message)]
    assert sum("3 generations of the algorithm are repeated" in text for text in texts) == 1
    assert content(tmp_path / "run")["births"][:3] == content(whole)["births"]


def test_a_run_is_verified_by_training_again(whole: Path) -> None:
    assert evonas.verify(whole).passed


def test_what_is_reported_says_that_the_result_is_the_latest_genotype(whole: Path) -> None:
    facts = gather(whole)
    assert "was searched by the algorithm darts" in methods(facts)
    assert "whose result is its latest genotype, with scores by params" in methods(facts)
    summary = facts.summary
    assert summary.best is not None and summary.latest
    assert headline_text(summary.best, summary.objectives, None, summary.latest).startswith("latest ")
    assert summary.as_json()["headline"] == "latest"


def test_the_time_of_a_generation_has_that_of_its_epoch(watched: tuple[Path, list[str], str]) -> None:
    path, lines, frame = watched
    with Run.read(path) as store:
        assert [row.seconds for row in store.generations()] == [0, EPOCH]
    assert next(line for line in lines if line.startswith("generation 1: ")).endswith(duration(EPOCH))
    assert duration(EPOCH) in frame
    console = Console(file=io.StringIO(), width=100)
    with console.capture() as shown:
        console.print(Overview(summarise(path)))
    assert f"{duration(EPOCH)} per generation" in shown.get() and "per evaluation" not in shown.get()


def test_no_view_of_a_search_whose_result_is_its_latest_birth_calls_one_best(
    watched: tuple[Path, list[str], str],
) -> None:
    path, lines, frame = watched
    console = Console(file=io.StringIO(), width=100)
    with console.capture() as shown:
        console.print(Overview(summarise(path)))
    report = evolution(gather(path)) + pareto(gather(path))
    for text in ("\n".join(lines), frame, shown.get(), report):
        assert "best" not in text and "generation" in text
    assert "latest" in frame and "train the latest genotype with" in shown.get() and "latest network" in report


def test_a_seed_decides_everything(whole: Path, tmp_path: Path) -> None:
    torch.manual_seed(1)
    for seed in (3, 1):
        evonas.search(settings(generations=0, seed=seed), tmp_path / str(seed))
    same, other = states(tmp_path / "3"), states(tmp_path / "1")
    assert other[0]["arrays"] != same[0]["arrays"] == states(whole)[0]["arrays"]


def test_other_images_are_refused(whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from evonas.data.digits import Digits

    shutil.copytree(whole, tmp_path / "run")
    images = Digits.images
    monkeypatch.setattr(Digits, "images", lambda *a, **k: 255 - images(*a, **k))
    with pytest.raises(EvonasError, match="learned from other images than those of digits"):
        evonas.resume(tmp_path / "run", generations=3)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"space": "nasbench201"}, "which the space nasbench201 does not have; use --space darts"),
        ({"population": 4}, "one birth per epoch; omit --population"),
        ({"options": {"images": 2000}}, "images=2000 is larger than the 1438 training images"),
        ({"options": {"images": 3}}, "from 4 to"),
        ({"options": {"search_layers": 2}}, "at least 3 layers"),
        ({"algorithm": "dsrna", "options": {"gamma": -1.0}}, "gamma must be a number from 0"),
        ({"algorithm": "dsrna", "options": {"robustness": "all"}}, "robustness"),
        ({"objectives": "params,-flops"}, "has one objective"),
    ],
)
def test_what_makes_no_sense_is_refused_before_a_run_begins(
    changes: dict[str, Any], text: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=text):
        evonas.search(settings(**changes), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_shorter_search_than_its_schedule_is_doubted() -> None:
    resolved = with_options(resolve(settings(generations=1, options={"epochs": 9})))
    assert algorithms["darts"].check(resolved) == [
        "the learning rate falls over 9 epochs, but the search has 1; add --option epochs=1"
    ]


def test_a_loss_that_is_not_finite_ends_the_search_with_one_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Training, "lr", math.inf)
    with pytest.raises(EvonasError, match="no longer finite in epoch 2; epoch 1 is kept") as error:
        evonas.search(settings(), tmp_path / "run")
    assert "--option lr=0.006" in str(error.value) and "\n" not in str(error.value)
    assert len(states(tmp_path / "run")) == 2


def test_a_genotype_that_the_limits_refuse_gives_way_to_a_smaller_one(whole: Path, tmp_path: Path) -> None:
    with Run.read(whole) as store:
        first = next(store.individuals())
    limit = first.params - 1
    evonas.search(settings(generations=0, max_params=limit), tmp_path / "run")
    with Run.read(tmp_path / "run") as store:
        (other,) = store.individuals()
    assert other.params <= limit and other.genotype in spaces["darts"].neighbours(first.genotype)


def test_the_terms_are_those_of_the_formulas() -> None:
    generator = torch.Generator().manual_seed(0)
    network = spaces["darts"].supernet(NetworkSize(2, 3, 3, 8), generator=generator)
    pixels, labels = torch.rand(4, 3, 8, 8, generator=generator), torch.tensor([0, 1, 2, 0])
    examples = Examples(pixels, labels, torch.full((1, 3, 1, 1), 0.5), torch.full((1, 3, 1, 1), 0.2))
    with torch.no_grad():
        logits, at_zero = certified(network, examples, Certificate(0.0), raw=True)
    wrong = logits.scatter(1, labels[:, None], -torch.inf).amax(1)
    margins = logits.gather(1, labels[:, None]).squeeze(1) - wrong
    torch.testing.assert_close(at_zero, margins.mean(), rtol=1e-4, atol=1e-5)
    with torch.no_grad():
        margin, slopes = certified(network, examples, Certificate(1.0))[1], jacobian(network, examples)[1]
        assert certified(network, examples, Certificate(1.0), raw=True)[1] < margin < at_zero
        assert jacobian(network, examples, raw=True)[1] <= -torch.exp(-slopes)  # Jensen
    together = both(network, examples, Certificate(1.0))[1]
    torch.testing.assert_close(together, margin + slopes)
    gradient = torch.autograd.grad(together, [one for _, one in network.architecture()])
    assert all(float(one.abs().sum()) > 0 for one in gradient)


class Blend(Network):
    """Two mixed layers of 3 channels without kinks, and the mean of each channel."""

    def __init__(self) -> None:
        super().__init__()
        self.edges = nn.ModuleList(
            Mixed("normal", edge, [nn.Sequential(nn.Conv2d(3, 3, size, padding=size // 2), nn.Tanh()), *others], 3)
            for edge, size, others in ((0, 1, [nn.Identity()]), (1, 3, [nn.BatchNorm2d(3)]))
        )

    def forward(self, x: Any, arithmetic: Arithmetic = PLAIN) -> Any:
        for edge in self.edges:
            x = edge(x, arithmetic)
        return 3 * x.mean((2, 3))


class Toy(Supernet):
    """A supernet without genotypes."""

    def genotype(self) -> Any:
        raise NotImplementedError

    def likelihood(self, genotype: Any) -> float:
        raise NotImplementedError


@pytest.mark.parametrize("started", [False, True], ids=["first step", "with momentum"])
def test_second_order_has_the_gradient_of_the_unrolled_step(
    started: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Against derivatives of derivatives, in float64."""
    generator = torch.manual_seed(0)
    supernet = Toy(Blend(), generator).double()
    options = algorithms["darts"].Options(images=16, batch=4, order=2, lr=0.5, weight_decay=0.1)
    training = Training(supernet, Supplies(resolve(settings())), options, 1)
    one = torch.ones(1, 3, 1, 1, dtype=torch.float64)
    first, second = (
        Examples(torch.rand(4, 3, 5, 5, dtype=torch.float64), torch.tensor([0, 1, 2, 0]), one / 2, one / 4)
        for _ in range(2)
    )
    if started:
        training._weights_step(first)
    buffers = [buffer.clone() for buffer in supernet.buffers()]
    found, (loss, _) = training.architecture_gradients(second, first)
    assert all(torch.equal(now, then) for now, then in zip(supernet.buffers(), buffers, strict=True))

    layers, architecture = dict(training.layers), [value for _, value in training.architecture]
    slopes = torch.autograd.grad(
        F.cross_entropy(supernet(first.images), first.labels), list(layers.values()), create_graph=True
    )
    moments = [training.of_layers.state[value].get("momentum_buffer", 0.0) for value in layers.values()]
    after = {
        name: value.detach() - 0.5 * (slope + 0.1 * value.detach() + 0.9 * moment)
        for (name, value), slope, moment in zip(layers.items(), slopes, moments, strict=True)
    }
    exact_loss = F.cross_entropy(Replaced(supernet, after)(second.images), second.labels)
    exact = torch.autograd.grad(exact_loss, architecture, retain_graph=True)
    torch.testing.assert_close(loss, exact_loss.detach())
    torch.testing.assert_close(found, list(exact), rtol=1e-3, atol=1e-6)
    options = replace(options, order=1)
    monkeypatch.setattr(training, "numbers", options)
    alone, _ = training.architecture_gradients(second, first)
    assert any(float((a - b).abs().max()) > 0.01 * float(b.abs().max()) for a, b in zip(alone, exact, strict=True))


def test_second_order_moves_the_architecture_otherwise(whole: Path, tmp_path: Path) -> None:
    evonas.search(settings(generations=1, options={"order": 2}), tmp_path / "second", [].append)
    ours, theirs = states(tmp_path / "second")[1], states(whole)[1]
    assert ours["arrays"] != theirs["arrays"] and math.isfinite(ours["losses"]["validation"])


@pytest.mark.parametrize("linear", [False, True], ids=["intervals", "linear"])
def test_bounds_are_those_of_weights_that_stand_for_others(linear: bool) -> None:
    """As in second order: all weights of a step, also those that a bound reads last."""
    generator = torch.Generator().manual_seed(0)
    network = spaces["darts"].supernet(NetworkSize(2, 3, 3, 8), generator=generator)
    pixels, labels = torch.rand(4, 3, 8, 8, generator=generator), torch.tensor([0, 1, 2, 0])
    examples = Examples(pixels, labels, torch.full((1, 3, 1, 1), 0.5), torch.full((1, 3, 1, 1), 0.2))
    other = Replaced(network, {name: one.detach().sin() + one for name, one in network.layers()})
    with torch.no_grad():
        logits, margin = certified(other, examples, Certificate(0.0, linear, images=2), raw=True)
        expected = other(examples.images)
        wider = certified(other, examples, Certificate(1.0, linear, images=2))[1]
    torch.testing.assert_close(logits, expected, rtol=1e-4, atol=1e-5)
    margins = expected.gather(1, labels[:, None]) - expected.scatter(1, labels[:, None], -torch.inf)
    torch.testing.assert_close(margin, margins.amin(1)[:2].mean(), rtol=1e-4, atol=1e-4)
    assert logits.dtype == margin.dtype == torch.float32 and wider < margin


@pytest.mark.slow
def test_margins_that_are_too_large_for_float32_are_computed_in_float64(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = torch.Generator().manual_seed(0)
    network = spaces["darts"].supernet(NetworkSize(2, 3, 3, 8), generator=generator)
    pixels, one = torch.rand(1, 3, 8, 8, generator=generator), torch.ones(1, 3, 1, 1)
    examples = Examples(pixels, torch.tensor([1]), one / 2, one / 5)
    with torch.no_grad():
        expected, raw = (certified(network, examples, Certificate(1.0), raw)[1] for raw in (False, True))
    monkeypatch.setattr("evonas.searching.differentiable.robustness.LARGEST", 0.0)
    logits, found = certified(network, examples, Certificate(1.0))
    assert logits.dtype == found.dtype == torch.float32
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=0)
    torch.testing.assert_close(expected, -torch.log1p(-raw))
    assert float(torch.autograd.grad(found, network.alphas["normal"])[0].abs().max()) > 0


def test_a_gpu_is_not_repeated_by_verify(whole: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from evonas.verification import replay

    with Run.read(whole) as store:
        one = SearchSettings(**{**vars(store.settings), "device": "cuda"})
        (finding,) = replay.compare(store, one)
    assert finding.status == UNCHECKED and "does not repeat its last digits" in finding.detail

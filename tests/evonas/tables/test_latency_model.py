"""``evonas latency-model``: exact where a device is additive, and used by a search."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import evonas
from evonas import EvonasError, SearchSettings, TabulateSettings, UsageError
from evonas.core.digests import digest
from evonas.searching.latency.clock import Timing
from evonas.searching.latency.model import LatencyModel
from evonas.searching.objectives import latency
from evonas.searching.objectives.named import fitness_for
from spaces import Space, spaces
from tests.evonas.cli.test_cli import run

COSTS = {"none": 0.0, "skip_connect": 0.0, "nor_conv_1x1": 0.5, "nor_conv_3x3": 1.25, "avg_pool_3x3": 0.75}


def written(path: Path, space: Space, count: int, latency: Callable[[Any], float]) -> Path:
    rng = np.random.default_rng(0)
    genotypes = {str(one): one for one in (space.random(rng) for _ in range(count))}
    rows = [f'"{text}",{latency(one)}' for text, one in genotypes.items()]
    path.write_text("\n".join(["genotype,ms", *rows]) + "\n")
    return path


def additive(genotype: Any) -> float:
    (graph,) = spaces["nasbench201"].graphs(genotype)
    return 2.0 + sum(COSTS[arrow.operation] for arrow in graph.arrows)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Cells whose latency is a sum over their operations."""
    return written(tmp_path / "table.csv", spaces["nasbench201"], 60, additive)


def test_costs_of_an_additive_device_are_found_exactly(table: Path, tmp_path: Path) -> None:
    found = evonas.fit_latency(table, "ms", tmp_path / "model.json", sample=30)
    assert found.constant == pytest.approx(2.0) and not found.by_source and found.networks == 30
    assert {name.removeprefix("cell: "): cost for name, cost in found.costs.items()} == pytest.approx(
        COSTS, abs=1e-9
    )
    assert found.error.largest < 1e-9 < found.error.spread and found.error.networks > 20
    assert LatencyModel.read(tmp_path / "model.json") == found
    space = spaces["nasbench201"]
    genotype = space.random(np.random.default_rng(9))
    assert found.of(genotype, space) == pytest.approx(additive(genotype))
    assert evonas.fit_latency(table, "ms", sample=30, seed=1).error != found.error


def test_operations_on_inputs_have_costs_of_their_own_where_that_is_better(tmp_path: Path) -> None:
    space = spaces["darts"]

    def strided(genotype: Any) -> float:
        normal, reduction = space.graphs(genotype)
        slow = [arrow for arrow in reduction.arrows if arrow.source < 2 and arrow.operation == "skip_connect"]
        return 1.0 + 0.1 * sum(arrow.operation == "sep_conv_5x5" for arrow in normal.arrows) + len(slow)

    found = evonas.fit_latency(written(tmp_path / "darts.csv", space, 150, strided), "ms", space="darts")
    assert found.by_source and found.error.largest < 1e-6
    strided_skip, plain = (found.costs[f"reduction cell: skip_connect{end}"] for end in (" from an input", ""))
    assert strided_skip - plain == pytest.approx(1.0)


def test_a_search_takes_it_as_objective_and_as_limit(table: Path, tmp_path: Path) -> None:
    path = tmp_path / "model.json"
    model = evonas.fit_latency(table, "ms", path)
    text, small = f"latency-model:{path}", {"space": "nasbench201", "population": 6, "channels": 2, "layers": 1}
    both = SearchSettings(objectives=f"params,-{text}", algorithm="nsga2", generations=2, children=6, **small)
    summary = evonas.search(both, tmp_path / "front")
    for one in evonas.summarise(tmp_path / "front").front:
        assert one.values["latency-model:model"] == pytest.approx(model.of(one.genotype, spaces["nasbench201"]))
    assert summary.best is not None and evonas.verify(tmp_path / "front", 3).passed
    limited = SearchSettings(
        proxy="params", constraints=(f"{text}<=5",), generations=3, children=3, tournament=3, **small
    )
    result = evonas.search(limited, tmp_path / "within")
    assert result.best is not None and model.of(result.best.genotype, spaces["nasbench201"]) <= 5
    evonas.fit_latency(table, "ms", path, sample=20)
    with pytest.raises(EvonasError, match="scored by another latency model"):
        evonas.resume(tmp_path / "front", generations=3)


COSTLY = {"sep_conv_5x5": 0.5, "sep_conv_3x3": 0.25, "dil_conv_5x5": 0.375, "dil_conv_3x3": 0.125}
SMALL = {"space": "darts", "channels": 2, "layers": 3, "image_size": 8}


@pytest.fixture
def board(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """An additive device; the genotypes that were measured."""
    found: list[str] = []

    def timing(genotype: Any, task: Any, backend: Any, protocol: Any) -> Timing:
        found.append(str(genotype))
        normal, reduction = task.space.graphs(genotype)
        median = 2.0 + sum(COSTLY.get(arrow.operation, 0.0) for arrow in normal.arrows)
        median += sum(COSTLY.get(arrow.operation, 0.0) / 2 for arrow in reduction.arrows)
        return Timing(median, 2 * median)

    monkeypatch.setattr(latency, "timing", timing)
    return found


def test_genotypes_are_measured_and_the_model_is_a_limit_and_an_objective(
    board: list[str], tmp_path: Path
) -> None:
    table, path, space = tmp_path / "lat.csv", tmp_path / "model.json", spaces["darts"]
    settings = TabulateSettings(latency="torch", **SMALL)
    model = evonas.fit_latency(table, out=path, measure=60, sample=40, settings=settings)
    assert model.column == "latency_ms.torch" and (model.networks, model.error.networks) == (40, 20)
    assert model.error.largest < 1e-4 < model.error.spread and len(board) == len(set(board)) == 60
    assert model.settings["channels"] == 2 and model.settings["latency"]["backend"] == "torch"
    assert model.costs["normal cell: sep_conv_5x5"] == pytest.approx(0.5, abs=1e-4)
    assert model.costs["reduction cell: dil_conv_3x3"] == pytest.approx(0.0625, abs=1e-4)
    assert evonas.fit_latency(table, sample=40).costs == model.costs  # the only column of times that is no p95
    assert evonas.fit_latency(table, measure=60, sample=40, settings=settings) == model and len(board) == 60
    evonas.fit_latency(table, "latency_ms.torch.p95", measure=61, settings=settings)
    assert len(board) == 61
    text = f"latency-model:{path}"
    small: dict[str, Any] = {**SMALL, "population": 6, "children": 3, "generations": 2}
    limited = SearchSettings(objectives=f"params,-{text}", algorithm="nsga2", constraints=(f"{text}<=4",), **small)
    evonas.search(limited, tmp_path / "run")
    for one in evonas.summarise(tmp_path / "run").front:
        assert one.values["latency-model:model"] == pytest.approx(model.of(one.genotype, space))
        assert model.of(one.genotype, space) <= 4
    assert evonas.verify(tmp_path / "run", 3).passed and len(board) == 61
    content = json.loads(path.read_text())
    other = {**content, "constant": 3.0}
    path.write_text(json.dumps({**other, "sha256": digest({key: other[key] for key in other if key != "sha256"})}))
    wrong = [one.detail for one in evonas.verify(tmp_path / "run", 3).findings if one.detail.count("SHA-256")]
    assert wrong and "was scored by another latency model" in wrong[0]


def test_a_model_of_networks_of_another_size_is_doubted(board: list[str], tmp_path: Path) -> None:
    path = tmp_path / "model.json"
    evonas.fit_latency(
        tmp_path / "lat.csv", out=path, measure=40, settings=TabulateSettings(latency="torch", **SMALL)
    )
    doubt = fitness_for(SearchSettings(proxy=f"-latency-model:{path}", **{**SMALL, "layers": 5})).check(
        spaces["darts"]
    )
    assert doubt == [f"{path} was fitted on networks of layers 3, and those of this search have layers 5"]
    assert not fitness_for(SearchSettings(proxy=f"-latency-model:{path}", **SMALL)).check(spaces["darts"])


def test_what_cannot_be_measured_is_one_message(table: Path, board: list[str], tmp_path: Path) -> None:
    settings = TabulateSettings(latency="torch", **SMALL)
    with pytest.raises(UsageError, match=r"table.csv exists, and .*latencies.db does not have its latencies"):
        evonas.fit_latency(table, measure=20, settings=settings)
    with pytest.raises(UsageError, match="settings say what --measure measures"):
        evonas.fit_latency(table, "ms", settings=settings)
    with pytest.raises(UsageError, match="--measure needs --latency"):
        evonas.fit_latency(tmp_path / "new.csv", measure=20, settings=TabulateSettings(**SMALL))
    (tmp_path / "none.csv").write_text(table.read_text().replace("ms", "value"))
    with pytest.raises(UsageError, match="no column is a time by its name; name the one to fit with --column"):
        evonas.fit_latency(tmp_path / "none.csv")
    assert board == []


def test_an_operation_without_a_cost_has_no_score(table: Path, tmp_path: Path) -> None:
    path = tmp_path / "model.json"
    model = evonas.fit_latency(table, "ms")
    del model.costs["cell: nor_conv_3x3"]  # type: ignore[attr-defined]
    model.write(path)
    settings = SearchSettings(proxy=f"-latency-model:{path}", space="nasbench201", population=10, generations=0)
    evonas.search(settings, tmp_path / "run")
    assert 0 < evonas.summarise(tmp_path / "run").failures < 10


def test_what_cannot_be_fitted_or_read_is_one_message(table: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--sample asks for 1000"):
        evonas.fit_latency(table, "ms", sample=1000)
    with pytest.raises(UsageError, match="unknown column"):
        evonas.fit_latency(table, "seconds")
    path = tmp_path / "model.json"
    evonas.fit_latency(table, "ms", path)
    with pytest.raises(UsageError, match="fitted in the space nasbench201"):
        evonas.search(
            SearchSettings(proxy=f"-latency-model:{path}", population=4, generations=0), tmp_path / "run"
        )
    content = json.loads(path.read_text())
    path.write_text(json.dumps({**content, "constant": 3.0}))
    with pytest.raises(UsageError, match="its digest does not match"):
        LatencyModel.read(path)
    path.write_text("[]")
    with pytest.raises(UsageError, match="is not a latency model"):
        LatencyModel.read(path)


def test_the_command(table: Path, tmp_path: Path) -> None:
    done = run("latency-model", str(table), "--column", "ms", "--out", "model.json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "cell: nor_conv_3x3" in done.stdout and "mean error" in done.stdout
    done = run("latency-model", str(table), "--column", "ms", "--json", cwd=tmp_path)
    assert json.loads(done.stdout) == json.loads((tmp_path / "model.json").read_text())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("device", "constant", "costs"),
    [("fpga", 1.133, (1.2576, 0.5152, 0.4096)), ("eyeriss", 1.6796, (1.4746, 0.24575, 1.4746))],
)
def test_the_closed_forms_of_additive_devices_are_found(
    device: str, constant: float, costs: tuple[float, ...], shared: Path
) -> None:
    path = shared / "data" / "nasbench201_latency.csv.gz"
    found = evonas.fit_latency(path, f"latency_ms.{device}", sample=100)
    operations = ("nor_conv_3x3", "nor_conv_1x1", "avg_pool_3x3", "skip_connect", "none")
    assert found.constant == pytest.approx(constant, abs=1e-4)
    assert [found.costs[f"cell: {name}"] for name in operations] == pytest.approx([*costs, 0, 0], abs=2e-4)
    assert found.error.networks == 15_525 and found.error.largest < 2e-4

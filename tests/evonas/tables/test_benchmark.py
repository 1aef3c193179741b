"""`evonas benchmark`: trials on a table, what they are told, what is reported of them."""

from __future__ import annotations

import importlib
import json
import math
from collections.abc import Iterator
from itertools import combinations, product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import evonas
from evonas import EvonasError, UsageError
from evonas.core.digests import code_digest
from evonas.engine import InProcess, Processes
from evonas.engine.base import loss
from evonas.evaluation.corruptions import corruptions
from evonas.searching.algorithm import Algorithm, Birth
from evonas.searching.algorithms import algorithms
from evonas.store.objective import Objective
from evonas.tables import trial as trials
from evonas.tables.arena import Arena
from evonas.tables.benchmark import Benchmark, TrialFinished
from evonas.tables.contenders import contenders
from evonas.tables.standings import expected, standing
from evonas.tables.trial import Job, Trial, run_trial
from evonas.tables.trial_file import TrialFile
from spaces import Space, spaces
from spaces.nasbench201.genotype import OPERATIONS, Cell
from tests.evonas.asking import ASKING
from tests.evonas.cli.test_cli import run

SPACE = spaces["nasbench201"]
CELLS = [
    Cell((*operations, "skip_connect", "none", "nor_conv_1x1")) for operations in product(OPERATIONS, repeat=3)
]
FAST = ["random", "local-search", "regularized-evolution"]
SMALL: dict[str, Any] = {"evaluations": 30, "trials": 4}


def number(cell: Cell) -> float:
    """One best cell, others by how many of its operations they have."""
    return 80 + 2.0 * sum(map(str.__eq__, cell.operations, CELLS[57].operations)) - 0.001 * CELLS.index(cell)


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """125 cells: clean, an attacked accuracy that falls with it, a constant."""
    path = tmp_path_factory.mktemp("tables") / "cells.csv"
    rows = [f"{cell},{number(cell):.4f},{150 - number(cell):.4f},7,{i % 3}" for i, cell in enumerate(CELLS)]
    path.write_text("\n".join(["arch_str,clean,fgsm,val,error", *rows]) + "\n")
    return path


@pytest.fixture(scope="module")
def latencies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of 100 of them, in another order."""
    path = tmp_path_factory.mktemp("tables") / "latencies.csv"
    path.write_text(
        "\n".join(["arch_str,clean,pixel_ms", *(f"{c},1,{i + 0.5}" for i, c in enumerate(CELLS[:100]))])
    )
    return path


def but_times(result: Benchmark) -> dict[str, Any]:
    return {name: part for name, part in result.as_dict().items() if name != "seconds"}


def in_memory(algorithm: str, arena: Arena, values: np.ndarray, evaluations: int, number: int = 0) -> Trial:
    (one,) = contenders([algorithm], {}, arena.space_name)
    return run_trial(Job(one.algorithm, one.options, Objective("clean"), 0, number, evaluations), arena, values)


@pytest.mark.parametrize("name", ASKING)
def test_every_algorithm_queries_so_many_different_rows_of_the_table(name: str) -> None:
    asked: list[float] = []

    class Recorded(np.ndarray):
        def __getitem__(self, row: Any) -> Any:
            asked.append(row)
            return super().__getitem__(row)

    small = {"boosted": {"rounds": 5}, "guided": {"candidates": 50}, "warmup-move": {"warmup": 70}}
    small["ag-net"] = {"pretraining": 50, "pretraining_epochs": 0, "epochs": 1}
    given = {f"{name}.{option}": value for option, value in small.get(name, {}).items()}
    (one,) = contenders([name], given, "nasbench201")
    values = np.array([number(cell) for cell in CELLS]).view(Recorded)
    found = run_trial(
        Job(name, one.options, Objective("clean"), 0, 0, 40), Arena("nasbench201", tuple(CELLS)), values
    )
    assert found.queries == 40 == len({*asked})
    best = [float(values[row]) for _, row in found.improvements]
    assert best == sorted(set(best)) and found.improvements[0][0] == 1


def test_default_sizes_fit_few_queries_and_give_way_to_a_population_that_is_asked_for() -> None:
    def sizes(name: str, **given: int) -> dict[str, Any]:
        (one,) = contenders([name], {f"{name}.{option}": size for option, size in given.items()}, "nasbench201")
        return one.as_dict()["options"]

    evolution = "regularized-evolution"
    assert sizes(evolution) == {"population": 30, "children": 1, "tournament": 10}
    assert sizes(evolution, population=5) == {"population": 5, "children": 1, "tournament": 5}
    assert sizes("random", population=20, children=3) == {"population": 20, "children": 3}
    assert all(sizes(name)["population"] <= 64 for name in ASKING)


def test_an_algorithm_that_learns_from_images_is_refused() -> None:
    with pytest.raises(UsageError, match="darts learns from images, and a table has none"):
        contenders(["darts"], {}, "nasbench201")


def test_a_repeated_birth_costs_no_query_and_is_told_its_value(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Any] = []

    class Stubborn(Algorithm):
        def ask(self) -> list[Birth]:
            return [Birth(CELLS[len(told) // 2])]

        def tell(self, born: Any) -> None:
            told.extend(born)

        def alive(self) -> list[int]:
            return []

        def load_state_dict(self, *_: Any) -> None:
            raise NotImplementedError

    monkeypatch.setitem(trials.algorithms._entries, "random", Stubborn)
    values = np.arange(125.0)
    found = in_memory("random", Arena("nasbench201", tuple(CELLS)), values, 3)
    assert found[:2] == (3, ((1, 0), (2, 1), (3, 2)))
    assert [(one.values["clean"], one.cached) for one in told] == [
        (0, False), (0, True), (1, False), (1, True), (2, False),
    ]  # fmt: skip
    monkeypatch.setattr(trials, "MAX_REPEATS", 5)
    monkeypatch.setattr(Stubborn, "ask", lambda self: [Birth(CELLS[0])])
    assert in_memory("random", Arena("nasbench201", tuple(CELLS)), values, 3).queries == 1  # it ends


def test_ids_are_different_and_isomorphic_ones_are_one_network_by_class() -> None:
    twins = ("|skip_connect~0|+|none~0|none~1|+|none~0|nor_conv_1x1~1|none~2|",
             "|none~0|+|none~0|none~1|+|nor_conv_1x1~0|none~1|none~2|")  # fmt: skip
    a, b = map(SPACE.parse, twins)
    by_id, by_class = Arena("nasbench201", (a, b)), Arena("nasbench201", (a,), by_class=True)
    assert by_id.space.canonical(b) == b and by_id.row(b) == 1
    assert not np.array_equal(by_id.space.encode(a), by_id.space.encode(b))
    assert by_class.space.canonical(b) == a and by_class.row(b) == 0 and by_class.admits(b)
    assert np.array_equal(by_class.space.encode(a), by_class.space.encode(b))
    assert SPACE.canonical(b) == b and len(SPACE.neighbours(a)) == 24  # the space itself is as it was


def test_the_rows_of_a_table_of_any_space_are_encoded_as_in_the_space_and_searched(space: Space) -> None:
    rng = np.random.default_rng(0)
    rows = tuple({space.canonical(space.random(rng)): None for _ in range(30)})
    arena = Arena(space.name, rows)
    assert all(np.array_equal(arena.space.encode(row), space.encode(row)) for row in rows)
    assert arena.space.operations == space.operations
    values = np.array([float(space.params(row, space.default_size())) for row in rows])
    assert values[in_memory("gp", arena, values, 30).improvements[-1][1]] == values.max()


def test_a_search_moves_among_the_rows_of_the_table(rng: np.random.Generator) -> None:
    arena = Arena("nasbench201", tuple(CELLS))
    assert len(arena.space.neighbours(CELLS[3])) == 12
    moves = {arena.mutate(CELLS[3], rng) for _ in range(200)}
    assert moves == {*arena.space.neighbours(CELLS[3])}
    alone = Arena("nasbench201", (CELLS[0], Cell(("nor_conv_3x3",) * 6)))
    assert {alone.mutate(CELLS[0], rng) for _ in range(20)} == {*alone.genotypes}  # no neighbour: any row


def test_the_same_in_this_process_and_in_two_workers(table: Path, warm_workers: None) -> None:
    here = evonas.benchmark(table, [*FAST, "gp"], target_names=["clean", "fgsm"], **SMALL)
    there = evonas.benchmark(table, [*FAST, "gp"], target_names=["clean", "fgsm"], engine=Processes(2), **SMALL)
    assert but_times(here) == but_times(there)


def test_a_trial_depends_on_nothing_but_its_seed_algorithm_target_and_number(table: Path) -> None:
    both = evonas.benchmark(table, FAST, target_names=["clean", "fgsm"], **SMALL)
    one = evonas.benchmark(table, ["local-search"], target_names="fgsm", **SMALL)
    assert both.as_dict()["results"]["local-search"]["fgsm"] == one.as_dict()["results"]["local-search"]["fgsm"]
    other = evonas.benchmark(table, ["local-search"], target_names="fgsm", seed=1, **SMALL)
    assert one.as_dict()["results"] != other.as_dict()["results"]


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch) -> list[Job]:
    """The jobs that are run, not read from a file."""
    jobs: list[Job] = []

    def run_and_count(job: Job, *rest: Any) -> Trial:
        jobs.append(job)
        return run_trial(job, *rest)

    monkeypatch.setattr(trials, "run_trial", run_and_count)
    return jobs


def test_a_stopped_benchmark_continues_and_ends_with_the_same_numbers(
    table: Path, tmp_path: Path, computed: list[Job]
) -> None:
    whole = evonas.benchmark(table, FAST, **SMALL)
    assert len(computed) == 12

    def stop(progress: TrialFinished) -> None:
        if progress.done == 5:
            raise KeyboardInterrupt

    computed.clear()
    with pytest.raises(EvonasError, match="finished work is saved"):
        evonas.benchmark(table, FAST, results=tmp_path / "b.db", observer=stop, **SMALL)
    assert len(computed) == 5
    resumed = evonas.benchmark(table, FAST, results=tmp_path / "b.db", **SMALL)
    assert len(computed) == 12 and but_times(resumed) == but_times(whole)
    evonas.benchmark(table, FAST, results=tmp_path / "b.db", evaluations=30, trials=6)
    assert len(computed) == 18  # two more of each


def test_kept_trials_serve_fewer_queries_and_other_columns_but_no_other_table(
    table: Path, tmp_path: Path, computed: list[Job]
) -> None:
    file = tmp_path / "b.db"
    evonas.benchmark(table, "local-search", results=file, **SMALL)
    count = len(computed)
    kept = evonas.benchmark(table, "local-search", results=file, evaluations=12, trials=4, report="fgsm")
    assert len(computed) == count
    assert but_times(kept) == but_times(
        evonas.benchmark(table, "local-search", evaluations=12, trials=4, report="fgsm")
    )
    count = len(computed)
    changed = tmp_path / "changed.csv"
    changed.write_text(table.read_text().replace(",7,", ",8,").replace(",86.", ",85.", 1))
    for again in (
        {"table": changed},
        {"options": ["local-search.population=5"]},
        {"evaluations": 31},
        {"duplicates": "class"},
    ):
        evonas.benchmark(**{"table": table, "algorithms": "local-search", "results": file, **SMALL, **again})  # type: ignore[arg-type]
        assert len(computed) == count + 4, again
        count += 4


def test_a_change_of_the_code_of_an_algorithm_or_of_what_it_uses_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    package = tmp_path / "some_plugin"
    package.mkdir()
    for name, text in {"model": "def fit(): ...", "base": "class Base: ...", "other": "def rest(): ..."}.items():
        (package / f"{name}.py").write_text(text + "\n")
    own = "from some_plugin.base import Base\nfrom some_plugin.model import fit\nclass Own(Base):\n    fit = fit\n"
    (package / "own.py").write_text(own)
    kind = importlib.import_module("some_plugin.own").Own
    first = code_digest(kind)
    for name, seen in {"model": True, "base": True, "own": True, "other": False}.items():
        before = (package / f"{name}.py").read_text()
        (package / f"{name}.py").write_text(before + "# changed\n")
        assert (code_digest(kind) != first) == seen, name
        (package / f"{name}.py").write_text(before)
    assert code_digest(kind) == first
    ones = [code_digest(algorithms[name]) for name in algorithms]
    assert len(ones) == len(set(ones))


def test_damaged_trials_of_a_file_are_computed_again(table: Path, tmp_path: Path, computed: list[Job]) -> None:
    file = tmp_path / "b.db"
    whole = evonas.benchmark(table, "random", results=file, **SMALL)
    with TrialFile(file) as kept, kept.db:
        for i, damage in enumerate(("[[1, 500]]", "[[2, 3]]", "[]", "nonsense")):
            kept.db.execute("UPDATE trials SET improvements = ? WHERE trial = ?", (damage, i))
    computed.clear()
    assert but_times(evonas.benchmark(table, "random", results=file, **SMALL)) == but_times(whole)
    assert len(computed) == 4


def test_the_mean_of_random_search_is_exact() -> None:
    rng = np.random.default_rng(0)
    searched, judged = rng.integers(0, 5, 9).astype(float), rng.random(9)
    for n in (1, 2, 4, 9):
        found = []
        for drawn in combinations(range(9), n):
            best = max(searched[i] for i in drawn)
            found.append(np.mean([judged[i] for i in drawn if searched[i] == best]))
        assert expected(searched, judged, [n]) == [pytest.approx(np.mean(found))]


def test_random_search_of_every_row_finds_the_optimum_and_few_queries_the_exact_mean(table: Path) -> None:
    result = evonas.benchmark(table, "random", evaluations=125, trials=150, at=[5, 125])
    (found,) = result.standings["random"].values()
    low, high = found.values[0].ci95 or (math.nan, math.nan)
    assert low - 0.3 < result.expected["clean"][4] < high + 0.3
    assert found.at_optimum[-1] == 1 and found.regrets[-1].mean == 0 and found.values[-1].sd == 0
    assert result.expected["clean"][-1] == pytest.approx(found.values[-1].mean) == result.goals["clean"].optimum


def test_statistics_of_three_trials() -> None:
    target = np.array([10.0, 30.0, 50.0, 20.0])
    three = [Trial(4, ((1, 0), (3, 2)), 0.0), Trial(4, ((1, 1),), 0.0), Trial(4, ((1, 0), (2, 1), (4, 2)), 0.0)]
    found = standing(three, target, 1, [1, 4], {20: 20.0, 1: 1.0}, {"other": -target}, 4)
    assert [value.mean for value in found.values] == [pytest.approx(50 / 3), pytest.approx(130 / 3)]
    assert found.values[0].sd == pytest.approx(np.std([10, 30, 10], ddof=1))
    assert found.values[0].half_width == pytest.approx(4.302653 * np.std([10, 30, 10], ddof=1) / 3**0.5)
    assert [regret.mean for regret in found.regrets] == [pytest.approx(100 / 3), pytest.approx(20 / 3)]
    assert found.at_optimum == (0, pytest.approx(2 / 3))
    assert found.reached == {20: (2.0, 1.0), 1: (4.0, pytest.approx(2 / 3))}
    assert found.reported["other"].mean == pytest.approx(-130 / 3)
    alone = standing(three[1:2], target, -1, [4], {1: 1.0}, {}, 4)
    assert alone.values == ((30.0, None, None),) and alone.reached == {1: (None, 0.0)}
    assert alone.regrets[0].mean == 20  # of a target that is minimised


def test_the_target_is_that_of_what_was_found_by_another_column(table: Path) -> None:
    result = evonas.benchmark(
        table, "local-search", target_names="fgsm", select_on="clean", report="clean", **SMALL
    )
    found = result.standings["local-search"]["fgsm"]
    assert found.values[-1].mean + found.reported["clean"].mean == pytest.approx(150)
    assert found.reported["clean"].mean > 90 and result.expected["fgsm"][-1] < result.expected["fgsm"][0]
    assert result.as_dict()["targets"]["fgsm"]["searched"] == "clean"


def test_a_smaller_value_can_be_the_better_one(table: Path) -> None:
    up = evonas.benchmark(table, "local-search", target_names="clean", **SMALL)
    down = evonas.benchmark(table, "local-search", target_names="-clean", **SMALL)
    assert down.goals["clean"].optimum == pytest.approx(min(map(number, CELLS)))
    last = [result.standings["local-search"]["clean"].values[-1].mean for result in (down, up)]
    assert last[0] < 86 < last[1]


def test_a_second_table_joins_by_architecture(table: Path, latencies: Path) -> None:
    result = evonas.benchmark(
        table, "random", target_names="pixel_ms", report="clean", latency=latencies, trials=2, evaluations=100
    )
    assert result.architectures == 100 and result.goals["pixel_ms"].optimum == 0.5
    assert result.standings["random"]["pixel_ms"].reported["clean"].mean == pytest.approx(
        number(CELLS[0]), abs=1e-3
    )
    assert any("pixel_ms is empty for 25 of 125" in note for note in result.notes)


def test_a_table_of_few_rows_says_so_and_is_searched(table: Path) -> None:
    result = evonas.benchmark(table, "local-search", trials=2)
    assert result.evaluations == 125 == result.at[-1]
    assert any("of 100 random genotypes of the space nasbench201" in note for note in result.notes)


def test_variants_of_an_algorithm_stand_side_by_side_and_begin_alike(table: Path) -> None:
    result = evonas.benchmark(
        table,
        ["bananas", "flat=bananas"],
        options={"flat.surrogate": "constant"},
        at=[10, 20],
        evaluations=20,
        trials=2,
    )
    first, second = (result.standings[label]["clean"] for label in ("bananas", "flat"))
    assert first.values[0] == second.values[0] and not np.array_equal(first.mean, second.mean)
    assert result.as_dict()["algorithms"]["flat"]["options"]["surrogate"] == "constant"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"target_names": "fgms"}, "has no target 'fgms': did you mean fgsm"),
        ({"target_names": "val"}, "val is the same for all 125 architectures"),
        ({"select_on": "val"}, "val is the same for all 125 architectures"),
        ({"report": ["clear"]}, "has no target 'clear': did you mean clean"),
        ({"space": "darts"}, "line 2: this is a genotype of the space nasbench201"),
        ({"space": "dart"}, "unknown space 'dart': did you mean darts"),
        ({"algorithms": "localsearch"}, "unknown algorithm 'localsearch': did you mean local-search"),
        ({"algorithms": []}, "--algorithms needs at least one name"),
        ({"algorithms": ["random", "random"]}, "--algorithms has random twice"),
        ({"options": ["gp.rounds=3"]}, "'gp' is not compared: choose from random"),
        ({"options": ["population=3"]}, "--option takes ALGORITHM.NAME=VALUE"),
        ({"options": ["random.rounds=3"]}, "the algorithm random has no option 'rounds'"),
        ({"options": ["random.tournament=3"]}, "tournament is a setting of the search"),
        ({"options": ["random.population=many"]}, "--option population must be an integer, not 'many'"),
        ({"options": ["random.population=0"]}, "--population must be an integer from 1"),
        ({"evaluations": 126}, "has 125 architectures to query; use --evaluations 125 at most"),
        ({"evaluations": 0}, "--evaluations must be an integer from 1"),
        ({"trials": 0}, "--trials must be an integer from 1"),
        ({"duplicates": "uid"}, "unknown --duplicates 'uid': did you mean id"),
        ({"regrets": -1}, "--regret must be a number from 0, not -1"),
    ],
)
def test_what_cannot_be_compared_is_one_message(table: Path, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(EvonasError) as caught:
        evonas.benchmark(**{"table": table, "algorithms": "random", "trials": 1, **arguments})
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_tables_without_a_row_in_common_do_not_join(table: Path, tmp_path: Path) -> None:
    (tmp_path / "other.csv").write_text(f"arch_str,ms\n{Cell(('none',) * 6)},1\n")
    with pytest.raises(UsageError, match=r"other\.csv has none of the architectures of"):
        evonas.benchmark(table, "random", latency=tmp_path / "other.csv")


def test_a_file_that_is_no_database_is_one_message(table: Path, tmp_path: Path) -> None:
    (tmp_path / "b.db").write_text("text " * 500)
    with pytest.raises(EvonasError, match=r"cannot store trials in .*choose another file with --results"):
        evonas.benchmark(table, "random", results=tmp_path / "b.db")


def test_the_command_prints_tables_json_markdown_and_draws(table: Path, tmp_path: Path) -> None:
    line = ["benchmark", str(table), "--algorithms", "random,local-search", "--evaluations", "20", "--trials", "3"]
    line += ["--report", "fgsm", "--at", "5,10", "--option", "random.population=5", "--regret", "2,1"]
    shown = run(*line, "--plot", "curves.svg", cwd=tmp_path, COLUMNS="200")
    assert shown.returncode == 0, shown.stderr
    header = next(text for text in shown.stdout.splitlines() if text.startswith("algorithm")).split()
    assert header[:4] == ["algorithm", "5", "10", "20"] and "random, exact" in shown.stdout
    assert (tmp_path / "curves.svg").read_text().startswith("<?xml") and (tmp_path / "runs/benchmark.db").exists()
    found = json.loads(run(*line, "--json", cwd=tmp_path).stdout)
    cell = found["results"]["local-search"]["clean"]
    assert {*cell} == {"mean", "sd", "ci95", "regret", "at_optimum", "queries", "report"}
    assert found["algorithms"]["random"]["options"] == {"population": 5, "children": 5}
    marked = run(*line, "--markdown", cwd=tmp_path).stdout
    assert f"| local-search | {cell['mean'][0]:.2f} | {cell['mean'][1]:.2f} | {cell['mean'][2]:.2f} |" in marked
    assert "| random, exact |" in marked and "| algorithm | fgsm |" in marked


def test_a_trial_that_crashes_its_workers_is_one_message_and_the_others_are_kept(
    table: Path, tmp_path: Path, computed: list[Job]
) -> None:
    class Crashing(InProcess):
        def map(self, function: Any, items: Any, lost: Any) -> Iterator[Any]:
            first, second, *_ = items
            yield from function([first])
            yield lost(second, loss(2, "signal 9"))

    file = tmp_path / "b.db"
    with pytest.raises(EvonasError, match=r"trial 1 of random on clean crashed 2 workers \(last: signal 9\)"):
        evonas.benchmark(table, "random", results=file, engine=Crashing(), **SMALL)
    evonas.benchmark(table, "random", results=file, **SMALL)
    assert [job.trial for job in computed] == [0, 1, 2, 3]


def test_the_target_corruptions_is_the_mean_over_kinds_and_severities(tmp_path: Path) -> None:
    names = [f"std.{kind}.s{level}" for kind in corruptions for level in range(1, 6)]
    rows = [",".join(str((7 * i + place) % 90) for place in range(75)) for i in range(10)]
    lines = [f"{cell},{row}" for cell, row in zip(CELLS, rows, strict=False)]
    (tmp_path / "t.csv").write_text("\n".join([f"arch_str,{','.join(names)}", *lines]) + "\n")
    result = evonas.benchmark(tmp_path / "t.csv", "random", target_names="corruptions", trials=2)
    means = [np.mean([float(cell) for cell in row.split(",")]) for row in rows]
    assert result.goals["corruptions"].numbers.tolist() == pytest.approx(means)


def test_the_target_attacks_is_the_mean_over_attacks_and_epsilons(tmp_path: Path) -> None:
    names = ["clean", "fgsm@Linf.eps8", "fgsm@Linf.eps16", "pgd@Linf.eps8"]
    rows = [[90, i, 2 * i, 3 * i] for i in range(10)]
    lines = [f"{cell},{','.join(map(str, row))}" for cell, row in zip(CELLS, rows, strict=False)]
    (tmp_path / "t.csv").write_text("\n".join([f"arch_str,{','.join(names)}", *lines]) + "\n")
    result = evonas.benchmark(tmp_path / "t.csv", "random", target_names="attacks", trials=2, unit="percent")
    assert result.goals["attacks"].numbers.tolist() == pytest.approx([2.0 * i for i in range(10)])

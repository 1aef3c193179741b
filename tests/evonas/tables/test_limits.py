"""Constraints of `evonas benchmark`: what a search is told under each rule, and what counts as found."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import evonas
from evonas import UsageError
from evonas.reporting.benchmark import markdown
from evonas.searching.algorithms import algorithms
from evonas.searching.algorithms.archive import Archive
from evonas.store.individual import Individual
from evonas.store.objective import Objective
from evonas.tables.arena import Arena
from evonas.tables.contenders import contenders
from evonas.tables.limits import RULES, Limit, Limits, Worth
from evonas.tables.trial import Job, Trial, run_trial
from evonas.tables.trial_file import TrialFile
from spaces.nasbench201.genotype import OPERATIONS, Cell

CELLS = [
    Cell((*operations, "skip_connect", "none", "nor_conv_1x1")) for operations in product(OPERATIONS, repeat=3)
]
ARENA = Arena("nasbench201", tuple(CELLS))
ACCURACY = np.array([50.0 + (7 * i) % 125 / 5 for i in range(125)])
LATENCY = np.array([1.0 + (11 * i) % 125 / 10 for i in range(125)])
FEASIBLE = LATENCY <= 4
LIMIT = "ms<=4"
ARGUMENTS: dict[str, Any] = {"evaluations": 20, "trials": 3, "constraints": LIMIT}
JUDGED = sorted(name for name in algorithms if getattr(algorithms[name], "judged", False))


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tables") / "cells.csv"
    rows = [f"{c},{a},{150 - a},{ms},text{ms}" for c, a, ms in zip(CELLS, ACCURACY, LATENCY, strict=True)]
    path.write_text("\n".join(["arch_str,clean,fgsm,ms,note", *rows]) + "\n")
    return path


def limits(rule: str, violation: Any = None, first: Any = None) -> Limits:
    violation = np.maximum(LATENCY - 4, 0) / np.ptp(LATENCY) if violation is None else np.array(violation)
    first = LATENCY if first is None else np.array(first)
    return Limits(rule, (Limit.parse(LIMIT),), float(FEASIBLE.mean()), violation, first)


def trial(name: str, rule: str, evaluations: int = 30) -> Trial:
    small = {"boosted": {"rounds": 5}, "guided": {"candidates": 50}, "warmup-move": {"warmup": 70}}
    small["ag-net"] = {"pretraining": 50, "pretraining_epochs": 0, "epochs": 1}
    given = {f"{name}.{option}": value for option, value in small.get(name, {}).items()}
    (one,) = contenders([name], given, "nasbench201")
    job = Job(name, one.options, Objective("clean"), 0, 0, evaluations)
    return run_trial(job, ARENA, ACCURACY, limits(rule))


def individuals(*rows: int) -> list[Individual]:
    return [Individual(n, 0, (), CELLS[r], CELLS[r], {}, 0, 0, False) for n, r in enumerate(rows)]


def test_a_limit_is_read_from_text() -> None:
    assert Limit.parse("latency_ms.pixel3<=4") == ("latency_ms.pixel3", 1, 4.0)
    assert Limit.parse(" my column >= 6e-2 ") == ("my column", -1, 0.06)
    assert str(Limit.parse("a b>=0.060")) == "a b>=0.06"


def test_told_values_put_feasible_rows_first_and_order_the_others_by_violation() -> None:
    some = limits("feasible-first", [0, 0.5, 0, 0.25, 1e-30], np.zeros(5))
    values = np.array([60.0, 90.0, 50.0, 80.0, 70.0])
    assert some.told(values, 1)[:4].tolist() == [60, 50 - 0.5 * 40, 50, 50 - 0.25 * 40]
    assert some.told(values, 1)[4] < 50
    assert some.told(values, -1)[:4].tolist() == [60, 90 + 0.5 * 40, 50, 90 + 0.25 * 40]
    assert some.told(values, -1)[4] > 90


def test_worths_are_ranks_among_all_individuals_and_those_of_infeasible_ones_times_1000() -> None:
    larger, violation, first = np.zeros(125), np.zeros(125), np.zeros(125)
    larger[:4], violation[2], first[:4] = [60, 90, 95, 60], 0.1, [3, 1, 9, 2]
    both = Worth(ARENA, larger, limits("joint", violation, first))
    alone = Worth(ARENA, larger, limits("constrained", violation, first))
    assert both(individuals(0, 1, 2, 3)) == [-(3 + 3), -(2 + 1), -1000 * (1 + 4), -(3 + 2)]
    assert alone(individuals(0, 1, 2, 3)) == [-3, -2, -1000, -3]
    assert alone(individuals(0, 1)) == [-2, -1]  # among those so far
    stranger = Individual(1, 0, (), Cell(("none",) * 6), Cell(("none",) * 6), {}, 0, 0, False)
    assert alone([*individuals(0), stranger]) == [-1, None]


@pytest.mark.parametrize(
    ("rule", "name"), [*(("joint", name) for name in JUDGED), ("feasible-first", "eda"), ("constrained", "eda")]
)
def test_a_search_under_a_rule_finds_feasible_rows_and_counts_the_others(rule: str, name: str) -> None:
    found = trial(name, rule)
    assert found.queries == 30 and 0 < len(found.infeasible) < 30
    order = limits(rule).told(ACCURACY, 1)
    best = [order[row] for _, row in found.improvements]
    assert best == sorted(set(best)) and FEASIBLE[found.improvements[-1][1]]
    assert all((number in found.infeasible) == (not FEASIBLE[row]) for number, row in found.improvements)


def test_all_but_four_algorithms_can_be_judged_by_ranks() -> None:
    assert {*algorithms.modules} - {*JUDGED} == {"regularized-evolution", "nsga2", "darts", "dsrna"}


def test_a_search_by_ranks_asks_for_other_networks_than_one_by_values() -> None:
    found = {rule: trial("local-search", rule, 60).improvements for rule in RULES[1:]}
    assert len({*found.values()}) == 3


def test_an_archive_orders_all_individuals_by_the_latest_judgement() -> None:
    (one,) = contenders(["random"], {}, "nasbench201")
    search = algorithms["random"](ARENA.space, ARENA, (Objective("clean"),), one.options, np.random.default_rng(0))
    assert isinstance(search, Archive)
    search.judge = Worth(ARENA, ACCURACY, limits("joint", np.zeros(125)))
    first, second, third = individuals(0, 1, 2)
    search.tell([first, second])
    before = search.value(first)
    search.tell([third])
    assert search.value(first) != before == -3
    assert search.best(1)[0] is max(search.known, key=lambda one: search.value(one) or 0)


def test_admission_never_queries_what_breaks_a_limit(table: Path) -> None:
    result = evonas.benchmark(table, ["random", "regularized-evolution", "nsga2"], report="ms", **ARGUMENTS)
    assert result.architectures == FEASIBLE.sum() == 31
    assert result.goals["clean"].optimum == ACCURACY[FEASIBLE].max() < ACCURACY.max()
    for standing in result.standings.values():
        assert standing["clean"].reported["ms"].mean <= 4 and standing["clean"].feasible == 1
    assert result.as_dict()["constraints"] == {"rule": "admission", "limits": [LIMIT], "share": 31 / 125}


@pytest.mark.parametrize("target", ["clean", "-clean"])
def test_what_counts_as_found_is_feasible(table: Path, target: str) -> None:
    sign = -1 if target[0] == "-" else 1
    whole = evonas.benchmark(
        table, "random", target_names=target, constraints=LIMIT, rule="feasible-first", trials=2, regrets=1
    )
    (found,) = whole.standings["random"].values()
    best, worst = sign * (sign * ACCURACY[FEASIBLE]).max(), sign * (sign * ACCURACY[FEASIBLE]).min()
    assert whole.goals["clean"].optimum == found.values[-1].mean == best and found.at_optimum[-1] == 1
    assert found.feasible == pytest.approx(31 / 125)
    assert whole.expected["clean"][-1] == pytest.approx(best)
    first = 31 / 125 * ACCURACY[FEASIBLE].mean() + 94 / 125 * worst  # one query; none feasible counts as the worst
    assert whole.expected["clean"][0] == pytest.approx(first)


def test_trials_without_a_feasible_architecture_are_counted_in_a_note(table: Path) -> None:
    result = evonas.benchmark(
        table, "random", constraints=[LIMIT, "clean>=72.5"], rule="feasible-first", evaluations=1, trials=4
    )
    note = "random: 4 trials found no architecture that meets the constraints"
    assert any(line.startswith(note) for line in result.notes)


def test_other_targets_are_those_of_the_best_feasible_architecture(table: Path) -> None:
    result = evonas.benchmark(
        table, "random", target_names="fgsm", select_on="clean", constraints=LIMIT, rule="constrained", trials=1
    )
    assert result.standings["random"]["fgsm"].values[-1].mean == 150 - ACCURACY[FEASIBLE].max()


def test_kept_trials_know_their_infeasible_queries_and_serve_their_rule_only(table: Path, tmp_path: Path) -> None:
    file = tmp_path / "b.db"
    first = evonas.benchmark(table, "random", rule="joint", results=file, **ARGUMENTS)
    again = evonas.benchmark(table, "random", rule="joint", results=file, **ARGUMENTS)
    fewer = evonas.benchmark(table, "random", rule="joint", results=file, **{**ARGUMENTS, "evaluations": 7})
    afresh = evonas.benchmark(table, "random", rule="joint", **{**ARGUMENTS, "evaluations": 7})
    assert first.as_dict() == again.as_dict()  # with its seconds
    assert fewer.as_dict()["results"] == afresh.as_dict()["results"]
    evonas.benchmark(table, "random", rule="constrained", results=file, **ARGUMENTS)
    with TrialFile(file) as kept, kept.db:
        assert kept.db.execute("SELECT count(*) FROM trials").fetchone() == (6,)
        kept.db.execute("UPDATE trials SET infeasible = '[21]'")  # of 20 queries
    mended = evonas.benchmark(table, "random", rule="joint", results=file, **ARGUMENTS)
    assert mended.as_dict()["results"] == first.as_dict()["results"]


def test_a_file_of_trials_from_before_constraints_is_read(table: Path, tmp_path: Path) -> None:
    file, plain = tmp_path / "b.db", {"evaluations": 20, "trials": 3}
    before = evonas.benchmark(table, "random", results=file, **plain)  # type: ignore[arg-type]
    with TrialFile(file) as kept, kept.db:
        kept.db.execute("ALTER TABLE trials DROP COLUMN infeasible")
    after = evonas.benchmark(table, "random", results=file, **plain)  # type: ignore[arg-type]
    assert after.as_dict() == before.as_dict() and "constraints" not in after.as_dict()


def test_the_feasible_share_is_shown(table: Path) -> None:
    result = evonas.benchmark(table, "random", rule="feasible-first", **ARGUMENTS)
    text, cell = markdown(result), result.as_dict()["results"]["random"]["clean"]
    assert "| feasible |" in text and f"| {100 * cell['feasible']:.1f} % |" in text
    assert "constraints by the rule feasible-first: ms<=4; 24.8 % of the architectures meet them" in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"constraints": "ms<4"}, "--constraint takes COLUMN<=NUMBER or COLUMN>=NUMBER, not 'ms<4'"),
        ({"constraints": "ms<=low"}, "--constraint takes COLUMN<=NUMBER or COLUMN>=NUMBER, not 'ms<=low'"),
        ({"constraints": "ms<=nan"}, "--constraint takes COLUMN<=NUMBER"),
        ({"constraints": "<=4"}, "--constraint takes COLUMN<=NUMBER"),
        ({"constraints": "mss<=4"}, "has no column 'mss': did you mean ms"),
        ({"constraints": "note<=4"}, "column note is not numeric"),
        ({"constraints": "ms<=0.5"}, "meets --constraint ms<=0.5: the smallest value is 1"),
        ({"constraints": "ms>=99"}, "meets --constraint ms>=99: the largest value is 13.4"),
        ({"constraints": ["ms<=4", "ms>=5"]}, "meets all of ms<=4, ms>=5"),
        ({"constraints": "ms<=1"}, "clean is the same for all 1 architectures that meet the constraints"),
        ({"constraints": LIMIT, "evaluations": 32}, "has 31 architectures to query; use --evaluations 31 at most"),
        ({"rule": "joint"}, "--rule joint needs a constraint; add --constraint COLUMN<=NUMBER"),
        ({"rule": "joined", "constraints": LIMIT}, "unknown --rule 'joined': did you mean joint"),
        (
            {"rule": "joint", "constraints": LIMIT, "algorithms": "regularized-evolution"},
            "regularized-evolution cannot follow --rule joint",
        ),
        ({"rule": "constrained", "constraints": LIMIT, "algorithms": "x=nsga2"}, "nsga2 cannot follow --rule"),
    ],
)
def test_constraints_that_cannot_hold_are_one_message(
    table: Path, arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError) as caught:
        evonas.benchmark(**{"table": table, "algorithms": "random", "trials": 1, **arguments})
    assert message in str(caught.value) and "\n" not in str(caught.value)

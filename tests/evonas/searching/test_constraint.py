"""Limits of every birth: --constraint next to --max-params."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import evonas
from evonas import EvonasError, SearchSettings, UsageError
from evonas.reporting.reproduce import search_command
from evonas.searching import admission
from evonas.searching.constraint import constraint_of
from evonas.searching.resolve import resolve
from evonas.store.individual import Individual
from evonas.store.run import Run
from tests.evonas.asking import ASKING
from tests.evonas.searching.test_every_algorithm import SMALLER
from tests.evonas.searching.test_table_fitness import write

SMALL: dict[str, Any] = {"space": "nasbench201", "proxy": "params", "channels": 4, "layers": 1, "population": 6}


def settings(*constraints: str, **changes: Any) -> SearchSettings:
    return SearchSettings(**{**SMALL, "generations": 2, "constraints": constraints, **changes})


def born(run: Path) -> list[Individual]:
    with Run.read(run) as store:
        return list(store.individuals())


@pytest.mark.parametrize("name", ASKING)
def test_every_birth_of_every_algorithm_satisfies_the_limits(name: str, tmp_path: Path) -> None:
    limits = settings("flops<=2500000", "params>=5000", algorithm=name, options=SMALLER.get(name, {}))
    evonas.search(limits, tmp_path / "run")
    assert all(one.flops <= 2_500_000 and one.params >= 5000 for one in born(tmp_path / "run"))


def test_a_column_of_a_table_is_a_limit_and_its_file_must_stay_the_same(tmp_path: Path) -> None:
    table = write(tmp_path / "T.csv")
    limit = f"table:{table}:robust accuracy>=60"
    evonas.search(settings(limit, generations=1), tmp_path / "run")
    values = [constraint_of(limit).score(one.genotype, task()).value for one in born(tmp_path / "run")]
    assert min(filter(None, values)) >= 60 and len(values) == 9
    assert evonas.verify(tmp_path / "run", 2).passed
    table.write_text(table.read_text() + "\n")
    with pytest.raises(EvonasError, match="was scored by another table"):
        evonas.resume(tmp_path / "run", generations=2)


def task() -> Any:
    from evonas.searching.task import task_of

    return task_of(resolve(settings()), None)


def test_limits_are_stored_in_their_normal_form_sealed_and_repeated_by_the_report(tmp_path: Path) -> None:
    evonas.search(settings("flops <= 2.5e6", "flops<=2500000", " params>=10.5 "), tmp_path / "run")
    with Run.read(tmp_path / "run") as store:
        stored = store.settings
        assert stored.constraints == ("flops<=2500000", "params>=10.5")
        text = store.meta("settings") or ""
    assert json.loads(text)["constraints"] == [*stored.constraints]
    command = search_command(stored, None, "again")
    assert "--constraint 'flops<=2500000' --constraint 'params>=10.5'" in command
    evonas.resume(tmp_path / "run", constraints=["flops<=2.5e6", "params>=10.5"], generations=3)
    with pytest.raises(UsageError, match=r"started with --constraint flops<=2500000 --constraint params>=10\.5"):
        evonas.resume(tmp_path / "run", constraints=["flops<=3e6"])
    with Run.open(tmp_path / "run") as run:
        run.set_meta(settings=text.replace("<=2500000", "<=2600000"))
    with pytest.raises(EvonasError, match="has changed since it was committed"):
        Run.open(tmp_path / "run")


def test_a_run_without_limits_stores_none() -> None:
    assert "constraints" not in json.loads(resolve(settings()).to_json())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("flops", "--constraint takes NAME<=NUMBER or NAME>=NUMBER, such as flops<=1e8, not 'flops'"),
        ("flops<3", "--constraint takes NAME<=NUMBER"),
        ("flops<=many", "--constraint takes NAME<=NUMBER"),
        ("flops<=nan", "--constraint takes NAME<=NUMBER"),
        ("1<=flops<=3", "--constraint takes NAME<=NUMBER"),
        ("flopz<=3", "unknown proxy 'flopz'"),
        ("croze<=3", "--constraint cannot limit 'croze'; it limits croze-size, flops, live-size, params, synflow"),
        ("-flops<=3", "--constraint cannot limit '-flops'"),
        ("flops+params<=3", "--constraint cannot limit 'flops+params'"),
        ("table:none.csv:acc<=3", "table 'none.csv' does not exist"),
    ],
)
def test_a_wrong_limit_is_one_message(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        evonas.search(settings(text), tmp_path / "run")
    assert message in str(caught.value) and not (tmp_path / "run").exists()


def test_limits_that_nothing_satisfies_are_one_message_with_the_nearest_values(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admission, "MAX_DRAWS", 50)
    with pytest.raises(EvonasError) as caught:
        evonas.search(settings("flops<=10", "params>=1e9", max_params=9), tmp_path / "run")
    said = str(caught.value)
    assert said.startswith("none of 50 random genotypes satisfies the limits: --max-params 9 (smallest: ")
    assert "--constraint flops<=10 (smallest: " in said and "--constraint params>=1000000000 (largest: " in said
    least = float(said.split("flops<=10 (smallest: ")[1].split(")")[0])
    assert least > 10 and said.endswith("; change a limit")

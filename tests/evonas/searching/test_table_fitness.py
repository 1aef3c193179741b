"""A search by a column of a table: without networks or images, by a table that is known by its digest."""

from __future__ import annotations

import copy
import itertools
import json
import re
import shutil
import zlib
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import evonas
from evonas import EvonasError, SearchSettings, UsageError
from evonas.cli.catalogue import catalogue
from evonas.cli.completion import fitness as completed
from evonas.cli.options import names
from evonas.core.events import Event, Warned
from evonas.core.separated import separated
from evonas.searching.objectives.named import fitness_of, several_of
from evonas.searching.objectives.table import _read
from evonas.store.run import Run
from fitness import Score, Task
from spaces import NetworkSize, spaces

SPACE = spaces["nasbench201"]
TASK = Task(SPACE, NetworkSize(4, 1))
OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
ALL = [
    "|{}~0|+|{}~0|{}~1|+|{}~0|{}~1|{}~2|".format(*operations)
    for operations in itertools.product(OPERATIONS, repeat=6)
]
SMALL: dict[str, Any] = {"space": "nasbench201", "population": 6, "generations": 2, "channels": 4, "layers": 1}


def number(text: str) -> float:
    return zlib.crc32(text.encode()) % 10_000 / 100


def write(path: Path, genotypes: Iterable[str] = ALL) -> Path:
    rows = "".join(f"{text},{number(text)},{-number(text)},words,\n" for text in genotypes)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"arch,robust accuracy,loss,note,nothing\n{rows}")
    return path


def values(proxy: str, *genotypes: str) -> list[Score]:
    scores = fitness_of(proxy).score([SPACE.parse(text) for text in genotypes], TASK)
    return [score for of_one in scores for score in of_one.values()]


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("tables") / "all.csv")


@pytest.fixture(scope="module")
def searched(table: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("searched") / "run"
    evonas.search(SearchSettings(proxy=f"table:{table}:robust accuracy", **SMALL), run)
    return run


@pytest.fixture
def moved(searched: Path, table: Path, tmp_path: Path) -> tuple[Path, Path]:
    """A run by a table of its own, and the table."""
    own, run = write(tmp_path / "own.csv", ALL), tmp_path / "run"
    evonas.search(SearchSettings(proxy=f"table:{own}:robust accuracy", **SMALL), run)
    return run, own


def test_the_score_is_the_number_of_the_row_and_no_image_is_read(searched: Path) -> None:
    with Run.read(searched) as store:
        for row in store.individuals():
            assert row.values == {"table:robust accuracy": number(row.key)}
            assert row.params == SPACE.params(row.genotype, NetworkSize(4, 1))
        assert store.meta("batch") == "none"
        best = store.best()
    assert best is not None and json.loads((searched / "best.json").read_text())["score"] == best.score


def test_network_size_does_not_change_the_score(searched: Path, table: Path, tmp_path: Path) -> None:
    larger = SearchSettings(proxy=f"table:{table}:robust accuracy", **{**SMALL, "channels": 8})
    evonas.search(larger, tmp_path / "run")
    with Run.read(searched) as store, Run.read(tmp_path / "run") as other:
        assert [row.values for row in store.individuals()] == [row.values for row in other.individuals()]


def test_smaller_is_better_after_a_minus_sign(searched: Path, table: Path, tmp_path: Path) -> None:
    evonas.search(SearchSettings(proxy=f"-table:{table}:loss", **SMALL), tmp_path / "run")
    with Run.read(searched) as store, Run.read(tmp_path / "run") as other:
        assert [row.genotype for row in store.individuals()] == [row.genotype for row in other.individuals()]
    assert evonas.verify(tmp_path / "run").passed


def test_a_crashed_search_is_resumed_to_the_same_end_and_verified(
    searched: Path, table: Path, tmp_path: Path
) -> None:
    class Crash(Exception):
        pass

    def crash(event: Event) -> None:
        if event.name == "evaluated" and event.progress.births == 8:  # type: ignore[attr-defined]
            raise Crash

    with pytest.raises(Crash):
        evonas.search(SearchSettings(proxy=f"table:{table}:robust accuracy", **SMALL), tmp_path / "run", crash)
    evonas.resume(tmp_path / "run")
    with Run.read(searched) as store, Run.read(tmp_path / "run") as other:
        assert list(store.individuals()) == list(other.individuals())
    assert evonas.verify(tmp_path / "run").passed


def test_a_worker_in_another_directory_reads_the_same_table(
    table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(table.parent)
    fitness = fitness_of(f"-table:{table.name}:loss")
    sent = copy.deepcopy(fitness)  # as pickling does
    monkeypatch.chdir(tmp_path)
    (score,) = [one for of_one in sent.score([SPACE.parse(ALL[7])], TASK) for one in of_one.values()]
    assert score.value == -number(str(SPACE.canonical(SPACE.parse(ALL[7]))))
    assert {*vars(sent.fitness)} == {"argument", "place", "digest"}  # type: ignore[attr-defined]


def test_a_worker_refuses_a_table_that_has_changed(tmp_path: Path) -> None:
    place = write(tmp_path / "few.csv", ALL[:3])
    sent = copy.deepcopy(fitness_of(f"table:{place}:loss"))
    write(place, ALL[:2])
    with pytest.raises(EvonasError, match=r"few\.csv has changed since the search started"):
        list(sent.score([SPACE.parse(ALL[0])], TASK))


def test_a_table_is_read_once_by_a_process_until_it_changes(tmp_path: Path) -> None:
    place = write(tmp_path / "few.csv", ALL[:3])
    _read.cache_clear()
    first = values(f"table:{place}:loss", *ALL[:3])
    assert values(f"table:{place}:loss", *ALL[:3])[0].value == first[0].value
    assert _read.cache_info().misses == 1
    place.write_text(place.read_text().replace(f"{-number(ALL[0])},words", "-1000,words"))
    (changed,) = values(f"table:{place}:loss", ALL[0])
    assert changed.value == -1000


def test_another_spelling_of_a_network_has_its_number(tmp_path: Path) -> None:
    """The row of the canonical form, else the mean over the spellings that the table has."""
    by_key: dict[str, list[str]] = {}
    for text in ALL:
        by_key.setdefault(SPACE.key(SPACE.parse(text)), []).append(text)
    same = next(texts for texts in by_key.values() if len(texts) > 3)
    form = str(SPACE.canonical(SPACE.parse(same[0])))
    assert form in same
    others = [text for text in same if text != form][:2]
    place = write(tmp_path / "own.csv", [form, *others])
    assert values(f"table:{place}:robust accuracy", form)[0].value == number(form)
    place = write(tmp_path / "others.csv", others)
    mean = sum(map(number, others)) / 2
    assert values(f"table:{place}:robust accuracy", form)[0].value == pytest.approx(mean, rel=1e-15)


def test_a_missing_row_or_number_is_no_score_with_the_reason(tmp_path: Path) -> None:
    rows = f"{ALL[-1]},5\n{ALL[-2]},\n"
    (tmp_path / "few.csv").write_text(f"arch,robust accuracy\n{rows}")
    there, empty, missing = values(f"table:{tmp_path}/few.csv:robust accuracy", ALL[-1], ALL[-2], ALL[-3])
    assert there.value == 5 and (empty.value, missing.value) == (None, None)
    assert empty.reason == missing.reason == f"{tmp_path}/few.csv has no robust accuracy of this genotype"


def test_a_table_of_a_part_of_the_space_is_announced(tmp_path: Path) -> None:
    place, events = write(tmp_path / "part.csv", ALL[::40]), []
    evonas.search(SearchSettings(proxy=f"table:{place}:loss", **SMALL), tmp_path / "run", events.append)
    (text,) = [event.text for event in events if isinstance(event, Warned)]
    assert re.fullmatch(
        r"\d+ of 100 random genotypes of nasbench201 have a number in .*; the others have no score", text
    )
    assert evonas.verify(tmp_path / "run").passed


@pytest.mark.parametrize(
    ("content", "proxy", "message"),
    [
        (None, "table:T:loss", "table 'T' does not exist (looked in "),
        ("arch,loss\n", "table:T:loss", "T has a header but no architectures"),
        ("arch,loss\nX,1\n", "table:T:los", "T, line 1: unknown column 'los': did you mean loss?"),
        ("arch,loss\nX,1\n", "table:T:arch", "T, line 1: unknown column 'arch': choose from loss"),
        (
            "arch,loss\nX,many\n",
            "table:T:loss",
            "T: column 'loss' has no numbers: line 2: it holds text, such as 'many'",
        ),
        ("arch,loss\nX,\n", "table:T:loss", "T: column 'loss' has no numbers: it is empty"),
        (
            "arch,loss\nX,1\n",
            "table:T:loss",
            "none of 100 random genotypes of nasbench201 have a number in T; a search",
        ),
        ("arch,loss\nchain,1\n", "table:T:loss", "T, line 2: "),
        ("arch,loss\nDARTS_V2,1\n", "table:T:loss", "T, line 2: "),
        ("PK\x03\x04", "table:T:loss", "T cannot be read as CSV: it is an Excel workbook"),
        ("", "table:T", "--proxy table is used as table:PATH:COLUMN, not 'table:T'"),
        ("", "table:T:", "--proxy table is used as table:PATH:COLUMN, not 'table:T:'"),
        ("", "table", "--proxy table is used as table:PATH:COLUMN, not 'table'"),
        ("", "tabel:T:loss", "unknown kind of fitness 'tabel': did you mean table or trained?"),
    ],
)
def test_bad_input_is_one_message_before_any_work(
    content: str | None, proxy: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    if content is not None:
        Path("T").write_text(content.replace("X", "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|"))
    with pytest.raises(UsageError) as caught:
        evonas.search(SearchSettings(proxy=proxy, **SMALL), "run")
    said = str(caught.value).replace(str(tmp_path) + "/", "")
    assert message in said and "\n" not in said and not Path("run").exists()


def test_an_unknown_column_of_many_is_answered_with_some(tmp_path: Path) -> None:
    names = [f"accuracy {i}" for i in range(40)]
    (tmp_path / "T").write_text(f"arch,{','.join(names)}\n{ALL[0]}{',1' * 40}\n")
    with pytest.raises(UsageError) as caught:
        fitness_of(f"table:{tmp_path}/T:zzz").check(SPACE)
    assert str(caught.value).endswith("accuracy 8, accuracy 9 and 30 more")
    with pytest.raises(UsageError, match=r"unknown column .y 33.: did you mean accuracy 33\?"):
        fitness_of(f"table:{tmp_path}/T:y 33").check(SPACE)


def test_a_table_that_was_moved_is_named_by_its_new_place(moved: tuple[Path, Path], tmp_path: Path) -> None:
    run, own = moved
    there = f"table:{shutil.move(own, tmp_path / 'there.csv')}:robust accuracy"
    with pytest.raises(UsageError, match=rf"{own}' does not exist; if it was moved, name its new place with"):
        evonas.resume(run, generations=3)
    (finding,) = [found for found in evonas.verify(run).findings if found.status != "same"]
    assert (finding.status, finding.part) == ("unchecked", "scores") and "does not exist" in finding.detail
    assert evonas.verify(run, proxy=there).passed
    assert {found.status for found in evonas.verify(run, proxy=there).findings} == {"same"}
    with Run.read(run) as store:
        best = store.best()
    assert best is not None
    (row,) = evonas.score(str(best.genotype), there, run=run)
    assert row.scores == {there: best.score}
    with pytest.raises(UsageError, match="this run was started with --proxy table:"):
        evonas.resume(run, proxy=there.replace("robust accuracy", "loss"), generations=3)
    assert evonas.resume(run, proxy=there, generations=3).generations == 3
    with Run.read(run) as store:
        assert store.settings.proxy == f"table:{own}:robust accuracy"  # as it is sealed
    assert evonas.verify(run, proxy=there).passed


def test_tables_of_objectives_and_constraints_are_named_by_their_new_places(tmp_path: Path) -> None:
    """In a directory with a comma, which is written twice in --objectives alone."""
    old, new = tmp_path / "old", tmp_path / "new, better"
    goals, limits = write(old / "goals.csv"), write(old / "limits.csv")
    run = tmp_path / "run"
    several = f"table:{goals}:robust accuracy,-table:{goals}:loss,-params"
    limit = f"table:{limits}:robust accuracy<=90"
    evonas.search(
        SearchSettings(algorithm="nsga2", objectives=several, constraints=("params<=1e6", limit), **SMALL), run
    )
    with Run.read(run) as store:
        stored, best = store.settings, store.best()
    old.rename(new)
    escaped = str(new).replace(",", ",,")
    there: dict[str, Any] = {
        "objectives": f"table:{escaped}/goals.csv:robust accuracy,-table:{escaped}/goals.csv:loss,-params",
        "constraints": ["params<=1000000", f"table:{new}/limits.csv:robust accuracy<=90"],
    }
    missing = [found for found in evonas.verify(run, 3).findings if not found.passed]
    assert [(found.status, found.name) for found in missing] == [
        ("unchecked", "births"),
        ("unchecked", stored.proxy),
    ]
    assert all("does not exist; if it was moved, name its new place with" in found.detail for found in missing)
    assert {found.status for found in evonas.verify(run, 3, **there).findings} == {"same"}
    with pytest.raises(UsageError, match=r"goals.csv' does not exist; if it was moved"):
        evonas.resume(run, generations=3, constraints=there["constraints"])
    with pytest.raises(UsageError, match=r"limits.csv' does not exist; if it was moved"):
        evonas.resume(run, generations=3, objectives=there["objectives"])
    assert evonas.resume(run, generations=3, **there).generations == 3
    with Run.read(run) as store:
        assert store.settings == replace(stored, generations=3)  # as it is sealed
    assert evonas.verify(run, 3, **there).passed
    assert best is not None
    moved_goals = [f"table:{new}/goals.csv:robust accuracy", f"-table:{new}/goals.csv:loss"]
    (row,) = evonas.score(str(best.genotype), moved_goals, run=run)
    assert [*row.scores.values()] == [best.values["table:robust accuracy"], best.values["table:loss"]]
    write(new / "limits.csv", ALL[1:])
    (finding,) = [found for found in evonas.verify(run, 3, **there).findings if not found.passed]
    assert finding.status == "unchecked" and "was scored by another table" in finding.detail
    with pytest.raises(EvonasError, match=r"was scored by another table: the SHA-256 of .*limits.csv is"):
        evonas.resume(run, generations=4, **there)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"proxy": "params"}, "this run was started with --objectives params,-flops; a run keeps its settings"),
        ({"objectives": "params,flops"}, "this run was started with --objectives params,-flops; a run"),
        ({"constraints": "flops<=2e9"}, "this run was started with --constraint flops<=1000000000; a run"),
        ({"constraints": "params<=1e9"}, "this run was started with --constraint flops<=1000000000; a run"),
        ({"constraints": ["flops<=1e9", "params<=1e9"]}, "was started with --constraint flops<=1000000000; a run"),
        ({"constraints": "flops"}, "--constraint takes NAME<=NUMBER or NAME>=NUMBER, such as"),
    ],
)
def test_what_a_search_was_not_made_by_is_not_verified(wrong: Any, message: str, tmp_path: Path) -> None:
    run = tmp_path / "run"
    two = SearchSettings(algorithm="nsga2", objectives="params,-flops", constraints=("flops<=1e9",), **SMALL)
    evonas.search(replace(two, generations=0), run)
    for call in (evonas.verify, evonas.resume):
        with pytest.raises(UsageError, match=re.escape(message)):
            call(run, **wrong)  # type: ignore[operator]
    evonas.search(SearchSettings(proxy="params", **{**SMALL, "generations": 0}), tmp_path / "one")
    with pytest.raises(UsageError, match="this run was started with --proxy params; a run keeps its settings"):
        evonas.verify(tmp_path / "one", objectives="params,-flops")


def test_a_comma_of_an_objective_is_written_twice() -> None:
    text = "table:a,,b/,,c.csv:x, -params"
    several = several_of(text)
    assert [part.text for part in several.parts] == ["table:a,b/,c.csv:x", "-params"]
    assert several.text == "table:a,,b/,,c.csv:x,-params" and several_of(several.text) == several
    assert separated(",a,,,b, ,c,,") == ["a,", "b", "c,"]
    assert fitness_of("table:a,b.csv:x").text == "table:a,b.csv:x"
    assert names("table:a,,b.csv:x,params") == ["table:a,b.csv:x", "params"]


def test_a_table_that_has_changed_is_refused(moved: tuple[Path, Path], searched: Path, tmp_path: Path) -> None:
    run, own = moved
    own.write_text(own.read_text() + "\n")
    told = rf"was scored by another table: the SHA-256 of {own} is \w+\.\.\., it was \w+\.\.\.; restore the table"
    with pytest.raises(EvonasError, match=told):
        evonas.resume(run, generations=3)
    (finding,) = [found for found in evonas.verify(run).findings if found.status != "same"]
    assert re.search(told, finding.detail)


def test_a_run_scores_by_its_table_and_by_proxies(searched: Path, table: Path) -> None:
    proxy = f"table:{table}:robust accuracy"
    (row,) = evonas.score(ALL[9], ["params", proxy, "flops", f"-{proxy}"], run=searched)
    value = number(str(SPACE.canonical(SPACE.parse(ALL[9]))))
    assert row.scores == {"params": row.params, proxy: value, "flops": row.flops, f"-{proxy}": value}
    settings = SearchSettings(**SMALL)
    (alone,) = evonas.score(ALL[9], ["params", proxy, "flops", f"-{proxy}"], settings)
    assert alone.scores == row.scores


def test_the_kind_is_listed_and_completed() -> None:
    forms = {entry["name"]: entry["form"] for entry in catalogue(["fitness"])["fitness"]}
    trained = "[RECIPE[:EPOCHS][:NAME=NUMBER]...]"
    files = {"table": "PATH:COLUMN", "file": "PATH", "latency-model": "PATH"}
    assert forms == {"latency": "[BACKEND][:NAME=VALUE]...", "trained": trained, **files}
    assert completed("ta") == ["table:"] and "params" in completed("pa")


def test_the_table_of_nasbench201_is_searched(tmp_path: Path, shared: Path) -> None:
    path = shared / "data" / "nasbench201_cifar10.csv.gz"
    if not path.exists():
        pytest.skip("the table of NAS-Bench-201 is not here")
    proxy = f"table:{path}:nats.cifar10.test"
    settings = SearchSettings(proxy=proxy, **{**SMALL, "population": 50, "children": 25, "generations": 10})
    result = evonas.search(settings, tmp_path / "run")
    assert result.evaluations + result.cache_hits == 300
    assert result.best is not None and result.best.score == pytest.approx(
        94.373, abs=0.001
    )  # the best of the table

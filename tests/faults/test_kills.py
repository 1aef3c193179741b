"""Killed at every kind of step, and continued until it is done: every stage ends as if nothing had happened."""

from __future__ import annotations

import json
import os
import random
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.evonas.conftest import content
from tests.faults.conftest import Undisturbed
from tests.faults.forking import Forks
from tests.faults.stages import AGAIN

STAGES = ("search", "training", "evaluation")
READING = ("SELECT", "table_xinfo", "user_version", "integrity_check", "BEGIN", "ROLLBACK", "synchronous")
MANY = int(os.environ.get("EVONAS_KILLS", "100"))
Known = Callable[[str], Undisturbed]


def killed_and_continued(
    forks: Forks, known: Undisturbed, directory: Path, seed: int, power_loss: bool = False
) -> int:
    """Kill the stage, and sometimes what continues it; returns how many kills met a process at work."""
    rng = random.Random(seed)
    stage = known.stage
    stage.prepare(directory)
    kills, argv = 0, stage.start
    for _ in range(rng.choice((1, 3, 5))):
        if power_loss or rng.random() < 0.7:
            fault = {"kill_at": rng.randint(1, known.ended.steps), "power_loss": power_loss}
        else:
            fault = {"after": rng.uniform(0, known.ended.seconds)}
        ended = forks.run(*argv, cwd=directory, **fault)
        assert ended.code in (0, 2, -9), ended.output
        kills += ended.code == -9
        argv = stage.start if ended.code == 2 else stage.go_on
    stage.finish(forks, directory)
    assert stage.outcome(directory / "run") == known.outcome
    shutil.rmtree(directory)
    return kills


def until(times: int, forks: Forks, known: Undisturbed, directory: Path, power_loss: bool = False) -> None:
    """Run after run, until so many processes were killed at their work."""
    kills = runs = 0
    while kills < times:
        kills += killed_and_continued(forks, known, directory / f"{runs}", runs, power_loss)
        runs += 1
    what = "power losses" if power_loss else "kills"
    print(f"{known.stage.outcome.__name__}: {kills} {what} in {runs} runs, all ended identical")


def enumerated(forks: Forks, known: Undisturbed, directory: Path, kinds: list[str], power_loss: bool) -> None:
    """Kill the stage at the first step of each kind: what continues a killed one is killed at the next kind.

    A run in which a kind does not come any more is continued to its end, and the next run meets the kind.
    """
    stage, pending, runs, last = known.stage, list(dict.fromkeys(kinds)), 0, "nothing"
    while pending:
        place = stage.prepare(directory / f"{runs}")
        before, argv, runs = len(pending), stage.start, runs + 1
        for kind in list(pending):
            ended = forks.run(*argv, cwd=place, kill_on=kind, power_loss=power_loss)
            if ended.code == 2 and any(text in ended.output for text in AGAIN):
                ended = forks.run(*stage.start, cwd=place, kill_on=kind, power_loss=power_loss)
            assert ended.code in (0, -9), f"after a kill {last}: {ended.output}"
            argv = stage.go_on
            if ended.code == 0:
                break
            pending.remove(kind)
            last = kind
        stage.finish(forks, place)
        assert stage.outcome(place / "run") == known.outcome, f"kinds left: {pending}"
        assert len(pending) < before, pending


def changing(kinds: list[str]) -> list[str]:
    """The kinds of steps that may change what is on the disk; before an INSERT is after what precedes it."""
    return [
        kind
        for kind in kinds
        if not kind.startswith("before INSERT") and not any(word in kind for word in READING)
    ]


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_killed_at_each_kind_of_step_ends_as_if_nothing_had_happened(
    name: str, forks: Forks, undisturbed: Known, tmp_path: Path
) -> None:
    known = undisturbed(name)
    kinds = changing(known.ended.kinds)
    assert {"before fsync file", "after fsync file", "before fsync directory"} <= set(kinds)
    assert any(kind.startswith("after replace ") for kind in kinds)
    assert ("before COMMIT" in kinds and "after INSERT values" in kinds) == (name == "search")
    enumerated(forks, known, tmp_path, kinds, power_loss=False)


@pytest.mark.parametrize("name", STAGES)
def test_a_power_loss_takes_nothing_that_a_resume_does_not_find_again(
    name: str, forks: Forks, undisturbed: Known, tmp_path: Path
) -> None:
    """After what makes a change visible, and after what makes it last."""
    known = undisturbed(name)
    kinds = [
        kind for kind in known.ended.kinds if kind.startswith(("after replace", "after COMMIT", "after fsync"))
    ]
    enumerated(forks, known, tmp_path, kinds, power_loss=True)


def test_a_kill_between_the_last_checkpoint_and_its_line_in_the_table_of_epochs(
    forks: Forks, undisturbed: Known, tmp_path: Path
) -> None:
    known = undisturbed("training")
    shutil.copytree(known.run, tmp_path / "run")
    table = tmp_path / "run" / "train" / "metrics.csv"
    table.write_text("".join(table.read_text().splitlines(keepends=True)[:-1]))
    known.stage.finish(forks, tmp_path)
    assert known.stage.outcome(tmp_path / "run") == known.outcome


@pytest.mark.parametrize("power_loss", [False, True], ids=["kills", "power losses"])
@pytest.mark.parametrize("times", [3, pytest.param(100, marks=pytest.mark.slow)])
def test_a_kill_on_the_way_back_to_an_earlier_generation_loses_no_generation(
    times: int, power_loss: bool, forks: Forks, undisturbed: Known, tmp_path: Path
) -> None:
    known = undisturbed("search")
    back = ("resume", "run", "--from-generation", "2")
    steps = None
    for i in range(times + 1):
        directory = known.stage.prepare(tmp_path / f"{i}")
        forks.run(*known.stage.start, cwd=directory, kill_at=known.ended.steps * 3 // 4)  # what is left has a log
        moment = steps and random.Random(i).randint(1, steps)
        ended = forks.run(*back, cwd=directory, kill_at=moment, power_loss=power_loss)
        assert ended.code == (-9 if steps else 0), ended.output
        steps = steps or ended.steps
        shown = forks.run("show", "run", "--json", cwd=directory)
        assert shown.code == 0 and json.loads(shown.output)["generation"] >= 2, shown.output
        known.stage.finish(forks, directory)
        assert known.stage.outcome(directory / "run") == known.outcome


def members(run: Path) -> set[tuple[object, ...]]:
    """What run.db holds of a composite, with the seconds that each score took: computed again, they differ."""
    with closing(sqlite3.connect(run / "run.db")) as db:
        return set(db.execute("SELECT * FROM \"values\" WHERE name IN ('naswot', 'params')"))


def test_a_composite_killed_in_its_first_population_loses_nothing(
    forks: Forks, undisturbed: Known, tmp_path: Path
) -> None:
    stage = undisturbed("composite").stage
    start = [*stage.start, "--generations", "0"]
    first = forks.run(*start, cwd=stage.prepare(tmp_path / "first"))  # population, and nothing else
    directory = stage.prepare(tmp_path / "killed")
    ended = forks.run(*start, cwd=directory, kill_at=first.steps * 3 // 8)  # between two scores
    assert ended.code == -9, ended.output
    kept, before = members(directory / "run"), content(directory / "run")
    assert 4 <= len(kept) < 2 * 6 and not before["individuals"] and not before["statistics"]
    continued = forks.run("resume", "run", "--generations", "2", cwd=directory)
    assert continued.code == 0, continued.output
    assert kept < members(directory / "run")
    assert stage.outcome(directory / "run") == undisturbed("composite").outcome
    assert len(content(directory / "run")["statistics"]) == 1


@pytest.mark.slow
@pytest.mark.parametrize("power_loss", [False, True], ids=["kills", "power losses"])
@pytest.mark.parametrize("name", [*STAGES, "composite", "pipeline"])
def test_a_hundred_times_at_random_moments(
    name: str, power_loss: bool, forks: Forks, undisturbed: Known, tmp_path: Path
) -> None:
    until(MANY, forks, undisturbed(name), tmp_path, power_loss)

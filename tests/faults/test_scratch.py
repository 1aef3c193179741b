"""Work on a scratch disk: killed, stopped or without its disk at any moment, it ends as work on the run itself."""

from __future__ import annotations

import dataclasses
import errno
import os
import random
import shutil
import signal
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

import evonas
from evonas import EvonasError, SearchSettings, UsageError
from evonas.core.events import Event
from evonas.core.locks import held
from evonas.searching.events import GenerationDone
from evonas.store import mirror, scratch
from tests.evonas.conftest import TINY, content
from tests.faults.conftest import Undisturbed
from tests.faults.forking import Forks
from tests.faults.test_disk import one_message
from tests.faults.test_kills import Known

SETTINGS = SearchSettings(**TINY, proxy="params", generations=4, seed=3)
LOCAL = ("--scratch", "local")
KILLS, STEPS_OF_A_COPY = 25, 30


@pytest.fixture(scope="module")
def copying() -> Iterator[Forks]:
    """Commands that copy after every event."""
    made = Forks(copying=True)
    yield made
    made.close()


def on_local_disk(known: Undisturbed) -> Undisturbed:
    stage = known.stage
    return dataclasses.replace(
        known, stage=dataclasses.replace(stage, start=(*stage.start, *LOCAL), go_on=(*stage.go_on, *LOCAL))
    )


def killed_and_resumed(forks: Forks, known: Undisturbed, directory: Path, seed: int) -> int:
    """Kill the stage up to three times while it works or copies; returns how many kills met it.

    After each, the copy can be read; in the end it is continued on the scratch disk, or without one.
    """
    rng, stage, kills = random.Random(seed), known.stage, 0
    stage.prepare(directory)
    copies = [at for at, kind in enumerate(known.ended.kinds) if kind == f"before mkdir {mirror.STAGING}"]
    for _ in range(rng.choice((1, 2, 3))):
        started = (directory / "run" / "run.db").exists()
        argv = stage.go_on if started else stage.start
        moments = (rng.randint(1, known.ended.steps), rng.choice(copies) + rng.randint(1, STEPS_OF_A_COPY))
        ended = forks.run(*argv, cwd=directory, kill_at=rng.choice(moments))
        assert ended.code in (0, -9), ended.output
        kills += ended.code == -9
        shown = forks.run("show", "run", "--json", cwd=directory)
        assert shown.code == 0 or not (directory / "run" / "run.db").exists(), shown.output
    if not (directory / "run" / "run.db").exists():
        ended = forks.run(*stage.start, cwd=directory)
    else:
        ended = forks.run("resume", "run", *rng.choice(((), LOCAL)), cwd=directory)
    assert ended.code == 0, ended.output
    assert stage.outcome(directory / "run") == known.outcome
    shutil.rmtree(directory)
    return kills


def until(times: int, forks: Forks, known: Undisturbed, directory: Path) -> None:
    one = on_local_disk(known)
    ended = forks.run(*one.stage.start, cwd=one.stage.prepare(directory / "whole"))
    assert ended.code == 0 and one.stage.outcome(directory / "whole" / "run") == known.outcome, ended.output
    assert not [*(directory / "whole" / "local").iterdir()]
    one, kills, runs = dataclasses.replace(one, ended=ended), 0, 0
    while kills < times:
        kills += killed_and_resumed(forks, one, directory / f"{runs}", runs)
        runs += 1
    print(f"{known.stage.outcome.__name__} with --scratch: {kills} kills in {runs} runs, all ended identical")


@pytest.mark.parametrize("times", [1, pytest.param(KILLS, marks=pytest.mark.slow)])
def test_a_search_on_scratch_killed_at_any_moment_ends_the_same(
    times: int, copying: Forks, undisturbed: Known, tmp_path: Path
) -> None:
    until(times, copying, undisturbed("search"), tmp_path)


@pytest.mark.slow
def test_a_pipeline_on_scratch_killed_at_any_moment_ends_the_same(
    copying: Forks, undisturbed: Known, tmp_path: Path
) -> None:
    until(KILLS, copying, undisturbed("pipeline"), tmp_path)


def test_sigterm_copies_everything_before_the_end(forks: Forks, undisturbed: Known, tmp_path: Path) -> None:
    known = on_local_disk(undisturbed("search"))
    ended = forks.run(*known.stage.start, cwd=tmp_path, kill_at=known.ended.steps * 3 // 4, sign=signal.SIGTERM)
    assert ended.code == 130 and "Resume with: evonas resume run" in " ".join(ended.output.split()), ended.output
    with closing(sqlite3.connect(tmp_path / "run" / "run.db")) as db:
        (generations,) = db.execute("SELECT count(*) FROM generations").fetchone()
    assert generations > 1  # the copy at the first event had none
    assert not [*(tmp_path / "local").iterdir()]
    known.stage.finish(forks, tmp_path)
    assert known.stage.outcome(tmp_path / "run") == known.outcome


def test_a_disk_that_takes_no_more_is_one_message(forks: Forks, undisturbed: Known, tmp_path: Path) -> None:
    known = on_local_disk(undisturbed("search"))
    ended = forks.run(*known.stage.start, cwd=tmp_path, largest_file=45_000)
    text = one_message(ended)
    assert "cannot write" in text and "local" in text, text
    known.stage.finish(forks, tmp_path)
    assert known.stage.outcome(tmp_path / "run") == known.outcome


class At:
    """Does something once after a generation."""

    def __init__(self, generation: int, what: Callable[[], object]) -> None:
        self.generation, self.what = generation, what
        self.events: list[Event] = []

    def __call__(self, event: Event) -> None:
        self.events.append(event)
        if isinstance(event, GenerationDone) and event.row.generation == self.generation:
            self.what()


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The search without a scratch disk."""
    run = tmp_path_factory.mktemp("usual") / "run"
    evonas.search(SETTINGS, run=run)
    return run


def test_what_is_on_a_disk_that_vanishes_is_lost_after_the_last_copy_only(
    usual: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scratch, "SECONDS", 0.0)
    monkeypatch.setattr(scratch, "SHARE", 0)
    run, local = tmp_path / "run", tmp_path / "local"
    gone = At(2, lambda: shutil.rmtree(local))
    with pytest.raises(
        EvonasError, match=r"is gone or lacks files; \S+/run has what was copied before: resume with"
    ):
        evonas.search(SETTINGS, run=run, observer=gone, scratch=local)
    with closing(sqlite3.connect(run / "run.db")) as db:
        assert db.execute("SELECT max(generation) FROM generations").fetchone()[0] >= 1
    evonas.resume(run, scratch=local)
    assert content(run) == content(usual)


def test_a_full_disk_at_home_leaves_everything_on_the_scratch_disk(
    usual: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scratch, "SECONDS", 0.0)
    monkeypatch.setattr(scratch, "SHARE", 0)
    run, local, told = tmp_path / "the run", tmp_path / "local", At(9, lambda: None)

    def refuse(self: mirror.Mirror, *args: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as full:
        full.setattr(mirror.Mirror, "_rename", refuse)
        with pytest.raises(
            EvonasError, match=r"No space left .* free disk space, and copy it with: cp -r "
        ) as caught:
            evonas.search(SETTINGS, run=run, observer=told, scratch=local)
    warned = [event for event in told.events if type(event).__name__ == "Warned"]
    assert len(warned) == 1 and "copying is tried again" in warned[0].text
    assert os.system(str(caught.value).partition("copy it with: ")[2]) == 0
    assert content(run) == content(usual)
    evonas.resume(run, generations=5)


def test_nobody_else_works_on_the_run_meanwhile(usual: Path, tmp_path: Path) -> None:
    run = Path(shutil.copytree(usual, tmp_path / "run"))
    with held(run), pytest.raises(EvonasError, match=f"{run} is in use by process"):
        evonas.resume(run, generations=5, scratch=tmp_path / "local")

    def second() -> None:
        with pytest.raises(EvonasError, match=f"{run} is in use by process"):
            evonas.resume(run, generations=6)

    evonas.resume(run, observer=At(5, second), generations=5, scratch=tmp_path / "local")


def test_a_log_that_a_killed_process_left_does_not_outlive_its_database(usual: Path, tmp_path: Path) -> None:
    run = Path(shutil.copytree(usual, tmp_path / "run"))
    with closing(sqlite3.connect(run / "run.db")) as writer:
        writer.execute("PRAGMA journal_mode=WAL")
        writer.execute("INSERT OR REPLACE INTO meta VALUES ('note', 'x')")
        writer.commit()
        shutil.copytree(run, tmp_path / "killed")
    assert (tmp_path / "killed/run.db-wal").stat().st_size > 0
    evonas.resume(tmp_path / "killed", generations=5, scratch=tmp_path / "local")
    assert not [*(tmp_path / "killed").glob("run.db-*")]
    with closing(sqlite3.connect(tmp_path / "killed/run.db")) as db:
        assert db.execute("SELECT value FROM meta WHERE key = 'note'").fetchone() == ("x",)
    evonas.resume(run, generations=5)
    assert content(tmp_path / "killed") == content(run)


def test_messages_name_the_run_and_files_of_others_stay(usual: Path, tmp_path: Path) -> None:
    run = Path(shutil.copytree(usual, tmp_path / "run"))
    (run / "notes.txt").write_text("mine")
    heard = At(5, lambda: None)
    result = evonas.resume(run, observer=heard, generations=5, scratch=tmp_path / "local")
    assert result.path == run and (run / "notes.txt").read_text() == "mine"
    assert not [event for event in heard.events if "local" in str(event)]
    with pytest.raises(UsageError, match=f"{run} already has 5 generations"):
        evonas.resume(run, generations=3, scratch=tmp_path / "local")
    with pytest.raises(UsageError, match=f"{run} already holds a run; resume it with: evonas resume {run}"):
        evonas.search(SETTINGS, run=run, scratch=tmp_path / "local")
    with pytest.raises(UsageError, match="--scratch needs --run"):
        evonas.search(SETTINGS, scratch=tmp_path / "local")
    (tmp_path / "else").mkdir()
    (tmp_path / "else/mine").touch()
    with pytest.raises(UsageError, match="is not empty"):
        evonas.search(SETTINGS, run=tmp_path / "else", scratch=tmp_path / "local")
    with pytest.raises(UsageError, match="does not exist"):
        evonas.resume(tmp_path / "none", scratch=tmp_path / "local")
    with pytest.raises(EvonasError, match=r"none\.csv"):
        evonas.search(
            dataclasses.replace(SETTINGS, proxy="table:none.csv:x"), run=tmp_path / "new", scratch=tmp_path
        )
    assert not (tmp_path / "new").exists() and not [*(tmp_path / "local").iterdir()]


def write(root: Path, **files: str) -> None:
    for name, text in files.items():
        path = root / name.replace("__", "/").replace("_json", ".json")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_a_training_that_was_put_aside_is_put_aside_in_the_copy_whenever_copying_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At no moment is the training of one winner next to the evaluation or the state of another."""
    steps = 0
    while True:
        steps += 1
        here, home = tmp_path / f"here{steps}", tmp_path / f"home{steps}"
        write(here, train__settings_json="A", train__last="A", evaluation_json="A", best_json="A")
        copies = mirror.Mirror(here, home)
        assert copies.update() and not copies.update() and not copies.lost
        (here / "evaluation.json").rename(here / "train/evaluation.json")
        (here / "train").rename(here / "train.1")
        write(here, train__settings_json="B", train__last="B", best_json="B")
        assert not copies.lost
        left = steps

        def count(directory: Path) -> None:
            nonlocal left
            left -= 1
            if left == 0:
                raise KeyboardInterrupt

        with monkeypatch.context() as counted:
            counted.setattr(mirror, "synchronise", count)
            with suppress(KeyboardInterrupt):
                copies.update()
        found = {path.read_text() for path in (home / "train").glob("*")}
        assert found in ({"A"}, {"B"}, set()), steps
        if found == {"B"}:
            assert not (home / "evaluation.json").exists()
            assert {path.read_text() for path in (home / "train.1").glob("*")} == {"A"}
        copies.update()
        for one in (path for path in here.rglob("*") if path.is_file()):
            assert (home / one.relative_to(here)).read_text() == one.read_text()
        if left > 0:
            break
    assert steps > 3


def test_the_state_of_a_generation_is_copied_before_the_database_that_refers_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, home, seen = tmp_path / "here", tmp_path / "home", []
    copies = mirror.Mirror(here, home)
    for last in (1, 2, 3):
        write(here, **{f"state__{last}.safetensors": "x", "run.db": f"{last}" * 5000})  # copied byte by byte
        (here / f"state/{last - 2}.safetensors").unlink(missing_ok=True)
        assert not copies.lost

        def refers(directory: Path) -> None:
            found = home / "run.db"
            seen.append(not found.exists() or (home / f"state/{found.read_text()[0]}.safetensors").exists())

        with monkeypatch.context() as watched:
            watched.setattr(mirror, "synchronise", refers)
            copies.update()
        assert seen and all(seen)
    assert {path.name for path in (home / "state").iterdir()} == {"2.safetensors", "3.safetensors"}


@pytest.mark.slow
def test_a_table_on_scratch_survives_25_random_kills(copying: Forks, few_pictures: str, tmp_path: Path) -> None:
    words = (
        f"tabulate --space nasbench201 --dataset {few_pictures} --image-size 8 --channels 2 --layers 1 --sample 3"
    )
    words += " --epochs 2 --set batch_size=12 --set cutout=0 --eps 64 --steps 2 --images 6 --no-corruptions"
    command = (*words.split(), "--device", "cpu", "--engine", "in-process", "--out", "own.csv")
    (tmp_path / "whole").mkdir()
    (tmp_path / "usual").mkdir()
    assert copying.run(*command, cwd=tmp_path / "usual").code == 0
    whole = copying.run(*command, *LOCAL, cwd=tmp_path / "whole")
    assert whole.code == 0, whole.output
    kills = runs = 0
    while kills < KILLS:
        rng, directory = random.Random(runs), tmp_path / f"{runs}"
        directory.mkdir()
        for _ in range(3):
            ended = copying.run(*command, *LOCAL, cwd=directory, kill_at=rng.randint(1, whole.steps))
            assert ended.code in (0, -9), ended.output
            kills += ended.code == -9
        ended = copying.run(*command, *rng.choice(((), LOCAL)), cwd=directory)
        assert ended.code == 0, ended.output
        for name in ("own.csv", "own.json"):
            assert (directory / name).read_bytes() == (tmp_path / "usual" / name).read_bytes()
        runs += 1
    print(f"tabulate with --scratch: {kills} kills in {runs} tables, all ended identical")

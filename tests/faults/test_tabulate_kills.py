"""A table or a control group whose process is killed, or whose disk is full, ends with the same bytes."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest

from tests.faults.forking import Ended, Forks
from tests.faults.test_disk import one_message

Command = tuple[str, ...]
Bytes = tuple[bytes, bytes]


def files(directory: Path) -> Bytes:
    return (directory / "own.csv").read_bytes(), (directory / "own.json").read_bytes()


@pytest.fixture(scope="session")
def command(few_pictures: str) -> Command:
    """Four trainings of two epochs."""
    words = (
        f"tabulate --space nasbench201 --dataset {few_pictures} --image-size 8 --channels 2 --layers 1 --sample 3"
    )
    words += " --seeds 2 --seeds-for 1 --epochs 2 --set batch_size=12 --set cutout=0 --lr 0.3 --eps 64 --steps 2"
    return tuple(f"{words} --images 6 --no-corruptions --device cpu --engine in-process --out own.csv".split())


@pytest.fixture(scope="session")
def whole(
    forks: Forks, command: Command, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Ended, Bytes, list[int]]:
    """How it ends when nothing happens, its files, and the sizes of all files."""
    directory = tmp_path_factory.mktemp("table")
    ended = forks.run(*command, cwd=directory)
    assert ended.code == 0, ended.output
    sizes = sorted({path.stat().st_size for path in directory.rglob("*") if path.is_file()} - {0})
    return ended, files(directory), sizes


def killed_and_repeated(forks: Forks, command: Command, whole: Ended, directory: Path, rng: random.Random) -> int:
    """Kill the command up to five times, then let it end; returns how many kills met a process at work."""
    directory.mkdir()
    kills = 0
    for _ in range(rng.choice((1, 3, 5))):
        at_step = {"kill_at": rng.randint(1, whole.steps)}
        in_time = {"after": rng.uniform(0, whole.seconds)}
        ended = forks.run(*command, cwd=directory, **rng.choice((at_step, in_time)))
        assert ended.code in (0, -9), ended.output
        kills += ended.code == -9
    ended = forks.run(*command, cwd=directory)
    assert ended.code == 0, ended.output
    return kills


def test_a_table_killed_at_any_moment_ends_with_the_same_bytes(
    forks: Forks, command: Command, whole: tuple[Ended, Bytes, list[int]], tmp_path: Path
) -> None:
    kills = killed_and_repeated(forks, command, whole[0], tmp_path / "own", random.Random(3))
    assert kills and files(tmp_path / "own") == whole[1]


@pytest.mark.slow
def test_a_table_survives_25_random_kills(
    forks: Forks, command: Command, whole: tuple[Ended, Bytes, list[int]], tmp_path: Path
) -> None:
    kills = runs = 0
    while kills < 25:
        kills += killed_and_repeated(forks, command, whole[0], tmp_path / f"{runs}", random.Random(runs))
        assert files(tmp_path / f"{runs}") == whole[1]
        runs += 1
    print(f"tabulate: {kills} kills in {runs} tables, all ended identical")


def test_a_table_on_a_disk_that_takes_no_more_is_one_message_and_nothing_is_lost(
    forks: Forks, command: Command, whole: tuple[Ended, Bytes, list[int]], tmp_path: Path
) -> None:
    ended = forks.run(*command, cwd=tmp_path, largest_file=whole[2][-1] - 1)
    assert "ree disk space" in one_message(ended), ended.output
    ended = forks.run(*command, cwd=tmp_path)
    assert ended.code == 0 and files(tmp_path) == whole[1], ended.output


@pytest.mark.slow
def test_a_table_on_disks_of_30_sizes(
    forks: Forks, command: Command, whole: tuple[Ended, Bytes, list[int]], tmp_path: Path
) -> None:
    rng, met = random.Random(0), 0
    for number in range(30):
        directory = tmp_path / f"{number}"
        directory.mkdir()
        ended = forks.run(*command, cwd=directory, largest_file=rng.randrange(whole[2][-1]))
        if ended.code:
            met += 1
            assert "ree disk space" in one_message(ended), ended.output
        ended = forks.run(*command, cwd=directory)
        assert ended.code == 0 and files(directory) == whole[1], ended.output
    print(f"tabulate: {met} of 30 limits were met, all ended identical")
    assert met > 10


CONTROLS = ("resume", "run", "--controls", "2", "--retrainings", "2", "--engine", "in-process")


def compared(directory: Path) -> tuple[bytes, ...]:
    names = ("controls.json", "controls.csv", "evaluation.json")
    return tuple((directory / "run" / name).read_bytes() for name in names)


@pytest.fixture(scope="session")
def group(
    forks: Forks, few_pictures: str, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Ended, tuple[bytes, ...]]:
    """A run without controls, how they are added when nothing happens, and the files at the end."""
    before, after = tmp_path_factory.mktemp("before"), tmp_path_factory.mktemp("after")
    words = f"search --space nasbench201 --dataset {few_pictures} --image-size 8 --channels 2 --layers 1"
    words += " --proxy params --population 4 --children 2 --generations 1 --epochs 1 --train-batch-size 12"
    ended = forks.run(
        *f"{words} --set cutout=0 --set lr=0.3 --images 4 --checks 0 --device cpu --run run".split(), cwd=before
    )
    assert ended.code == 0, ended.output
    shorter = "evaluate run --images 4 --checks 0 --no-corruptions --eps 64 --steps 2 --device cpu"
    assert forks.run(*shorter.split(), cwd=before).code == 0
    shutil.copytree(before / "run", after / "run")
    ended = forks.run(*CONTROLS, cwd=after)
    assert ended.code == 0, ended.output
    return before, ended, compared(after)


def group_killed_and_resumed(
    forks: Forks, group: tuple[Path, Ended, tuple[bytes, ...]], directory: Path, rng: random.Random
) -> int:
    """Kill what adds controls up to three times, then let it end; returns how many kills met a process at work."""
    before, whole, files_of = group
    directory.mkdir()
    shutil.copytree(before / "run", directory / "run")
    kills = 0
    for _ in range(rng.choice((1, 2, 3))):
        ended = forks.run(*CONTROLS, cwd=directory, kill_at=rng.randint(1, whole.steps))
        assert ended.code in (0, -9), ended.output
        kills += ended.code == -9
    ended = forks.run(*CONTROLS, cwd=directory)
    assert ended.code == 0 and compared(directory) == files_of, ended.output
    return kills


def test_a_control_group_killed_at_any_moment_ends_with_the_same_bytes(
    forks: Forks, group: tuple[Path, Ended, tuple[bytes, ...]], tmp_path: Path
) -> None:
    assert group_killed_and_resumed(forks, group, tmp_path / "own", random.Random(1))


@pytest.mark.slow
def test_a_control_group_survives_25_random_kills(
    forks: Forks, group: tuple[Path, Ended, tuple[bytes, ...]], tmp_path: Path
) -> None:
    kills = runs = 0
    while kills < 25:
        kills += group_killed_and_resumed(forks, group, tmp_path / f"{runs}", random.Random(runs))
        runs += 1
    print(f"controls: {kills} kills in {runs} groups, all ended identical")

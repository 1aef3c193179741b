"""A disk that takes no more, at any moment: one message, and a resume ends as if nothing had happened."""

from __future__ import annotations

import os
import random
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults.conftest import Undisturbed
from tests.faults.forking import Ended, Forks

STAGES = ("search", "training", "evaluation")
PAGE = 4096
Known = Callable[[str], Undisturbed]


def one_message(ended: Ended) -> str:
    """What a command said that failed; it must be one line, and no traceback."""
    assert ended.code == 1, ended.output
    lines = [line for line in ended.output.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1 and lines[0] == ended.output.splitlines()[-1], ended.output
    assert "Traceback" not in ended.output and "internal error" not in ended.output, ended.output
    return lines[0]


def refused_and_continued(forks: Forks, known: Undisturbed, directory: Path, largest: int) -> bool:
    """No file outgrows ``largest`` bytes, then there is room again; returns whether that was too small."""
    stage = known.stage
    stage.prepare(directory)
    ended = forks.run(*stage.start, cwd=directory, largest_file=largest)
    if ended.code != 0:
        said = one_message(ended)
        assert "cannot" in said and "ree disk space" in said, said
    assert not list(directory.rglob("*.part"))
    stage.finish(forks, directory)
    assert stage.outcome(directory / "run") == known.outcome
    return ended.code != 0


def limits(run: Path, count: int, seed: int = 0) -> list[int]:
    """Sizes at which some file of a run does not fit any more, and others between."""
    rng = random.Random(seed)
    sizes = sorted({path.stat().st_size for path in run.rglob("*") if path.is_file()} - {0})
    return [rng.choice((rng.choice(sizes) - 1, rng.randrange(sizes[-1]))) for _ in range(count)]


@pytest.mark.parametrize("name", STAGES)
def test_a_file_that_cannot_grow_is_one_message_and_nothing_is_lost(
    name: str, forks: Forks, undisturbed: Known, tmp_path: Path
) -> None:
    known = undisturbed(name)
    found = [
        refused_and_continued(forks, known, tmp_path / f"{i}", limit)
        for i, limit in enumerate(limits(known.run, 2))
    ]
    assert any(found)


@pytest.mark.slow
@pytest.mark.parametrize("name", [*STAGES, "composite", "pipeline"])
def test_files_that_cannot_grow_at_a_hundred_sizes(
    name: str, forks: Forks, undisturbed: Known, tmp_path: Path
) -> None:
    known = undisturbed(name)
    found = [
        refused_and_continued(forks, known, tmp_path / f"{i}", limit)
        for i, limit in enumerate(limits(known.run, 100))
    ]
    print(f"{name}: {sum(found)} of {len(found)} limits were met, all ended identical")
    assert sum(found) > 20


@pytest.mark.parametrize(
    ("command", "made"),
    [
        (("report", "run"), "report.html"),
        (("plot", "run", "--what", "history"), "history.svg"),
    ],
)
def test_a_page_that_does_not_fit_is_one_message_and_leaves_nothing(
    command: tuple[str, ...], made: str, forks: Forks, undisturbed: Known, tmp_path: Path
) -> None:
    known = undisturbed("search")
    subprocess.run(["cp", "-r", str(known.run), str(tmp_path / "run")], check=True)
    before = {path.name for path in (tmp_path / "run").iterdir()}
    said = one_message(forks.run(*command, cwd=tmp_path, largest_file=2000))
    assert f"cannot write run/{made}: File too large (" in said and "kB needed)" in said
    assert {path.name for path in (tmp_path / "run").iterdir()} - {"run.db-shm", "run.db-wal"} <= before
    assert forks.run(*command, cwd=tmp_path).code == 0


def test_an_export_that_does_not_fit_is_one_message_and_leaves_nothing(
    forks: Forks, undisturbed: Known, tmp_path: Path
) -> None:
    subprocess.run(["cp", "-r", str(undisturbed("training").run), str(tmp_path / "run")], check=True)
    command = ("export", "run", "--format", "safetensors")
    said = one_message(forks.run(*command, cwd=tmp_path, largest_file=2000))
    assert "model.safetensors: File too large (" in said
    assert not list((tmp_path / "run" / "export").iterdir())
    assert forks.run(*command, cwd=tmp_path).code == 0


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 4 MB in memory; skips where none can be mounted."""
    place = tmp_path / "disk"
    place.mkdir()
    asked = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(place)]
    try:
        done = subprocess.run(asked, capture_output=True, text=True)
    except OSError as error:
        pytest.skip(f"no file system can be mounted here: {error}")
    if done.returncode:
        pytest.skip(f"no file system can be mounted here: {done.stderr.strip()}")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


@pytest.mark.slow
@pytest.mark.parametrize("name", [*STAGES, "composite", "pipeline"])
def test_a_disk_that_is_full_after_every_kth_page(
    name: str, forks: Forks, undisturbed: Known, small_disk: Path
) -> None:
    known = undisturbed(name)
    met = runs = 0
    used = sum(-(-path.stat().st_size // PAGE) for path in known.run.rglob("*") if path.is_file()) + 20
    for room in range(0, used, max(1, used // 100)):
        directory = known.stage.prepare(small_disk / "work")
        free = os.statvfs(small_disk).f_bavail
        with (small_disk / "filler").open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, max(1, free - room) * PAGE)
        ended = forks.run(*known.stage.start, cwd=directory)
        if ended.code != 0:
            said = one_message(ended)
            assert "ree disk space" in said or "No space left on device" in said, said
            met += 1
        (small_disk / "filler").unlink()
        known.stage.finish(forks, directory)
        assert known.stage.outcome(directory / "run") == known.outcome
        subprocess.run(["rm", "-r", str(directory)], check=True)
        runs += 1
    print(f"{name}: the disk was full in {met} of {runs} runs, all ended identical")
    assert met > 20


def read_only(place: Path, yes: bool) -> None:
    """Let nothing be written there, or let it."""
    subprocess.run(["mount", "-o", f"remount,{'ro' if yes else 'rw'}", str(place)], check=True)


@pytest.mark.parametrize("name", STAGES)
def test_a_disk_that_is_read_only_is_one_message(
    name: str, forks: Forks, undisturbed: Known, small_disk: Path
) -> None:
    known = undisturbed(name)
    directory = known.stage.prepare(small_disk / "work")
    if name == "search":
        read_only(small_disk, True)
        said = one_message(forks.run(*known.stage.start, cwd=directory))
        assert "cannot" in said and "read-only" in said.lower(), said
        read_only(small_disk, False)
    forks.run(*known.stage.start, cwd=directory, kill_at=known.ended.steps // 2)
    read_only(small_disk, True)
    said = one_message(forks.run(*known.stage.go_on, cwd=directory))
    assert "cannot" in said and "read-only" in said.lower(), said
    if name == "search":
        assert forks.run("show", "run", cwd=directory).code == 0
    read_only(small_disk, False)
    known.stage.finish(forks, directory)
    assert known.stage.outcome(directory / "run") == known.outcome

"""What is shown is not what is computed: a command whose reader goes away works to its end."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import evonas
from evonas import SearchSettings
from evonas.cli import app as cli
from evonas.core.events import Listener
from evonas.core.locks import held
from evonas.core.signals import Interrupted, heeded, stop_requests
from evonas.searching.events import Evaluated
from evonas.store import run as store
from evonas.store.paths import dated
from evonas.training import train_stage as stage
from spaces import EvonasError
from tests import forks
from tests.conftest import REPOSITORY
from tests.evonas.cli.test_cli import run
from tests.evonas.conftest import content

Tiny = Callable[..., SearchSettings]
SEARCH = ("search", "--no-final", "--proxy", "params", "--channels", "2", "--layers", "3", "--population", "6")
SEARCH += ("--children", "3", "--batch-size", "4", "--run", "run", "--generations", "4", "--device", "cpu")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The search of ``SEARCH``, whose output was read."""
    path = tmp_path_factory.mktemp("whole") / "run"
    settings = {"population": 6, "children": 3, "batch_size": 4, "generations": 4, "device": "cpu"}
    evonas.search(SearchSettings(proxy="params", channels=2, layers=3, **settings), path)
    return path


def cut(*argv: str, cwd: Path, after: int = 0) -> tuple[int, str]:
    """Exit code and standard error of ``evonas argv`` whose reader goes away ``after`` so many lines."""
    command = forks.start(*argv, cwd=cwd, apart=True)
    for _ in range(after):
        command.stdout.readline()
    command.stdout.close()
    code = command.wait()
    assert command._stderr is not None
    command._stderr.seek(0)
    return code, command._stderr.read()


@pytest.mark.parametrize("lines", [0, 1])
def test_a_search_whose_output_is_cut_is_searched_to_its_end(lines: int, whole: Path, tmp_path: Path) -> None:
    assert cut(*SEARCH, cwd=tmp_path, after=lines) == (0, "")
    assert content(tmp_path / "run") == content(whole)


def test_a_listing_that_is_cut_ends_quietly(whole: Path) -> None:
    for command in ("list", "list proxies --json", "show run", "show run --json", "--help", "search --help"):
        assert cut(*command.split(), cwd=whole.parent) == (0, ""), command
    assert cut("score", "DARTS_V2", "--proxy", "params", "--json", cwd=whole.parent) == (0, "")


def test_streams_that_are_closed_take_no_file_of_the_run(whole: Path, tmp_path: Path) -> None:
    words = shlex.join([sys.executable, "-m", "evonas", *SEARCH])
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run(["sh", "-c", f"exec {words} <&- >&- 2>&-"], cwd=tmp_path, env=environment)
    assert done.returncode == 0 and content(tmp_path / "run") == content(whole)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_output_that_cannot_be_written_is_one_message_and_costs_no_work(whole: Path, tmp_path: Path) -> None:
    for argv in (SEARCH, ("list", "proxies", "--json")):
        with Path("/dev/full").open("wb") as full, (tmp_path / "error").open("w+") as error:
            status = forks.server().start(argv, tmp_path, full.fileno(), error.fileno())
            assert [status.readline(), status.readline()][1] == "1\n"
            error.seek(0)
            (line,) = error.read().splitlines()
        assert line.startswith("error: cannot write to standard output: No space left on device")
    assert content(tmp_path / "run") == content(whole)


def test_a_terminal_that_closes_stops_a_search_which_can_be_resumed(tmp_path: Path) -> None:
    command = forks.start(*SEARCH[:-4], "--generations", "100000", cwd=tmp_path)
    while "generation 1:" not in command.stdout.readline():
        pass
    for _ in range(2):  # of a shell, and of the system
        command.send_signal(signal.SIGHUP)
    output, _ = command.communicate()
    assert command.returncode == 130 and "evonas resume run" in output, output


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_that_a_process_was_started_to_ignore_stays_ignored(number: signal.Signals) -> None:
    before = signal.signal(number, signal.SIG_IGN)  # as nohup does, and a script for its background jobs
    try:
        assert number not in heeded()
        with stop_requests(lambda text: None) as request:
            signal.raise_signal(number)
        assert not request.requested and signal.getsignal(number) is signal.SIG_IGN
    finally:
        signal.signal(number, before)


def test_each_of_several_takes_a_directory_of_its_own(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        paths = list(pool.map(lambda _: dated("darts-croze", tmp_path / "runs"), range(40)))
    assert len(set(paths)) == 40 and all(path.is_dir() for path in paths)
    assert not {path.name.rpartition("croze")[2] for path in paths} ^ {"", *(f"-{i}" for i in range(2, 41))}
    (tmp_path / "file").write_text("")
    with pytest.raises(EvonasError, match="cannot create"):
        dated("x", tmp_path / "file")


def test_processes_that_train_together_are_asked_for_one_directory(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(EvonasError, match="--run"):
        stage.train("DARTS_V2", channels=2, layers=3)
    assert not list(tmp_path.iterdir())


def interrupted(*_: Any, **__: Any) -> Any:
    raise KeyboardInterrupt


def test_an_interruption_before_there_is_a_run_promises_none(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(store.Run, "create", interrupted)
    monkeypatch.setattr(stage, "_created", interrupted)
    for argv in (SEARCH, ("train", "DARTS_V2", "--channels", "2", "--layers", "3", "--run", "run")):
        done = run(*argv, cwd=tmp_path)
        assert (done.returncode, done.stderr) == (130, "interrupted\n")


class StopsAt(Listener):
    """Is interrupted at once when a birth is scored, or when a training begins."""

    def evaluated(self, event: Evaluated) -> None:
        raise KeyboardInterrupt

    training = interrupted


def test_an_interruption_names_the_run_that_there_is(
    tiny: Tiny, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(Interrupted) as caught:
        evonas.search(tiny(), observer=StopsAt())
    (path,) = Path("runs").iterdir()
    assert str(caught.value) == f"interrupted; finished work is saved. Resume with: evonas resume {path}"
    with pytest.raises(Interrupted, match=r"Resume with: evonas resume a$"):
        evonas.train("DARTS_V2", "a", StopsAt(), channels=2, layers=3, device="cpu")
    with pytest.raises(SystemExit) as end, monkeypatch.context() as patch:
        patch.setattr(sys, "argv", ["evonas", "resume", "a"])
        patch.setattr("evonas.api.resume", interrupted)
        cli.main()
    assert end.value.code == 130


def test_two_checkpoints_in_one_directory_are_evaluated_at_once(tmp_path: Path) -> None:
    from tests.evonas.evaluation.test_evaluate_command import QUICK, untrained

    for name in ("a", "b"):
        untrained(tmp_path / f"{name}.safetensors")
    before = {"a.safetensors", "b.safetensors"}
    command = ("evaluate", "b.safetensors", *QUICK[:-2], "--checks", "0", "--images", "4", "--attacks", "fgsm")
    with held(tmp_path, "a.evaluation", leave_nothing=True):
        done = run(*command, "--device", "cpu", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        done = run(*(word.replace("b.s", "a.s") for word in command), cwd=tmp_path)
        assert done.returncode == 1 and "a.evaluation is in use by process" in done.stderr
    written = {path.name for path in tmp_path.iterdir()} - before
    assert written == {"b.evaluation.json", "b.evaluation.db"}

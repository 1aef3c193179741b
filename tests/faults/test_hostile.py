"""Whatever a stranger hands in is answered by one message: no traceback, no stray file, bounded memory."""

from __future__ import annotations

import gzip
import os
import pickle
import resource
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from evonas import EvonasError, SearchSettings, UsageError, search
from evonas.cli import app as cli
from evonas.data import source
from evonas.tables import read_table
from evonas.training import checkpoint
from spaces import spaces
from tests.faults import fuzz, hostile
from tests.faults.seeds import seeds
from tests.faults.watch import watched

CASES = int(os.environ.get("EVONAS_FAULTS", "100"))  # 100 stands for the 100,000 cases of the slow suite
SHARE = {"genotype": 300, "table": 150, "packed_table": 100, "settings": 150, "weights": 100, "claims": 50}
SHARE |= {"database": 40, "cell": 40, "schema": 5, "results": 5, "picture": 100, "score_file": 30}
SHARE |= {"attack_journal": 40}  # of a thousandth of the cases, so that what is quick is tried more often


def altered(name: str) -> st.SearchStrategy[bytes]:
    """Bytes of any kind, and the seeds of a target with a piece cut out and another one put in."""
    some = st.sampled_from([seed for seed in seeds(name) if len(seed) < 50_000])

    def edit(seed: bytes, at: int, cut: int, put: bytes) -> bytes:
        at %= len(seed) + 1
        return seed[:at] + put + seed[at + cut :]

    edits = st.builds(edit, some, st.integers(0, 50_000), st.integers(0, 30), st.binary(max_size=12))
    return st.one_of(edits, edits, st.binary(max_size=200), st.text(max_size=100).map(str.encode))


@pytest.mark.parametrize("name", ["genotype", "table", "packed_table", "weights", "picture", "attack_journal"])
def test_what_is_known_to_be_nasty_is_answered(name: str) -> None:
    accepted = [hostile.TARGETS[name](seed) for seed in seeds(name)]
    assert not all(accepted) and (any(accepted) or name in ("weights", "attack_journal"))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["settings", "cell", "schema", "results", "claims"])
def test_every_field_may_hold_anything(name: str) -> None:
    for seed in seeds(name):
        hostile.TARGETS[name](seed)


@pytest.mark.parametrize("name", sorted(hostile.TARGETS))
def test_anything_is_answered(name: str) -> None:
    check(name, 5 if name in ("schema", "results", "cell", "database") else 20)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(hostile.TARGETS))
def test_anything_is_answered_many_times(name: str) -> None:
    check(name, max(1, SHARE[name] * 1000 * CASES // (100 * sum(SHARE.values()) // 100)))


def check(name: str, cases: int) -> None:
    @settings(max_examples=cases, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(altered(name))
    def tried(data: bytes) -> None:
        hostile.TARGETS[name](data)

    tried()


@pytest.mark.parametrize(
    "work",
    [
        lambda path: (path / "x").write_text(""),
        lambda path: (path / "x").mkdir(),
        lambda path: sqlite3.connect(path / "x").close(),
        lambda path: subprocess.run([sys.executable, "--version"], capture_output=True),
        lambda path: pickle.loads(pickle.dumps(Path)),  # noqa: S301
        lambda path: os.system("true"),
        lambda path: path.rename(path.with_name("elsewhere")),
    ],
)
def test_who_watches_sees_what_is_written_elsewhere_and_what_is_run(
    work: Callable[[Path], object], tmp_path: Path
) -> None:
    (inside := tmp_path / "inside").mkdir()
    (other := tmp_path / "other").mkdir()
    with watched(inside):
        (inside / "x").write_text("y")
        (other / "x").exists()
    with pytest.raises(AssertionError), watched(inside):
        work(other)


def test_the_fuzzer_keeps_what_is_not_answered_once_a_place(tmp_path: Path) -> None:
    def target(data: bytes) -> bool:
        if data == b"other":
            raise KeyError(data)
        return bool(1 / len(data[1:]))

    tried = fuzz.Tried(target, "kind", 99, tmp_path)
    for data in (b"a", b"b", b"other", b"right"):
        tried(data)
    kept = sorted(path.read_bytes() for path in tmp_path.iterdir() if not path.suffix)
    assert kept == [b"a", b"other"] and (tried.count, tried.accepted) == (4, 1)
    assert all("Error" in path.read_text() for path in tmp_path.glob("*.txt"))


def test_the_fuzzer_says_what_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "atheris", None)
    monkeypatch.setattr(sys, "argv", ["fuzz", "genotype"])
    with pytest.raises(SystemExit, match="pip install atheris"):
        fuzz.main()


@pytest.mark.parametrize("make", [lambda deep: "(" * deep, lambda deep: "-" * deep, lambda deep: "[" * deep])
@pytest.mark.parametrize("space", sorted(spaces))
def test_a_genotype_of_any_depth_or_length_is_refused(make: Callable[[int], str], space: str) -> None:
    for deep in (99, 6000, 19_999, 100_000, 10_000_000):
        with pytest.raises(UsageError) as error:
            spaces[space].parse(make(deep))
        assert len(str(error.value)) < 500


def test_a_bomb_of_a_table_takes_no_memory(tmp_path: Path) -> None:
    for content in (b"0" * 100_000_000, b"arch_str,x\n" + b"a,1\n" * 10_000_000):
        (tmp_path / "bomb.csv.gz").write_bytes(gzip.compress(content, 1))
        del content
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        with pytest.raises(UsageError):
            read_table(tmp_path / "bomb.csv.gz", spaces["nasbench201"])
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000  # kB


def folder(path: Path) -> Path:
    for name in ("one", "two"):
        (path / name).mkdir()
        Image.new("RGB", (9, 7)).save(path / name / "a.png")
    return path


@pytest.mark.parametrize("side", [(20_000, 20_000), (1, 1_000_000), (9_000_000, 1)])
def test_an_image_that_would_fill_the_memory_is_refused(tmp_path: Path, side: tuple[int, int]) -> None:
    import struct
    import zlib

    folder(tmp_path)
    header = b"IHDR" + struct.pack(">IIBBBBB", *side, 1, 0, 0, 0, 0)
    chunk = struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))
    data = zlib.compress(bytes(1000))
    chunk += struct.pack(">I", len(data)) + b"IDAT" + data + struct.pack(">I", zlib.crc32(b"IDAT" + data))
    (tmp_path / "two" / "b.png").write_bytes(b"\x89PNG\r\n\x1a\n" + chunk)
    with pytest.raises(EvonasError, match="pixels"):
        source(f"folder:{tmp_path}").images("train")


def test_links_in_a_circle_pipes_and_empty_classes_are_answered(tmp_path: Path) -> None:
    folder(tmp_path)
    assert len(source(f"folder:{tmp_path}").images("train")) == 2
    (tmp_path / "two" / "loop.png").symlink_to(tmp_path / "two" / "loop.png")
    with pytest.raises(EvonasError, match=r"loop\.png is not a file"):
        source(f"folder:{tmp_path}").images("train")
    (tmp_path / "two" / "loop.png").unlink()
    os.mkfifo(tmp_path / "two" / "pipe.png")
    with pytest.raises(EvonasError, match=r"pipe\.png is not a file"):
        source(f"folder:{tmp_path}").images("train")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "three").mkdir()
    with pytest.raises(EvonasError, match="1 class of 3 without an image: three"):
        source(f"folder:{tmp_path}")
    for name in ("one", "two"):
        for entry in (tmp_path / name).iterdir():
            entry.unlink()
    with pytest.raises(EvonasError, match="no images found"):
        source(f"folder:{tmp_path}").labels("train")


def test_a_checkpoint_that_claims_a_huge_network_takes_no_memory(tmp_path: Path) -> None:
    import dataclasses

    found = checkpoint.load(hostile.good_checkpoint())
    huge = dataclasses.replace(found.settings, channels=4096, layers=4096)
    with pytest.raises(EvonasError, match="does not hold the network"):
        dataclasses.replace(found, settings=huge).model()
    assert found.model() is not None


def test_a_directory_with_files_of_others_is_no_place_for_a_run(tmp_path: Path) -> None:
    (tmp_path / "best.json").write_text("mine")
    with pytest.raises(UsageError, match="is not empty"):
        search(SearchSettings(proxy="params"), tmp_path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["best.json"]


TINY = ["--proxy", "params", "--population", "2", "--tournament", "1", "--children", "1", "--generations", "1"]


@pytest.mark.parametrize(
    "name",
    ["", "n" * 300, "\x1b[2J", "\udcff", "../inside/y"]
    + [pytest.param(name, marks=pytest.mark.slow) for name in ("n/" * 3000, "a\nb", "é", "-", "~")],
)
def test_a_run_may_have_any_name_that_a_directory_may(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    inside = tmp_path / "inside"
    (inside / "other").mkdir(parents=True)
    monkeypatch.chdir(inside)
    possible = bool(name) and len(name) < 250
    for command, code in (
        (["search", *TINY, "--no-final", f"--run={name}"], 0 if possible else None),
        (["show", "--", name], 0 if possible else None),
        (["resume", "--", name], 0 if possible else None),
    ):
        monkeypatch.setattr(sys, "argv", ["evonas", *command])
        with pytest.raises(SystemExit) as end:
            cli.main()
        out, err = capfd.readouterr()
        assert "Traceback" not in out + err and "internal error" not in err
        assert (end.value.code or 0) == code if code is not None else end.value.code in (1, 2), err
        assert "\x1b[2J" not in err
    assert {entry.name for entry in tmp_path.iterdir()} == {"inside"}
    assert len(list(inside.iterdir())) == 1 + possible


@pytest.mark.parametrize(
    "command",
    [["show", "{run}"], pytest.param(["search", *TINY, "--no-final", "--run", "é\udcff"], marks=pytest.mark.slow)],
    ids=["show", "search"],
)
def test_the_environment_may_hold_anything(command: list[str], tmp_path: Path) -> None:
    environment = {"OMP_NUM_THREADS": "many", "COLUMNS": "-7", "TERM": "\udcff", "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(
        [sys.executable, "-m", "evonas", *(word.format(run=hostile.small_run()) for word in command)],
        env={**os.environ, **environment, "EVONAS_DATA": "n" * 5000},
        cwd=tmp_path,
        capture_output=True,
    )
    assert done.returncode == 0 and b"Traceback" not in done.stderr, done.stderr


@pytest.mark.parametrize("name", ["EVONAS_DATA", "WORLD_SIZE", "RANK"])
@pytest.mark.parametrize("value", ["n" * 5000, "/dev/null", "-1", "\udcff", "9" * 30])
def test_a_variable_of_ours_may_hold_anything(
    name: str, value: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    if name == "RANK":
        monkeypatch.setenv("WORLD_SIZE", "2")
    for data in ("CIFAR10", "CIFAR100"):
        monkeypatch.setattr(f"torchvision.datasets.{data}", Absent)

    def work() -> None:
        from evonas.training.parallel import joined

        if name == "EVONAS_DATA":
            with pytest.raises(EvonasError):
                source("cifar100").labels("test")
            source("cifar10").labels("test")
        else:
            with joined("cpu"):
                pass

    assert not hostile.answered(work)


class Absent:
    """CIFAR where there is no network."""

    def __init__(self, *arguments: object, **options: object) -> None:
        raise RuntimeError("no network")

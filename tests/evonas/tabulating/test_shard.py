"""A table in parts, as an array of jobs makes it: joined, it is that of one process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import evonas
from evonas import EvonasError, UsageError
from evonas.core.locks import held
from evonas.core.signals import Interrupted, StopRequest
from evonas.tabulating import tabulate as tabulating
from evonas.tabulating.events import NetworkTabulated, TabulationStarted
from evonas.tabulating.place import Place
from evonas.tabulating.shard import Shard
from evonas.training.training import Training
from tests.evonas.tabulating.conftest import Heard, Make, files, made

pytestmark = pytest.mark.usefixtures("unforeseen")


def trained(heard: Heard) -> int:
    return sum(isinstance(event, NetworkTabulated) for event in heard)


@pytest.mark.parametrize("finished", [(1, 2, 3), (2,), (3, 1)])
def test_joined_shards_are_the_table_of_one_process(
    finished: tuple[int, ...], make: Make, tmp_path: Path, undisturbed: tuple[bytes, bytes]
) -> None:
    out = tmp_path / "own.csv"
    for number in finished:
        heard = Heard()
        done = tabulating.tabulate(out, make(), heard, None, Shard(number, 3))
        assert (done.shard, done.trainings, done.accuracies) == (f"{number}/3", 1 + (number == 1), {})
        assert trained(heard) == done.trainings and not out.exists()
        (started,) = (event for event in heard if isinstance(event, TabulationStarted))
        assert started.table == f"{out}, shard {number} of 3"
        assert tabulating.tabulate(out, make(), heard, None, Shard(number, 3)).trainings == done.trainings
        assert trained(heard) == done.trainings  # nothing is trained twice
    heard = Heard()
    assert made(out, make(), heard).shard is None
    assert trained(heard) == 4 - sum(1 + (number == 1) for number in finished)
    assert files(out) == undisturbed
    assert not Place(out).shards


def test_a_shard_leaves_out_what_the_table_has(make: Make, tmp_path: Path) -> None:
    out, heard = tmp_path / "own.csv", Heard()
    made(out, make(sample=1))
    assert tabulating.tabulate(out, make(), heard, None, Shard(1, 1)).trainings == 2
    assert trained(heard) == 2
    made(out, make(), heard)
    assert trained(heard) == 2


def test_a_shard_at_work_is_not_joined(make: Make, tmp_path: Path) -> None:
    out = tmp_path / "own.csv"
    tabulating.tabulate(out, make(), Heard(), None, Shard(1, 2))
    (part,) = Place(out).shards
    with held(part.work), pytest.raises(EvonasError, match=r"shard-1-of-2 is in use by process \d+"):
        made(out, make())
    assert not out.exists() and Place(out).shards == [part]
    made(out, make())


def test_a_shard_of_another_table_is_not_joined(make: Make, tmp_path: Path) -> None:
    out = tmp_path / "own.csv"
    tabulating.tabulate(out, make(), Heard(), None, Shard(1, 2))
    with pytest.raises(UsageError, match=r"shard-1-of-2 was begun with .*steps 2, not 3\. Choose another --out"):
        made(out, make(steps=3))
    assert len(Place(out).shards) == 1


def test_a_join_with_a_smaller_sample_is_refused_and_loses_nothing(make: Make, tmp_path: Path) -> None:
    out, heard = tmp_path / "own.csv", Heard()
    tabulating.tabulate(out, make(), heard, None, Shard(1, 1))
    with pytest.raises(UsageError, match=r"shard-1-of-1 has 2 trainings of another sample"):
        made(out, make(sample=1))
    assert trained(heard) == 4
    made(out, make(), heard)
    assert trained(heard) == 4


def test_an_unfinished_training_of_a_shard_continues_in_the_table(
    make: Make, tmp_path: Path, undisturbed: tuple[bytes, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    out, learn, learned = tmp_path / "own.csv", Training._next_epoch, 0

    def interrupted(self: Training, stop: StopRequest) -> None:
        nonlocal learned
        if learned == 3:
            raise KeyboardInterrupt
        learned += 1
        learn(self, stop)

    with monkeypatch.context() as stop, pytest.raises(Interrupted):
        stop.setattr(Training, "_next_epoch", interrupted)
        tabulating.tabulate(out, make(), Heard(), None, Shard(1, 1))

    def counted(self: Training, stop: StopRequest) -> None:
        nonlocal learned
        learned += 1
        learn(self, stop)

    monkeypatch.setattr(Training, "_next_epoch", counted)
    made(out, make())
    assert learned == 4 * 2 and files(out) == undisturbed


def test_a_stopped_join_goes_on(
    make: Make, tmp_path: Path, undisturbed: tuple[bytes, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "own.csv"
    for number in (1, 2):
        tabulating.tabulate(out, make(), Heard(), None, Shard(number, 2))

    def stopped(self: Place) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as stop, pytest.raises(Interrupted):
        stop.setattr(Place, "discard", stopped)
        made(out, make())
    heard = Heard()
    made(out, make(), heard)
    assert trained(heard) == 0 and files(out) == undisturbed


@pytest.mark.parametrize("text", ["", "0/2", "3/2", "1", "1/2/3", "-1/2", "1/0", "a/b", "1/1000000"])
def test_other_shards_are_refused(text: str, make: Make, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--shard must be I/N, such as 1/8 to 8/8, not "):
        evonas.tabulate(tmp_path / "own.csv", make(), shard=text)
    assert not any(tmp_path.iterdir())


def test_shards_divide_all_trainings() -> None:
    jobs: Any = tuple(range(11))
    parts = [Shard(number, 4).part(jobs) for number in range(1, 5)]
    assert sorted(job for part in parts for job in part) == list(jobs)
    assert {len(part) for part in parts} == {2, 3}


def test_shards_and_their_join_on_a_scratch_disk_make_the_same_table(
    make: Make, tmp_path: Path, undisturbed: tuple[bytes, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "unrelated").write_text("mine")
    heard = Heard()
    for number in (1, 2):
        done = evonas.tabulate("own.csv", make(), heard, shard=f"{number}/3", scratch="local")
        assert done.trainings == 2 - (number > 1) and done.table == Path("own.csv")
    with (
        held(Place(Path("own.csv"), "shard-1-of-3").work),
        pytest.raises(EvonasError, match="is in use by process"),
    ):
        evonas.tabulate("own.csv", make(), heard, scratch="local")
    assert evonas.tabulate("own.csv", make(), heard, scratch="local").table == Path("own.csv")
    assert files(tmp_path / "own.csv") == undisturbed and not Place(Path("own.csv")).shards
    assert not [event for event in heard if "local" in str(event)]
    assert {path.name for path in tmp_path.iterdir()} == {
        "own.csv",
        "own.json",
        "own.trainings",
        "local",
        "unrelated",
    }

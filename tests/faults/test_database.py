"""A damaged run.db: still right, or refused with the reason and a generation that a resume can go back to."""

from __future__ import annotations

import contextlib
import os
import random
import re
import shutil
import sqlite3
import threading
import time
from pathlib import Path

import pytest

import evonas
from evonas import EvonasError, SearchSettings, UsageError
from evonas.core.events import Listener, Message
from evonas.core.signals import Interrupted
from evonas.searching.events import Evaluated
from evonas.store.run import Run
from evonas.store.schema import FORMAT
from tests.evonas.conftest import content
from tests.evonas.store.formats import write_former

TIMES = int(os.environ.get("EVONAS_FAULTS", "100"))
SETTINGS = {"proxy": "params", "population": 8, "children": 4, "tournament": 3, "channels": 4, "layers": 3}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A search that nothing happened to, in one file."""
    path = tmp_path_factory.mktemp("whole") / "run"
    evonas.search(SearchSettings(generations=12, device="cpu", **SETTINGS), path)
    with sqlite3.connect(path / "run.db") as db:
        db.execute("PRAGMA journal_mode=DELETE")
    db.close()
    return path


def copied(run: Path, to: Path) -> Path:
    to.mkdir(parents=True)
    shutil.copy(run / "run.db", to / "run.db")
    return to


def damaged(run: Path, at: random.Random) -> None:
    file = run / "run.db"
    whole = bytearray(file.read_bytes())
    if at.random() < 0.3:
        file.write_bytes(whole[: at.randrange(len(whole))])
        return
    for _ in range(at.choice((1, 1, 4, 64))):
        whole[at.randrange(len(whole))] ^= 1 << at.randrange(8)
    file.write_bytes(whole)


def outcome(whole: Path, run: Path, seed: int) -> str:
    """What becomes of a run with random damage: right, back and identical, or refused. Anything else fails."""
    damaged(run, random.Random(seed))
    return continued(whole, run)


def continued(whole: Path, run: Path) -> str:
    """What a resume makes of a damaged run."""
    try:
        evonas.resume(run)
    except EvonasError as error:
        text = str(error)
    else:
        assert content(run) == content(whole)
        return "right"
    assert len(text) < 600 and "run" in text
    offered = re.search(r"--from-generation (\d+)$", text)
    if offered is None:
        return "refused"
    evonas.resume(run, from_generation=int(offered[1]))
    assert content(run) == content(whole)
    assert (run / "run.db.1").is_file()
    return "back"


def test_damage_at_random_places_is_no_matter_or_refused_with_a_way_back(whole: Path, tmp_path: Path) -> None:
    found = {outcome(whole, copied(whole, tmp_path / str(seed)), seed) for seed in range(12)}
    assert "back" in found


@pytest.mark.slow
def test_damage_at_many_random_places(whole: Path, tmp_path: Path, record_property: pytest.FixtureRequest) -> None:
    found = [outcome(whole, copied(whole, tmp_path / str(seed)), seed) for seed in range(1000, 1000 + 3 * TIMES)]
    counts = {name: found.count(name) for name in sorted(set(found))}
    print(counts)
    assert len(found) == 3 * TIMES and counts["back"] > counts["refused"] / 4


@pytest.mark.parametrize(
    "change",
    [
        'UPDATE "values" SET value = value + 1 '
        "WHERE canonical = (SELECT canonical FROM individuals WHERE birth = 30)",
        "UPDATE parents SET parent = parent + 1 WHERE birth = 30",
        "UPDATE generations SET alive = replace(alive, '1', '2') WHERE generation = 6",
        "UPDATE generations SET state = x'00' WHERE generation = 6",
        "UPDATE generations SET best = best + 1 WHERE generation = 6",
        "UPDATE generations SET random_state = replace(random_state, '1', '2') WHERE generation = 6",
    ],
)
def test_what_sqlite_cannot_see_is_seen_and_a_way_back_offered(change: str, whole: Path, tmp_path: Path) -> None:
    run = copied(whole, tmp_path / "run")
    with sqlite3.connect(run / "run.db") as db:
        assert db.execute(change).rowcount == 1
    db.close()
    with pytest.raises(EvonasError, match=r"generation 6 has changed .* --from-generation 5") as error:
        evonas.resume(run)
    assert "\n" not in str(error.value)
    evonas.resume(run, from_generation=5)
    assert content(run) == content(whole)


def test_a_best_network_that_is_written_in_two_ways_is_answered(whole: Path, tmp_path: Path) -> None:
    best = evonas.summarise(whole).best
    assert best is not None
    content = (whole / "run.db").read_bytes()
    places = [found.start() for found in re.finditer(re.escape(best.key.encode()), content)]
    assert len(places) > 2  # in two tables and an index
    said = []
    for number, place in enumerate(places):
        for at in (place, place + len(best.key) - 1):
            run = copied(whole, tmp_path / f"run {number} {at}")
            (run / "run.db").write_bytes(content[:at] + b"X" + content[at + 1 :])
            for command in (evonas.summarise, evonas.report):
                try:
                    command(run)
                except EvonasError as error:
                    said.append(str(error))
    assert any("names a missing row" in text for text in said)


def test_a_letter_changed_in_a_table_or_an_index_loses_no_score(whole: Path, tmp_path: Path) -> None:
    data = (whole / "run.db").read_bytes()
    with Run.read(whole) as store:
        names = sorted({row.key for row in store.individuals()})[5:11:3]
    found = []
    for at in (match.start() + 200 for name in names for match in re.finditer(re.escape(name.encode()), data)):
        run = copied(whole, tmp_path / f"run {at}")
        (run / "run.db").write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
        found.append(continued(whole, run))
    assert len(found) > 4 and "back" in found


def test_changed_settings_and_facts_are_seen(whole: Path, tmp_path: Path) -> None:
    run = copied(whole, tmp_path / "run")
    with sqlite3.connect(run / "run.db") as db:
        db.execute("""UPDATE meta SET value = replace(value, '"seed": 0', '"seed": 1') WHERE key = 'settings'""")
    db.close()
    with pytest.raises(EvonasError, match="generation 0 has changed"):
        evonas.resume(run)


def test_a_run_goes_back_to_any_generation_and_ends_the_same(whole: Path, tmp_path: Path) -> None:
    for generation in (0, 7, 12):
        run = copied(whole, tmp_path / str(generation))
        evonas.resume(run, from_generation=generation)
        assert content(run) == content(whole)
        assert content(copied_aside(run)) == content(whole)
    with pytest.raises(UsageError, match="from 0 to 12"):
        evonas.resume(run, from_generation=13)
    with pytest.raises(UsageError, match="is not a run"):
        evonas.resume(tmp_path, from_generation=1)


def test_a_run_is_read_at_any_moment_of_a_search(tmp_path: Path) -> None:
    """A commit between two questions of the check is not taken for damage."""
    settings = SearchSettings(generations=60, device="cpu", **SETTINGS)
    search = threading.Thread(target=evonas.search, args=(settings, tmp_path / "run"))
    search.start()
    seen = set()
    while search.is_alive():
        with contextlib.suppress(UsageError):  # it has not begun
            seen.add(evonas.summarise(tmp_path / "run").generation)
    search.join()
    assert len(seen) > 2 and evonas.summarise(tmp_path / "run").generation == 60


def copied_aside(run: Path) -> Path:
    to = run / "aside"
    to.mkdir()
    shutil.copy(run / "run.db.1", to / "run.db")
    return to


def test_a_run_of_an_older_format_is_sealed_when_it_is_continued(whole: Path, tmp_path: Path) -> None:
    run = copied(whole, tmp_path / "run")
    write_former(run, 2)
    assert evonas.summarise(run).generation == 12
    evonas.resume(run)
    with sqlite3.connect(run / "run.db") as db:
        assert db.execute("SELECT count(*) FROM seals").fetchone() == (13,)
    assert content(run) == content(whole)


@pytest.fixture(scope="module")
def composite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A search by two proxies together."""
    path = tmp_path_factory.mktemp("composite") / "run"
    settings = {**SETTINGS, "proxy": "params+flops*-0.5", "population": 6, "children": 3}
    evonas.search(SearchSettings(generations=4, device="cpu", **settings), path)
    with sqlite3.connect(path / "run.db") as db:
        db.execute("PRAGMA journal_mode=DELETE")
    db.close()
    return path


def test_a_changed_score_of_a_member_is_seen(composite: Path, tmp_path: Path) -> None:
    for number, change in enumerate(('UPDATE "values" SET value = value + 1', 'DELETE FROM "values"')):
        run = copied(composite, tmp_path / str(number))
        with sqlite3.connect(run / "run.db") as db:
            one = "(SELECT canonical FROM individuals WHERE generation = 2 AND NOT cached LIMIT 1)"
            where = f"name IN ('params', 'flops') AND canonical = {one}"
            assert db.execute(f"{change} WHERE {where}").rowcount == 2
        db.close()
        with pytest.raises(EvonasError, match=r"generation 2 has changed .* --from-generation 1"):
            evonas.resume(run)
        evonas.resume(run, from_generation=1)
        assert content(run) == content(composite)


def test_seals_of_format_3_know_no_members_and_are_renewed(composite: Path, tmp_path: Path) -> None:
    for number, damage in enumerate(("", "UPDATE individuals SET params = params + 1 WHERE birth = 7")):
        run = copied(composite, tmp_path / str(number))
        write_former(run, 3)
        with sqlite3.connect(run / "run.db") as db:
            db.execute(damage)
        db.close()
        if damage:
            with pytest.raises(EvonasError, match="generation 1 has changed"):
                evonas.resume(run)
        evonas.resume(run, from_generation=0 if damage else None)
        assert content(run) == content(composite)
        with sqlite3.connect(run / "run.db") as db, sqlite3.connect(composite / "run.db") as whole:
            assert db.execute("PRAGMA user_version").fetchone() == (FORMAT,)
            if not damage:
                found = [one.execute("SELECT * FROM seals").fetchall() for one in (db, whole)]
                assert found[0] == found[1]


@pytest.mark.parametrize("proxy", ["params", "params+flops*-0.5"])
@pytest.mark.parametrize(
    ("change", "forgotten"),
    [
        ('UPDATE "values" SET value = value + 1 WHERE canonical = {one}', True),
        ('UPDATE "values" SET seconds = seconds + 1 WHERE canonical = {one}', True),
        ("DELETE FROM meta WHERE key = 'journal'", True),
        ("UPDATE meta SET value = value WHERE key = 'journal'", False),
    ],
)
def test_a_damaged_score_of_an_unfinished_generation_is_computed_again(
    change: str, forgotten: bool, proxy: str, tmp_path: Path
) -> None:
    settings = SearchSettings(generations=3, device="cpu", **{**SETTINGS, "proxy": proxy})
    evonas.search(settings, tmp_path / "whole")
    with pytest.raises(Interrupted):
        evonas.search(settings, tmp_path / "run", Impatient())
    with sqlite3.connect(tmp_path / "run" / "run.db") as db:
        born = "SELECT canonical FROM individuals"
        one = f'(SELECT max(canonical) FROM "values" WHERE canonical NOT IN ({born}))'
        assert db.execute(f"SELECT {one} IS NOT NULL").fetchone() == (1,)
        assert db.execute(change.format(one=one)).rowcount
    db.close()
    seen = Impatient(births=999)
    evonas.resume(tmp_path / "run", seen)
    assert bool(seen.said) == forgotten
    assert all("recompute" in text for text in seen.said)
    assert content(tmp_path / "run") == content(tmp_path / "whole")


class Impatient(Listener):
    """Interrupts a search once so many are born."""

    def __init__(self, births: int = 14) -> None:
        self.births = births
        self.said: list[str] = []

    def evaluated(self, event: Evaluated) -> None:
        progress = event.progress
        if progress.births >= self.births:
            raise KeyboardInterrupt

    def message(self, event: Message) -> None:
        text = event.text
        self.said.append(text)


@pytest.mark.slow
def test_sealing_takes_less_than_a_hundredth_of_a_generation(tmp_path: Path) -> None:
    """Of one whose 50 evaluations take a tenth of a second each; those of paper size take longer."""
    from evonas.store import hash_chain as seals

    evonas.search(SearchSettings(proxy="params", generations=40, device="cpu"), tmp_path / "run")
    with Run.open(tmp_path / "run") as run:
        started = time.perf_counter()
        for generation in range(40):
            seals.seal(run._db, generation, "")
        each = (time.perf_counter() - started) / 40
    print(f"{1e3 * each:.2f} ms a generation of 50 births")
    assert each < 0.01 * 50 * 0.1

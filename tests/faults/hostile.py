"""What strangers may hand in, one function a kind: each takes bytes and answers with a message or not at all.

The same functions serve hypothesis (`test_hostile.py`) and a coverage-guided fuzzer (`fuzz.py`). Each returns
whether the input was accepted; whatever leaves it besides `EvonasError` is a defect.
"""

from __future__ import annotations

import atexit
import gzip
import json
import os
import shutil
import sqlite3
import struct
from collections.abc import Callable
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import torch

import evonas
from evonas import SearchSettings
from evonas.core.events import Listener
from evonas.core.strict_json import parse_json
from evonas.data import source
from evonas.evaluation import comparison
from evonas.evaluation.journal import Journal
from evonas.searching.events import SearchStarted
from evonas.searching.resolve import resolve
from evonas.tables import read_table
from evonas.tables.scores import ScoreFile
from evonas.training import checkpoint
from evonas.training.data_identity import DataIdentity
from evonas.training.events import TrainingStarted
from evonas.training.known_images import KnownData, KnownImages
from evonas.training.plan import FinalPlan
from evonas.training.recipes import recipes
from evonas.training.settings import TrainSettings
from spaces import EvonasError, NetworkSize, spaces
from tests.faults.watch import watched

MAX_MESSAGE_CHARS = 2000
SPACES = sorted(spaces)
SIZE = NetworkSize(4, 3, 10, 32)
PICTURES = "folder:/nonexistent"


@cache
def scratch() -> Path:
    """A directory of this process, in memory where that can be: nothing here waits for a disk."""
    memory = "/dev/shm"
    path = Path(mkdtemp(prefix="evonas-hostile-", dir=memory if os.access(memory, os.W_OK) else None))
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    return path


def answered(work: Callable[[], object]) -> bool:
    """Whether ``work`` ends well; if not, it must say why in one short message. It writes into `scratch` only."""
    try:
        with watched(scratch()):
            work()
    except EvonasError as error:
        text = str(error)
        assert text and "Traceback" not in text and len(text) < MAX_MESSAGE_CHARS, text[:MAX_MESSAGE_CHARS]
        return False
    return True


def written(name: str, content: bytes) -> Path:
    path = scratch() / name
    path.unlink(missing_ok=True)  # whoever still has the former one open is no part of this
    path.write_bytes(content)
    return path


def text_of(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def genotype(data: bytes) -> bool:
    """A genotype of the space that the first byte names; what is accepted survives the way back."""
    space = spaces[SPACES[(data[0] if data else 0) % len(SPACES)]]

    def work() -> None:
        found = space.parse(text_of(data[1:]))
        assert space.parse(str(found)) == found
        assert space.params(found, SIZE) >= 0 and space.flops(found, SIZE) >= 0
        assert space.canonical(space.canonical(found)) == space.canonical(found)

    return answered(work)


def table(data: bytes) -> bool:
    """A table of architectures, plain or (first byte odd) gzipped by somebody else."""
    packed = bool(data[:1] and data[0] & 1)
    path = written("table.csv.gz" if packed else "table.csv", data[1:])
    return answered(lambda: read_table(path, spaces["nasbench201"]))


def packed_table(data: bytes) -> bool:
    """A table whose gzip container is in order."""
    path = written("packed.csv.gz", gzip.compress(data, 1))
    return answered(lambda: read_table(path, spaces["nasbench201"]))


@cache
def small_run() -> Path:
    """A finished search in a few pages, in one file."""
    path = scratch() / "good"
    settings = SearchSettings(
        proxy="params", population=4, children=2, tournament=2, generations=4, channels=2, layers=3, device="cpu"
    )
    evonas.search(settings, path)
    with sqlite3.connect(path / "run.db") as db:
        db.execute("PRAGMA journal_mode=DELETE")
    db.close()
    return path


class Enough(EvonasError):
    """Whoever handed this in asks for a search that takes long, which is no defect."""


class Hasty(Listener):
    """Lets no search begin that is not tiny."""

    def started(self, event: SearchStarted) -> None:
        settings = event.settings
        if settings.proxy != "params" or settings.population > 100 or settings.generations > 10:
            raise Enough("this search takes long")

    def training(self, event: TrainingStarted) -> None:
        raise Enough("this training takes long")


def opened(path: Path) -> bool:
    """Whether a run can be shown and continued by two generations."""
    shown = answered(lambda: json.dumps(evonas.summarise(path).as_json()))
    resumed = answered(lambda: evonas.resume(path, Hasty(), generations=6))
    return shown and resumed


def fresh_run() -> Path:
    path = scratch() / "run"
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir()
    shutil.copy(small_run() / "run.db", path / "run.db")
    return path


def database(data: bytes) -> bool:
    """run.db with bytes overwritten: two bytes of place, one of content each; one left over truncates it."""
    path = fresh_run()
    content = bytearray((path / "run.db").read_bytes())
    for place in range(0, len(data) - 2, 3):
        offset = struct.unpack_from("<H", data, place)[0] % len(content)
        content[offset] = data[place + 2]
    if len(data) % 3 == 1:
        del content[len(content) * data[-1] // 256 :]
    (path / "run.db").write_bytes(content)
    return opened(path)


CELLS = (
    *(("individuals", name) for name in ("birth", "generation", "genotype", "canonical", "cached")),
    *(("individuals", name) for name in ("params", "flops")),
    *(("values", name) for name in ("canonical", "name", "value", "reason", "seconds")),
    *(("parents", name) for name in ("birth", "position", "parent")),
    *(("generations", name) for name in ("generation", "best", "mean", "std", "best_so_far", "evaluations")),
    *(("generations", name) for name in ("cache_hits", "random_state", "alive", "state", "seconds")),
    *(("meta", name) for name in ("key", "value")),
    ("meta", "settings"),
    ("meta", "batch"),
    ("meta", "proxies"),
    ("meta", "versions"),
    ("meta", "final"),
    ("meta", "composite"),
)


def cell(data: bytes) -> bool:
    """One value of run.db replaced: which, of what type, and the value."""
    path = fresh_run()
    which, kind, value = (*data[:2], 0, 0)[0], (*data[:2], 0, 0)[1], data[2:]
    table, column = CELLS[which % len(CELLS)]
    given: object = [text_of(value).encode("utf-8", "replace").decode(), value, None, number(value)][kind % 4]
    with sqlite3.connect(path / "run.db") as db:
        try:
            if table == "meta" and column not in ("key", "value"):
                db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (column, given))
            else:
                where = (
                    f"rowid = (SELECT max(rowid) FROM {table})" if table in ("individuals", "generations") else 1
                )
                db.execute(f"UPDATE OR REPLACE {table} SET {column} = ? WHERE {where}", (given,))
        except sqlite3.Error:
            db.rollback()
    db.close()
    return opened(path)


def number(value: bytes) -> float | int:
    if len(value) == 8:
        return struct.unpack("<d", value)[0]
    return int.from_bytes(value[:8], "little", signed=True)


def schema(data: bytes) -> bool:
    """SQL that somebody ran on run.db before handing it on."""
    path = fresh_run()
    with sqlite3.connect(path / "run.db") as db:
        for statement in text_of(data).encode("utf-8", "replace").decode().split(";"):
            if "attach" not in statement.lower() and "vacuum" not in statement.lower():
                try:
                    db.execute(statement)
                except (sqlite3.Error, sqlite3.Warning, ValueError):
                    continue
    db.close()
    return opened(path)


def settings(data: bytes) -> bool:
    """The JSON of settings, plans and trainings."""
    text = text_of(data)
    found = [
        answered(lambda: resolve(SearchSettings.from_json(text))),
        answered(lambda: FinalPlan.from_json(text)),
        answered(lambda: TrainSettings.from_dict(_json(text)).resolve()),
    ]
    return any(found)


def _json(text: str) -> object:
    try:
        return parse_json(text)
    except ValueError:
        return None


def results(data: bytes) -> bool:
    """The JSON files beside run.db."""
    path = fresh_run()
    (path / "train").mkdir()
    shutil.copy(good_checkpoint(), path / "train" / "best.safetensors")
    for name in ("evaluation.json", "train/result.json", "train/settings.json", "best.json", "finalists.json"):
        (path / name).write_bytes(data)
    shown = answered(lambda: evonas.summarise(path).as_json())
    compared = answered(lambda: comparison.compare([path]))
    trained = answered(lambda: evonas.api.train(str(path), observer=Hasty(), overrides={"epochs": 1}))
    return shown and compared and trained


@cache
def good_checkpoint() -> Path:
    """The initial weights of a tiny network as a checkpoint."""
    size = {"channels": 4, "layers": 3, "classes": 10, "image_size": 8, "numbers": recipes["fast"]}
    settings = TrainSettings("DARTS_V2", device="cpu", mean=(0.5,) * 3, std=(0.2,) * 3, **size)
    path = scratch() / "good.safetensors"
    tensors = {f"{checkpoint.MODEL}{name}": value for name, value in settings.build().state_dict().items()}
    blank = torch.zeros((10, 3, 8, 8), dtype=torch.uint8)
    images = {split: KnownImages.of(blank, torch.arange(10)) for split in ("train", "test")}
    identity = DataIdentity(tuple("0123456789"), 8, images["train"].identity, images["test"].identity)
    checkpoint.write(path, settings, 1, {}, tensors, data=KnownData(identity, images))
    return path


def weights(data: bytes) -> bool:
    """A checkpoint whose header is replaced (first byte even) or patched (odd); the model is built from it."""
    whole = good_checkpoint().read_bytes()
    length = int.from_bytes(whole[:8], "little")
    header, rest = bytearray(whole[8 : 8 + length]), whole[8 + length :]
    if data and data[0] % 2:
        for place in range(1, len(data) - 2, 3):
            header[struct.unpack_from("<H", data, place)[0] % length] = data[place + 2]
    else:
        header = bytearray(data[1:])
    return built(written("bad.safetensors", struct.pack("<Q", len(header)) + bytes(header) + rest))


def claims(data: bytes) -> bool:
    """A checkpoint that is in order but for the settings that it names."""
    from safetensors.torch import save

    meta = {"format": checkpoint.FORMAT, "settings": text_of(data), "epoch": "1", "facts": "{}"}
    try:
        content = save(
            {"model.x": torch.zeros(3)}, {k: v.encode("utf-8", "replace").decode() for k, v in meta.items()}
        )
    except Exception:  # what safetensors does not write is not handed in
        return False
    return built(written("claims.safetensors", content))


def built(path: Path) -> bool:
    with torch.no_grad():
        return answered(lambda: checkpoint.load(path).model())


def picture(data: bytes) -> bool:
    """An image in a folder of two classes."""
    root = scratch() / "pictures"
    for name in ("one", "two"):
        (root / name).mkdir(parents=True, exist_ok=True)
        endings = (".png", ".jpg", ".bmp", ".webp", ".ppm", ".tif", ".gif", ".pgm")
        ending = endings[(data[0] if data else 0) % len(endings)]
        for former in (root / name).iterdir():
            former.unlink()
        (root / name / f"a{ending}").write_bytes(data[1:])
    found = source(f"folder:{root}", None, 8)
    return answered(lambda: found.images("train"))


def score_file(data: bytes) -> bool:
    """A file of kept scores with bytes overwritten."""
    content = bytearray(good_scores())
    for place in range(0, len(data) - 2, 3):
        content[struct.unpack_from("<H", data, place)[0] % len(content)] = data[place + 2]
    path = written("scores.db", bytes(content))
    for leftover in ("scores.db-wal", "scores.db-shm"):
        (scratch() / leftover).unlink(missing_ok=True)

    def work() -> None:
        from fitness import Score

        with ScoreFile(path) as kept:
            kept.known("params", "x")
            kept.outdated("params", "x")
            kept.add("b", {"params": Score(1.0, "", 0.0)}, {"params": "x"})

    return answered(work)


@cache
def good_scores() -> bytes:
    from fitness import Score

    path = scratch() / "good.db"
    with ScoreFile(path) as kept:
        for name in "abcdefgh":
            kept.add(name, {"params": Score(1.0, "", 0.0)}, {"params": "x"})
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA journal_mode=DELETE")
    db.close()
    return path.read_bytes()


def attack_journal(data: bytes) -> bool:
    """The journal of an evaluation: a value of an entry, or the whole file."""
    path = scratch() / "evaluation.db"
    for name in ("evaluation.db", "evaluation.db-wal", "evaluation.db-shm"):
        (scratch() / name).unlink(missing_ok=True)
    if data and data[0] % 2:
        path.write_bytes(data[1:])
    else:
        with Journal(path) as journal:
            journal.put("key", "pgd", [1], 0.0)
        with sqlite3.connect(path) as db:
            db.execute("UPDATE outcomes SET payload = ?", (data[1:].decode("utf-8", "replace"),))
        db.close()

    def work() -> None:
        with Journal(path) as journal:
            journal.get("key")
            journal.put("other", "pgd", [1], 0.0)

    return answered(work)


TARGETS: dict[str, Callable[[bytes], bool]] = {
    target.__name__: target
    for target in (
        *(genotype, table, packed_table, database, cell, schema, settings, results, weights, claims),
        *(picture, score_file, attack_journal),
    )
}

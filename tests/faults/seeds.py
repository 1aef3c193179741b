"""Inputs that are right, or nearly: where a fuzzer begins, and the words that it may use."""

from __future__ import annotations

import json
from functools import cache
from io import BytesIO

import numpy as np

from evonas import SearchSettings
from evonas.training.settings import TrainSettings
from spaces import spaces
from tests.faults import hostile

CELL = "|nor_conv_3x3~0|+|nor_conv_3x3~0|skip_connect~1|+|none~0|nor_conv_1x1~1|avg_pool_3x3~2|"
VALUES = [
    "null",
    "true",
    "-1",
    "1e999",
    "NaN",
    "[]",
    "{}",
    '""',
    '"x"',
    "9" * 30,
    "[" * 20_000,
    '"\\ud800"',
    "0.5",
]


@cache
def seeds(name: str) -> list[bytes]:
    """Some inputs for the target ``name`` that it accepts, or that are known to be nasty."""
    return [bytes(seed) for seed in _SEEDS[name]()]


def _genotypes() -> list[bytes]:
    rng = np.random.default_rng(0)
    found = []
    for place, name in enumerate(hostile.SPACES):
        good = str(spaces[name].random(rng))
        nasty = ["(" * 9000, "-" * 9000 + "1", "[" * 9000, "a." * 9000 + "a", "1+" * 9000 + "1", "x" * 10_000_000]
        nasty += ["not " * 4000 + "1", "lambda:" * 2500 + "1", "\x00", "9" * 5000, "f'{" * 3000, "\ud800", "'\\d'"]
        nasty += [good.replace("0", "0" * 900), good.replace("_", "_" * 500), good + "#" * 9000, good * 3]
        found += [bytes([place]) + text.encode("utf-8", "surrogatepass") for text in (good, *nasty)]
    return found


def _tables() -> list[bytes]:
    good = f"arch_str,clean,pgd\n{CELL},0.9,0.1\n{CELL.replace('none', 'skip_connect')},0.8,0.2\n"
    nasty = [
        "arch_str," + "a," * 5000,
        "arch_str\n" + "\n" * 9000,
        'arch_str,x\n"' + "a" * 9000,
        good.replace("0.9", "nan"),
    ]
    nasty += [
        good.replace("0.9", "1e999"),
        good.replace("clean", "[/x]"),
        good.replace("clean", "\x1b[2J"),
        "\x00",
    ]
    nasty += ["arch_str\n" + "x" * 2_000_000, good.replace("0.9", "9" * 5000)]
    return [b"\x00" + text.encode() for text in (good, *nasty)] + [
        b"\x01" + good.encode(),
        b"\x01\x1f\x8b\x08" + b"a" * 90,
    ]


def _packed() -> list[bytes]:
    return [seed[1:] for seed in _tables()] + [b"0" * 20_000_000]


def _json() -> list[bytes]:
    search = json.loads(SearchSettings(max_params_at=(4, 3)).to_json())
    train = TrainSettings("DARTS_V2", mean=(0.5,) * 3, std=(0.2,) * 3).as_dict()
    plan = {"recipe": "fast", "overrides": {"epochs": 1}, "finalists": 0, "images": None, "checks": 100}
    found = [json.dumps(document) for document in (search, train, plan)]
    for document in (search, train, plan):
        for key in document:
            found += [json.dumps({**document, key: "@"}).replace('"@"', value) for value in VALUES]
    return [text.encode() for text in (*found, *VALUES)]


def _cells() -> list[bytes]:
    values = [b"", b"x", b"-1", b"\xff", b"1e999", b"{}", b"[]", b"[" * 20_000, b"\x00" * 8, b"\xff" * 8]
    values += [b"\x00\x00\x00\x00\x00\x00\xf0\x7f", b'{"proxy": 1}', b'{"bit_generator": "PCG64", "state": 1}']
    return [bytes([which, kind]) + v for which in range(len(hostile.CELLS)) for kind in range(4) for v in values]


def _schemas() -> list[bytes]:
    return [
        b"DROP TABLE individuals",
        b"DROP TABLE parents",
        b"DROP TABLE generations",
        b'DROP TABLE "values"',
        b"DROP TABLE meta",
        b"ALTER TABLE individuals ADD COLUMN x",
        b'ALTER TABLE "values" RENAME COLUMN value TO s',
        b"PRAGMA user_version = 99",
        b"PRAGMA user_version = 1",
        b"DELETE FROM meta",
        b'DELETE FROM "values"',
        b"DELETE FROM individuals",
        b"DELETE FROM generations WHERE generation < 3",
        b"DELETE FROM individuals WHERE birth > 6",
        b"UPDATE individuals SET birth = birth + 100",
        b"DROP TABLE meta; CREATE TABLE meta (key, value, x)",
        b"DROP TABLE generations; CREATE VIEW generations AS WITH RECURSIVE r(x) AS (SELECT 1 UNION ALL SELECT "
        b"x + 1 FROM r) SELECT x AS generation, 1 AS best, 1 AS mean, 1 AS std, 1 AS best_so_far, 1 AS evaluations"
        b", 1 AS cache_hits, '' AS random_state, '[]' AS alive, x'' AS state, 1 AS seconds FROM r",
        b"CREATE TRIGGER t AFTER INSERT ON individuals BEGIN SELECT RAISE(ABORT, 'no') END",
        b"CREATE TRIGGER t AFTER INSERT ON meta BEGIN DELETE FROM individuals; END",
        b"CREATE VIRTUAL TABLE v USING fts5(x)",
        b"CREATE TABLE extra (x)",
    ]


def _pictures() -> list[bytes]:
    from PIL import Image

    found = []
    for place, kind in enumerate(("PNG", "JPEG", "BMP", "WEBP", "PPM", "TIFF")):
        for mode in ("RGB", "L") if kind in ("JPEG", "WEBP", "PPM") else ("RGB", "L", "1"):
            file = BytesIO()
            Image.new(mode, (9, 7)).save(file, kind)
            found.append(bytes([place]) + file.getvalue())
    for mode in ("P", "LA", "RGBA", "I;16"):
        file = BytesIO()
        Image.new(mode, (9, 7)).save(file, "PNG")
        found.append(b"\x00" + file.getvalue())
    return [*found, b"\x00%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", b"\x00"]


def _bytes() -> list[bytes]:
    return [b"", b"\x12\x00\x09", b"\x00\x00\xff\x80", b"\x10\x10\xff\x20\x10\xff", b"\x01\x00\x10\xff", b"\x40"]


def _headers() -> list[bytes]:
    return [
        *_bytes(),
        b"\x00{}",
        b"\x00" + b'{"__metadata__":' + b"{" * 9000,
        b'\x00{"__metadata__":{"format":1}}',
    ]


def _results() -> list[bytes]:
    evaluation = {"clean": {"accuracy": 0.5, "n": 10, "ci95": [0.4, 0.6]}, "hrs": {"fgsm": 0.1}, "facts": {}}
    evaluation |= {
        "fgsm": {"accuracy": 0.1, "ci95": [0, 1], "epsilon": 8},
        "corruptions": {"source": "x", "mean": 1},
    }
    split = {"count": 1, "images": "0" * 64, "labels": "0" * 64, "order": "0" * 64}
    data = {
        "classes": ["a", "b"],
        "image_size": 8,
        "train": split,
        "test": split,
        "status": "same",
        "changes": "1",
    }
    evaluation |= {"test": evaluation["clean"], "dataset": "folder:x", "data": data}
    nested = [{**evaluation, "data": {**data, key: "@"}} for key in data]
    found = [json.dumps(evaluation)]
    found += [json.dumps(one).replace('"@"', value) for one in nested for value in VALUES]
    found += [json.dumps({**evaluation, key: "@"}).replace('"@"', value) for key in evaluation for value in VALUES]
    return [text.encode() for text in (*found, *VALUES)]


def _journals() -> list[bytes]:
    return [b"\x00" + value.encode() for value in (*VALUES, "[1, 2]", "[1e999]", '[{"a": 1}]')] + [
        b"\x01",
        b"\x01x",
    ]


_SEEDS = {
    "genotype": _genotypes,
    "table": _tables,
    "packed_table": _packed,
    "database": _bytes,
    "cell": _cells,
    "schema": _schemas,
    "settings": _json,
    "results": _results,
    "weights": _headers,
    "claims": _json,
    "picture": _pictures,
    "score_file": _bytes,
    "attack_journal": _journals,
}

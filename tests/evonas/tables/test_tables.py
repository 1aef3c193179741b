"""Tables of accuracies as people have them: their separators, units, ways of writing numbers and other columns."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import evonas
from evonas import SearchSettings
from evonas.data.tables.kinds import KINDS, kind_of
from evonas.data.tables.units import UnitOption
from evonas.tables import Correlation, correlate, read_table
from fitness import Task
from spaces import NetworkSize, UsageError, spaces
from tests import forks

SPACE = spaces["nasbench201"]
ROWS = 8
SETTINGS = SearchSettings(space="nasbench201", channels=4, layers=1)
TASK = Task(SPACE, NetworkSize(4, 1))
SIZE_OF = {cell: SPACE.params(cell, TASK.size) for cell in map(SPACE.random, [np.random.default_rng(0)] * 60)}
DISTINCT = {cell: SIZE_OF[cell] for cell in {SPACE.key(cell): cell for cell in SIZE_OF}.values()}
CELLS = [str(cell) for cell in {size: cell for cell, size in DISTINCT.items()}.values()][:ROWS]
SIZES = [SPACE.params(SPACE.parse(cell), TASK.size) for cell in CELLS]
ORDER = np.argsort(np.argsort(SIZES))  # ranks, small networks first
CLEAN = [90.5 + rank for rank in ORDER]  # grows with the size of the network


def rising(low: float, high: float, form: str = "{:.6g}") -> list[str]:
    """Values that grow with the size of the network."""
    return [form.format(low + (high - low) * rank / (ROWS - 1)) for rank in ORDER]


def falling(low: float, high: float, form: str = "{:.6g}") -> list[str]:
    return [form.format(high - (high - low) * rank / (ROWS - 1)) for rank in ORDER]


def text_of(
    columns: dict[str, list[str]], separator: str = ",", end: str = "\n", architecture: str = "arch_str"
) -> str:
    names = [architecture, *columns]
    rows = [[cell, *values] for cell, *values in zip(CELLS, *columns.values(), strict=True)]
    return end.join(separator.join(row) for row in [names, *rows]) + end


def written(folder: Path, content: str | bytes | dict[str, list[str]], name: str) -> Path:
    content = text_of(content) if isinstance(content, dict) else content
    (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
    return folder / name


def correlated(
    folder: Path,
    content: str | bytes | dict[str, list[str]],
    name: str = "t.csv",
    unit: str = "auto",
    **options: Any,
) -> Correlation:
    """Of the number of parameters, without bootstrap intervals."""
    table = read_table(written(folder, content, name), SPACE, options.pop("architecture", None))
    return correlate(table, ["params"], TASK, unit=UnitOption.parse(unit), resamples=0, **options)


def refusal(folder: Path, content: str | bytes | dict[str, list[str]], name: str = "t.csv", **options: Any) -> str:
    with pytest.raises(UsageError) as error:
        correlated(folder, content, name, **options)
    message = str(error.value)
    assert "\n" not in message and name in message
    return message


def account(result: Correlation) -> dict[str, Any]:
    return dict(json.loads(json.dumps(result.as_dict(), allow_nan=False))["table"])


# The unit


def test_a_robust_column_below_two_percent_is_percent_like_the_rest_of_its_table(tmp_path: Path) -> None:
    found = correlated(tmp_path, {"clean": rising(80, 94), "pgd20": rising(0, 1.3)})
    assert found.chosen["params"]["clean"]["accuracy"] == pytest.approx(0.87)
    assert found.chosen["params"]["pgd20"]["accuracy"] == pytest.approx(0.0065)
    assert found.chosen["params"]["pgd20"]["hrs"] < 0.02
    assert account(found)["unit"] == "percent" and not account(found)["notes"]


PERCENT, FRACTION, TINY = rising(80, 94), rising(0.8, 0.94), rising(0, 0.9)
BOTH = {"clean": PERCENT, "pgd20": TINY}
SOURCES = {"nats.cifar10.test": PERCENT, "std.cifar10.clean": FRACTION, "std.cifar10.fgsm@Linf.eps8": TINY}
NOT_ACCURACIES = {"epochs": ["200"] * ROWS, "loss": rising(1, 3), "nodes": rising(1, 8)}
UNITS: list[tuple[dict[str, list[str]], str, str, str]] = [  # columns, --unit, unit of each target, part of a note
    ({"clean": FRACTION, "pgd20": TINY}, "auto", "fraction fraction", ""),
    ({"pgd20": rising(0, 1.3)}, "auto", "percent", ""),
    ({"pgd20": TINY}, "auto", "fraction", ""),
    ({"pgd20": TINY}, "percent", "percent", ""),
    (BOTH, "auto", "percent percent", "pgd20=fraction"),
    (BOTH, "pgd20=fraction", "percent fraction", ""),
    (BOTH, "percent,pgd20=fraction", "percent fraction", ""),
    ({"pgd20": rising(0, 0.9, "{:.3f}%"), "fgsm": TINY}, "auto", "percent percent", "fgsm=fraction"),
    (SOURCES, "auto", "percent fraction", ""),  # two sources, each with its own clean accuracy
    ({"clean": FRACTION, **NOT_ACCURACIES}, "auto", "fraction", ""),  # these do not decide
    (
        {"clean": PERCENT, "robustness": rising(1, 300)},
        "robustness=value",
        "percent value",
        "without conversion",
    ),
]


def test_the_unit_of_a_table_is_found_from_all_its_columns(tmp_path: Path) -> None:
    for columns, unit, expected, note in UNITS:
        found = correlated(tmp_path, columns, unit=unit)
        assert list(found.table.units.values()) == expected.split(), columns.keys()
        assert found.table.notes == () if not note else any(note in line for line in found.table.notes)
        assert all(found.spearman["params"][name] == pytest.approx(1) for name in found.target)
    assert account(found)["unit"] == "mixed"


def test_a_unit_that_cannot_be_is_refused_by_column_and_line(tmp_path: Path) -> None:
    mixed = ["'pgd20' (up to 94)", "'clean' (up to 0.94)", "--unit NAME=percent"]
    for columns, unit, parts in [
        ({"clean": FRACTION, "pgd20": PERCENT}, "auto", mixed),
        ({"clean": PERCENT}, "fraction", ["line 2", "'clean'", "as a fraction (0 to 1)"]),
        (
            {"clean": [*PERCENT[:-1], "940"]},
            "auto",
            [f"line {ROWS + 1}", "'clean': 940 is not an accuracy in perc"],
        ),
        ({"clean": ["-1", *PERCENT[1:]]}, "auto", ["line 2", "'clean': -1 is not", "--unit clean=value"]),
        ({"clean": [f"{v}%" for v in PERCENT]}, "fraction", ["'clean' is written with percent signs"]),
        ({"clean": PERCENT}, "percents", ["--unit takes percent, fraction or auto", "'percents'"]),
        ({"clean": PERCENT}, "clean=auto", ["--unit takes", "'clean=auto'"]),
        ({"clean": PERCENT}, "claen=percent", ["no such column", "did you mean clean"]),
    ]:
        with pytest.raises(UsageError) as error:
            correlated(tmp_path, columns, unit=unit)
        assert all(part in str(error.value) for part in parts), error.value


# Which columns are targets


def test_columns_that_are_no_accuracies_are_left_out_and_listed(tmp_path: Path) -> None:
    running, zeros = [str(i) for i in range(ROWS)], ["0"] * ROWS
    others = {
        "": running, "Unnamed: 0": running, "index": running, "arch_id": running, "position": running[::-1],
        "test_err": falling(6, 20), "mCE": falling(6, 20), "test_loss": falling(0.2, 1), "params": falling(1, 3),
        "FLOPs": falling(1, 3), "train_time": falling(1, 3), "latency_ms.x": falling(1, 3), "rank": falling(1, 8),
        "best_epoch": falling(1, 8), "seed": zeros, "clean_std": falling(0, 1), "width": falling(3, 20),
        "note": ["fine"] * ROWS, "size_mb": ["3.3M"] * (ROWS - 1) + ["12"], "nothing": [""] * ROWS,
    }  # fmt: skip
    columns = {**others, "clean": rising(80, 94), "testAcc_top1": rising(70, 90), "robust_acc": rising(0, 1.3)}
    found = correlated(tmp_path, columns)
    assert found.target == ("clean", "testAcc_top1", "robust_acc")
    left = account(found)["left"]
    assert left.keys() == {name or "column 2" for name in others}
    for name, reason in {
        "column 2": "index", "Unnamed: 0": "index", "arch_id": "index", "position": "index", "test_err": "error",
        "mCE": "error", "test_loss": "loss", "params": "size", "FLOPs": "size", "train_time": "time",
        "latency_ms.x": "time", "rank": "rank", "best_epoch": "counter", "seed": "counter",
        "clean_std": "spread", "width": "not named as an accuracy", "note": "'fine'", "size_mb": "'3.3M'",
        "nothing": "empty",
    }.items():  # fmt: skip
        assert reason in left[name], name


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("accuracy", "acc val_acc Top-1 robust_acc pgd20 AA aa_apgd-ce@Linf.eps8 x.snow.s1 acc_seed_777 NatAcc"),
        ("error", "err test_error top1_err robust-error mCE attack_success_rate"),
        ("loss", "loss val_loss CrossEntropy train.nll"),
        ("size", "params #Params n_parameters MFLOPs madds model_size batch_size peak_memory"),
        ("time", "time train_seconds latency_ms gpu_days search_hours"),
        ("speed", "throughput fps"),
        ("rank", "rank acc_rank"),
        ("counter", "seed epochs best_epoch train_epochs trial"),
        ("spread", "acc_std clean.stdev pgd_ci95 acc_standard_error"),
        ("index", "id uid arch_index # No. Unnamed:_0"),
        ("unknown", "mine width score"),
    ],
)  # fmt: skip
def test_the_kind_of_a_column_is_known_by_its_name(kind: str, names: str) -> None:
    assert {name: kind_of(name.replace("_0", " 0")).name for name in names.split()} == dict.fromkeys(
        names.split(), kind
    )


def test_words_that_tell_kinds_are_listed_in_the_documentation() -> None:
    page = (Path(__file__).parents[3] / "docs" / "tables.md").read_text(encoding="utf-8")
    rows = {row.split("|")[1].strip(): row for row in page.splitlines() if row.startswith("| ")}
    for kind in KINDS:
        assert set(f" {rows[kind.name]} ".replace("`", " ").replace(",", " ").split()) >= kind.words, kind.name


def test_columns_without_a_telling_name_are_targets_where_there_are_no_others(tmp_path: Path) -> None:
    found = correlated(tmp_path, {"mine": rising(10, 90), "theirs": rising(0, 1), "width": rising(16, 300)})
    assert found.target == ("mine", "theirs") and account(found)["left"] == {"width": "not named as an accuracy"}


def test_a_table_of_latencies_has_no_accuracies_and_says_what_it_has(tmp_path: Path) -> None:
    message = refusal(
        tmp_path, {"index": rising(0, 7), "latency_ms.pixel3": rising(3, 9), "note": ["fine"] * ROWS}
    )
    assert "no column of accuracies" in message and "--target" in message
    assert "index (index)" in message and "latency_ms.pixel3 (time)" in message and "'fine'" in message


def test_what_is_asked_for_has_its_direction(tmp_path: Path) -> None:
    columns = {
        "clean": rising(80, 94),
        "test_err": falling(6, 20),
        "params": rising(1, 3),
        "fps": rising(1, 9),
        "flips": falling(2, 300),
    }
    found = correlated(tmp_path, columns, target_names=["test_err", "params", "fps", "-flips"])
    rho = {name: found.spearman["params"][name] for name in found.target}
    assert rho == pytest.approx({"test_err": 1, "params": -1, "fps": 1, "flips": 1})
    assert found.kendall["params"]["test_err"] == pytest.approx(1)
    assert {name: entry["better"] for name, entry in account(found)["targets"].items()} == {
        "test_err": "smaller", "params": "smaller", "fps": "larger", "flips": "smaller"
    }  # fmt: skip
    assert any("test_err: smaller is better (error)" in note for note in account(found)["notes"])
    chosen = found.chosen["params"]["test_err"]
    assert chosen["value"] == pytest.approx(13) and chosen["distance"] == pytest.approx(7) and "hrs" not in chosen
    turned = correlated(tmp_path, columns, target_names=["+test_err"])
    assert turned.spearman["params"]["test_err"] == pytest.approx(-1)


def test_an_unknown_target_is_answered_by_all_that_there_are(tmp_path: Path) -> None:
    columns = {"clean": rising(80, 94), "test_err": falling(6, 20), "note": ["fine"] * ROWS}
    message = refusal(tmp_path, columns, target_names=["claen"])
    for part in ("no target 'claen'", "did you mean clean", "clean (accuracy)", "test_err (error)", "note"):
        assert part in message
    assert "'note'" in refusal(tmp_path, columns, target_names=["note"])


def test_several_columns_of_one_target_can_be_chosen_by_name(tmp_path: Path) -> None:
    columns = {"cifar10.test": rising(80, 94), "cifar100.test": rising(50, 70)}
    assert "--target cifar10.test" in refusal(tmp_path, columns)
    assert correlated(tmp_path, columns, target_names=["cifar100.test"]).target == ("cifar100.test",)


# How the file is written


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_separators_line_ends_and_compression_are_told_apart(separator: str, tmp_path: Path) -> None:
    columns = {"clean": rising(80, 94), "pgd20": rising(0, 1.3)}
    plain = read_table(written(tmp_path, columns, "t.csv"), SPACE)
    for end in ("\n", "\r\n", "\r"):
        for start in ("", "\ufeff", f"sep={separator}{end}", end):
            text = (start + text_of(columns, separator, end)).encode()
            for name, content in (
                ("t.csv", text),
                ("t.csv.gz", gzip.compress(text)),
                ("t.txt", gzip.compress(text)),
            ):
                found = read_table(written(tmp_path, content, name), SPACE)
                assert found.genotypes == plain.genotypes and found.separator == separator
                assert {n: v.tolist() for n, v in found.columns.items()} == {
                    n: v.tolist() for n, v in plain.columns.items()
                }


def test_quoted_genotypes_may_hold_the_separator(tmp_path: Path) -> None:
    space = spaces["darts"]
    cells = [f'"{space.random(np.random.default_rng(i))}"' for i in range(6)]
    for separator in ",;\t":
        rows = [
            separator.join(("Genotype", "x", "clean")),
            *(separator.join((c, "a", f"9{i}.5")) for i, c in enumerate(cells)),
        ]
        (tmp_path / "t.csv").write_text("\n".join(rows) + f"\n{separator}{separator}\n")
        found = evonas.correlate(tmp_path / "t.csv", ["params"], SearchSettings(channels=4, layers=3))
        assert found.n == 6 and found.target == ("clean",)
    (tmp_path / "t.csv").write_text("genotype,clean\n" + cells[0].strip('"') + ",90\n")
    with pytest.raises(UsageError, match="quote cells that contain the separator"):
        evonas.correlate(tmp_path / "t.csv", ["params"], SearchSettings(channels=4, layers=3))


@pytest.mark.parametrize(
    ("separator", "form"),
    [
        (",", "{:.2f}%"),
        (",", "{:.2f} %"),
        (";", "{:.2f}"),
        (";", "comma"),
        ("\t", "comma"),
        (";", "comma%"),
        (",", "{:.2f} ± 0.2"),
        (",", "{:.2f}±0.2"),
        (",", "{:.2f}+-0.2"),
        (",", "{:.2f} +/- 0.2"),
        (",", r"${:.2f} \pm 0.2$"),
        (",", "{:.2f}% ± 0.2%"),
        (";", "comma ± 0,2"),
        (",", "{:.2f}\u00a0%"),
        (",", "{:.4e}"),
        (",", "+{:.2f}"),
    ],
)
def test_numbers_are_read_as_people_write_them(separator: str, form: str, tmp_path: Path) -> None:
    def written(value: float) -> str:
        return form.replace("comma", f"{value:.2f}".replace(".", ",")).format(value)

    columns = {"clean": [written(value) for value in CLEAN], "pgd20": [written(value / 100) for value in CLEAN]}
    found = correlated(tmp_path, text_of(columns, separator))
    assert found.table.units == {"clean": "percent", "pgd20": "percent"}
    assert found.accuracies["clean"].tolist() == pytest.approx([CLEAN[i] / 100 for i in rows_of(found)], abs=1e-6)
    assert any("mean ± spread" in note for note in found.table.notes) == ("0.2" in form or "0,2" in form)


def rows_of(found: Correlation) -> list[int]:
    return [CELLS.index(text) for text in found.genotypes]


@pytest.mark.parametrize(
    ("cells", "separator", "parts"),
    [
        (['"61,5"', "62"], ",", ["'61,5'", "decimal comma", "line 2"]),
        (["61,5", "62.5"], ";", ["'61,5'", "line 3", "'62.5'"]),
        (["61%", "0.62"], ",", ["'61%'", "line 3", "'0.62'"]),
        (["1.234,5", "62"], ";", ["'1.234,5'", "line 2"]),
        (["61.2 (0.3)", "62"], ",", ["'61.2 (0.3)'", "line 2"]),
        (["61", "inf"], ",", ["'inf'", "line 3"]),
        (["61", "1e999"], ",", ["'1e999'", "line 3"]),
        (["61", "6_2"], ",", ["'6_2'", "line 3"]),
        (["61", "\uff16\uff12"], ",", ["line 3"]),
        (["61", "62 63"], ",", ["'62 63'", "line 3"]),
    ],
)
def test_other_ways_of_writing_are_refused_by_column_and_line(
    cells: list[str], separator: str, parts: list[str], tmp_path: Path
) -> None:
    columns = {"clean": rising(80, 94), "pgd20": [*cells, *(["63"] * (ROWS - 2))]}
    message = refusal(tmp_path, text_of(columns, separator))
    assert all(part in message for part in ["column 'pgd20'", *parts]), message


def test_a_column_of_decimal_commas_between_commas_is_never_passed_over(tmp_path: Path) -> None:
    columns = {"clean": rising(80, 94), "pgd20": ['"61,5"'] * ROWS, "params": ['"1,234,567"'] * ROWS}
    assert "'pgd20'" in refusal(tmp_path, columns)
    columns["pgd20"] = rising(0, 50)
    assert "'1,234,567'" in account(correlated(tmp_path, columns))["left"]["params"]


@pytest.mark.parametrize("missing", ["", " ", "-", "nan", "NaN", "N/A", "n/a", "None", "<NA>", "\u2013"])
def test_architectures_without_a_value_are_left_out_and_counted(missing: str, tmp_path: Path) -> None:
    columns = {"clean": rising(80, 94), "pgd20": [missing, missing, *rising(0, 50)[2:]]}
    found = correlated(tmp_path, columns)
    assert found.n == account(found)["rows"] == ROWS - 2 and CELLS[0] not in found.genotypes
    (note,) = account(found)["notes"]
    assert note.startswith(f"pgd20 is empty for 2 of {ROWS} architectures, first in line 2")
    assert correlated(tmp_path, columns, target_names=["clean"]).n == ROWS
    columns["pgd20"][:-2] = [missing] * (ROWS - 2)
    message = refusal(tmp_path, columns)
    assert "pgd20 is empty for 6" in message and "at least 5" in message


GOOD = text_of({"clean": rising(80, 94)})
TWICE = GOOD.replace("arch_str,clean", "arch_str,clean,clean")
FILES: list[tuple[str, str | bytes, str]] = [
    ("t.xlsx", b"PK\x03\x04\x14\x00", "an Excel workbook"),
    ("t.csv", b"PK\x03\x04\x14\x00", "an Excel workbook"),
    ("t.xls", b"\xd0\xcf\x11\xe0\xa1\xb1", "an Excel workbook"),
    ("t.parquet", b"PAR1\x15\x00", "a Parquet file"),
    ("t.json", b'[{"genotype": "x", "clean": 1}]', "a JSON document"),
    ("t.json", b'\xef\xbb\xbf\n {"genotype": ["x"]}', "a JSON document"),
    ("t.pkl", b"\x80\x04\x95\x00", "a pickle"),
    ("t.db", b"SQLite format 3\x00", "an SQLite database"),
    ("t.csv.gz", gzip.compress(b"PAR1\x15\x00"), "a Parquet file"),
    ("t.csv.bz2", b"BZh91AY", "a bzip2 archive"),
    ("t.html", b"<html>", "an HTML or XML document"),
    ("t.csv", GOOD.encode("utf-16"), "UTF-16"),
    ("t.csv", text_of({"clean": ["90 \u00b1 1"] * ROWS}).encode("latin-1"), "line 2 has the byte 0xb1"),
    ("t.csv", GOOD.split("\n", 1)[1], "found an architecture, but expected a header"),
    ("t.csv", GOOD.replace("arch_str", "cell"), "--architecture cell"),
    ("t.csv", GOOD.replace(",", ":"), "no column of architectures"),
    ("t.csv", TWICE, "two columns are named 'clean'"),
    ("t.csv", GOOD + f"{CELLS[0]},12\n", "same architecture as in line 2"),
    ("t.csv", GOOD + ",12\n", f"line {ROWS + 2}"),
    ("t.csv", GOOD + f"{CELLS[0]},1,2\n", "3 cells, but the header has 2"),
    ("t.csv", GOOD + f"{CELLS[0]}\n", "1 cells, but the header has 2"),
]


def test_what_is_no_such_table_is_answered_by_one_message(tmp_path: Path) -> None:
    for name, content, part in FILES:
        assert part in refusal(tmp_path, content, name)


def test_the_column_of_architectures_can_be_named(tmp_path: Path) -> None:
    text = text_of({"clean": rising(80, 94)}, architecture="Cell string")
    assert correlated(tmp_path, text, architecture="Cell string").n == ROWS
    for name in ("Genotype", "ARCHITECTURE", "Arch_Str", "arch"):
        assert account(correlated(tmp_path, text.replace("Cell string", name)))["architectures"] == name


# What is said


def test_scores_of_another_data_set_than_the_accuracies_are_said_to_be_so(tmp_path: Path) -> None:
    said: list[str] = []

    def notes(names: dict[str, list[str]], name: str, *proxies: str) -> list[str]:
        said.clear()
        path = written(tmp_path, names, name)
        found = evonas.correlate(path, list(proxies), SETTINGS, announce=said.append)
        assert said == account(found)["notes"]
        return list(said)

    assert notes({"cifar10.test": rising(80, 94)}, "t.csv", "params") == []
    (line,) = notes({"cifar10.test": rising(80, 94)}, "t.csv", "params", "naswot")
    assert line.startswith("scores are computed from digits, but accuracies from cifar10; use --dataset cifar10")
    (line,) = notes({"clean": rising(80, 94)}, "cifar-100.csv", "naswot")
    assert "accuracies from cifar100" in line
    (line,) = notes({"clean": rising(80, 94)}, "t.csv", "naswot")
    assert line.startswith("scores are computed from digits, the default data set")
    assert notes({"digits.test": rising(80, 94)}, "t.csv", "naswot") == []


def test_isomorphic_architectures_are_counted(tmp_path: Path) -> None:
    same = "|none~0|+|none~0|none~1|+|nor_conv_1x1~0|none~1|none~2|"
    again = "|skip_connect~0|+|none~0|none~1|+|none~0|nor_conv_1x1~1|none~2|"  # the same convolution after a skip
    text = text_of({"clean": rising(80, 94)}) + f"{same},70\n{again},71\n"
    notes = correlated(tmp_path, text).table.notes
    repeated = ROWS + 2 - len({SPACE.key(SPACE.parse(cell)) for cell in (*CELLS, same, again)})
    assert repeated > 0
    assert notes == (f"{repeated} of {ROWS + 2} architectures are isomorphic to another; --all-ids includes them",)
    assert correlated(tmp_path, text, all_ids=True).table.notes == ()


def test_the_command_lists_what_it_took_and_what_it_left(tmp_path: Path) -> None:
    columns = {"index": rising(0, 7), "clean": rising(80, 94), "pgd20": rising(0, 0.9), "note": ["fine"] * ROWS}
    (tmp_path / "t.csv").write_text(text_of(columns, ";"))
    command = ["correlate", "t.csv", "--proxy", "params", "--channels", "4", "--layers", "1"]
    done = forks.run(*command, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for line in (
        f"{ROWS} architectures in column arch_str, separated by semicolons",
        "used, in percent: clean, pgd20",
        "skipped, not an accuracy (index): index",
        "skipped, line 2: it holds text, such as 'fine': note",
    ):
        assert line in done.stdout.splitlines()
    assert "note: pgd20: no value exceeds 1, but read as percent" in done.stdout
    markdown = forks.run(*command, "--markdown", "--unit", "pgd20=fraction", cwd=tmp_path)
    assert markdown.stdout.startswith("| proxy |") and "used, as fractions: pgd20" in markdown.stderr
    wrong = forks.run(*command, "--unit", "per cent", cwd=tmp_path)
    assert wrong.returncode == 2 and len(wrong.stderr.splitlines()) == 1
    turned = forks.run(*command, "--target", "-clean", "--json", cwd=tmp_path)
    assert json.loads(turned.stdout)["spearman"]["params"] == {"clean": pytest.approx(-1)}

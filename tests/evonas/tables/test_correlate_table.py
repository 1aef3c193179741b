"""Tables of trained architectures: what is read, and what each mistake is called."""

import gzip
import os
from pathlib import Path

import pytest

from evonas.evaluation.corruptions import corruptions
from evonas.tables import read_table, targets
from evonas.tables.targets import GROUPINGS
from spaces import UsageError, spaces

SHARED = Path(os.environ.get("EVONAS_SHARED") or Path(__file__).resolve().parents[4] / "shared")
SPACE = spaces["nasbench201"]
A = "|none~0|+|none~0|nor_conv_3x3~1|+|none~0|skip_connect~1|nor_conv_1x1~2|"
B = "|nor_conv_3x3~0|+|none~0|nor_conv_3x3~1|+|none~0|skip_connect~1|nor_conv_1x1~2|"


def write(folder, text, name="table.csv"):
    path = folder / name
    if name.endswith(".gz"):
        with gzip.open(path, "wt") as file:
            file.write(text)
    else:
        path.write_text(text)
    return path


@pytest.mark.parametrize("name", ["table.csv", "table.csv.gz"])
def test_columns_of_numbers_are_read_and_text_is_left_out(tmp_path, name):
    table = read_table(write(tmp_path, f"arch_str,acc,note\n{A},90.5,first\n{B},80,second\n", name), SPACE)
    assert [str(genotype) for genotype in table.genotypes] == [A, B]
    assert list(table.columns) == ["acc"]
    assert table.columns["acc"].tolist() == [90.5, 80.0]


def test_quoted_architectures_with_commas_are_read(tmp_path):
    text = str(spaces["darts"].parse("DARTS_V2"))
    table = read_table(write(tmp_path, f'genotype,cifar10.test\n"{text}",97.1\n'), spaces["darts"])
    assert str(table.genotypes[0]) == text


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (f"name,acc\n{A},90\n", ["line 1", "no column of architectures"]),
        (f"arch_str,acc,acc\n{A},90,91\n", ["line 1", "'acc'"]),
        (f"arch_str,acc\n{A},90\n{B},80\n{A},90\n", ["line 4", "same architecture as in line 2"]),
        (f"arch_str,acc\n{A},90\n{B},high\n", ["line 3", "'acc'", "'high'"]),
        (f"arch_str,acc\n{A},90\n|nor_conv_7x7~0|,80\n", ["line 3", "not a NAS-Bench-201 cell"]),
        (f"arch_str,acc\n{A},90\n{B}\n", ["line 3", "1 cells"]),
        ("arch_str,acc\n", ["no architectures"]),
        ("", ["line 1", "header"]),
        (f'arch_str,acc\n"{A},90\n', ["CSV"]),
    ],
)
def test_every_mistake_is_one_message_that_names_the_line(tmp_path, text, parts):
    with pytest.raises(UsageError) as caught:
        read_table(write(tmp_path, text), SPACE)
    message = str(caught.value)
    assert "table.csv" in message and "\n" not in message
    for part in parts:
        assert part in message


def test_missing_named_column_suggests_the_closest(tmp_path):
    with pytest.raises(UsageError, match="arch_str"):
        read_table(write(tmp_path, f"arch_str,acc\n{A},90\n"), SPACE, architecture="arch_st")


def test_missing_file_directory_and_binary_are_named(tmp_path):
    with pytest.raises(UsageError, match="does not exist"):
        read_table(tmp_path / "absent.csv", SPACE)
    with pytest.raises(UsageError, match="directory"):
        read_table(tmp_path, SPACE)
    (tmp_path / "binary.csv").write_bytes(b"\xff\xfe\x00\x80")
    with pytest.raises(UsageError, match="cannot be read"):
        read_table(tmp_path / "binary.csv", SPACE)
    (tmp_path / "plain.csv.gz").write_text("arch_str,acc\n")
    with pytest.raises(UsageError, match="cannot be read"):
        read_table(tmp_path / "plain.csv.gz", SPACE)


def test_isomorphic_cells_form_one_class(tmp_path):
    c = "|none~0|+|none~0|none~1|+|nor_conv_1x1~0|none~1|none~2|"
    d = "|skip_connect~0|+|none~0|none~1|+|none~0|nor_conv_1x1~1|none~2|"  # the same convolution after a skip
    table = read_table(write(tmp_path, f"arch_str,acc\n{B},1\n{c},2\n{d},3\n"), SPACE)
    assert table.classes() == [0, 1]


def test_table_of_its_own_kind_offers_every_column(tmp_path):
    table = read_table(write(tmp_path, f"index,arch_str,x.test,pgd20\n0,{A},90,1\n1,{B},80,2\n"), SPACE)
    assert [(target.name, target.columns) for target in targets(table)] == [
        ("clean", ("x.test",)),
        ("pgd20", ("pgd20",)),
    ]
    assert [target.name for target in targets(table, ["pgd20"])] == ["pgd20"]


def test_unknown_target_and_grouping_name_the_closest(tmp_path):
    table = read_table(write(tmp_path, f"arch_str,cifar10.test,pgd20\n{A},90,1\n"), SPACE)
    with pytest.raises(UsageError, match="pgd20"):
        targets(table, ["pgd2"])
    with pytest.raises(UsageError, match="paper"):
        targets(table, grouping="papers")


def test_standard_grouping_is_that_of_the_corruptions_that_evaluate_measures():
    standard = {kind: group for group, kinds in GROUPINGS["standard"].items() for kind in kinds}
    assert standard == {name: corruptions[name].group for name in corruptions} and len(standard) == 15


EVERY = 16  # rows of the real table


@pytest.fixture(scope="module")
def whole():
    path = SHARED / "data" / "nasbench201_cifar10.csv.gz"
    if not path.exists():
        pytest.skip(f"the table of trained cells is not at {path}")
    return path


@pytest.fixture(scope="module")
def real(whole, tmp_path_factory):
    """Some rows of the real table."""
    with gzip.open(whole, "rt") as file:
        head, *rows = file.readlines()
    return read_table(write(tmp_path_factory.mktemp("real"), head + "".join(rows[::EVERY])), SPACE)


@pytest.mark.slow
def test_the_real_table_has_the_published_number_of_classes(whole):
    table = read_table(whole, SPACE)
    assert len(table) == 15625
    assert len(table.classes()) == 6466


def test_classes_of_the_real_table_are_its_uids(real):
    uid = real.columns["uid"]
    assert len(real) == 977 and len(real.classes()) == len(set(uid.tolist())) < 977
    keys = {}
    for genotype, its in zip(real.genotypes, uid, strict=True):
        assert keys.setdefault(SPACE.key(genotype), its) == its


def test_targets_of_the_real_table_are_the_papers(real):
    found = targets(real)
    names = ["clean", "fgsm-8", "fgsm-4", "fgsm-2", "pgd-1", "weather", "noise", "blur", "digital"]
    assert [target.name for target in found] == names
    assert found[0].columns == ("nats.cifar10.test",)
    assert [len(target.columns) for target in found] == [1, 1, 1, 1, 1, 15, 15, 20, 15]
    for target in found:
        accuracy = target.accuracies(real)
        assert 0 <= accuracy.min() < accuracy.max() <= 1

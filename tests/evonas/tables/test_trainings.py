"""Tables with several trainings of an architecture: rows that differ in the column seed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from evonas.data.tables.table import Table, read_table
from evonas.data.tables.trainings import Trainings
from evonas.data.tables.units import UnitOption
from evonas.store.settings import SearchSettings
from evonas.tables import targets
from evonas.tables.correlation import correlate
from evonas.tables.problem import problem
from spaces import UsageError, spaces

SPACE = spaces["nasbench201"]
A, B, C = (
    f"|{first}~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_3x3~2|"
    for first in ("nor_conv_3x3", "nor_conv_1x1", "skip_connect")
)
ROWS = [(A, 0, "0.9", "0.5"), (A, 1, "0.7", ""), (B, 0, "0.6", "0.4"), (C, 0, "", ""), (A, 2, "0.8", "0.1")]


def written(path: Path, rows: list[tuple[str, int, str, str]] = ROWS) -> Path:
    lines = [",".join(map(str, row)) for row in rows]
    path.write_text("\n".join(["genotype,seed,clean,pgd@Linf.eps8", *lines]) + "\n")
    return path


@pytest.fixture
def table(tmp_path: Path) -> Table:
    return read_table(written(tmp_path / "t.csv"), SPACE)


def test_trainings_of_one_architecture_are_averaged_over_cells_that_have_a_value(table: Table) -> None:
    assert [str(genotype) for genotype in table.genotypes] == [A, B, C] and table.lines == (2, 4, 5)
    np.testing.assert_allclose(table.columns["clean"], [0.8, 0.6, np.nan])
    np.testing.assert_allclose(table.columns["pgd@Linf.eps8"], [0.3, 0.4, np.nan])
    assert table.trainings is not None and table.trainings.architectures.tolist() == [0, 0, 1, 2, 0]


def test_rows_keep_their_trainings(table: Table) -> None:
    found = table.rows(np.array([True, False, True])).trainings
    assert found is not None and found.architectures.tolist() == [0, 0, 1, 0]
    np.testing.assert_array_equal(found.columns["seed"], [0, 1, 0, 2])


def test_a_training_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"line 7: same architecture and seed as in line 2.*must differ"):
        read_table(written(tmp_path / "t.csv", [*ROWS, ROWS[0]]), SPACE)


def test_a_table_with_one_training_each_has_no_others(tmp_path: Path) -> None:
    assert read_table(written(tmp_path / "t.csv", ROWS[:1] + ROWS[2:4]), SPACE).trainings is None


def test_the_noise_is_that_of_a_one_way_analysis_of_variance() -> None:
    values = np.array([1.0, 3.0, 6.0, 8.0, 11.0, 13.0])
    noise = Trainings(np.array([0, 0, 1, 1, 2, 2]), {}).noise(values)
    assert noise is not None  # mean squares: between 50, within 2
    assert noise.sd == pytest.approx(2**0.5) and noise.icc == pytest.approx((50 - 2) / (50 + 2))
    low, high = 25 / 16.044, 25 * 39.165  # F(0.975; 2, 3) and F(0.975; 3, 2) of printed tables
    assert noise.icc_low == pytest.approx((low - 1) / (low + 1), abs=1e-4)
    assert noise.icc_high == pytest.approx((high - 1) / (high + 1), abs=1e-4)
    unequal = Trainings(np.array([0, 0, 0, 1, 2]), {}).noise(np.array([1.0, 2.0, 3.0, 5.0, 8.0]))
    assert unequal is not None  # within 2 / 2, between (3 1.8^2 + 1.2^2 + 4.2^2) / 2, n = (5 - 11 / 5) / 2
    between = (3 * 1.8**2 + 1.2**2 + 4.2**2) / 2
    assert unequal.icc == pytest.approx((between - 1) / (between + 0.4))
    assert Trainings(np.array([0, 1, 2]), {}).noise(np.array([1.0, 2.0, 3.0])) is None
    assert Trainings(np.array([0, 0, 1]), {}).noise(np.array([1.0, np.nan, 3.0])) is None
    alike = Trainings(np.array([0, 0, 1, 1]), {}).noise(np.array([1.0, 3.0, 1.0, 3.0]))
    assert alike is not None and alike.icc == 0.0 == alike.icc_low and alike.icc_high < 1
    same = Trainings(np.array([0, 0, 1, 1]), {}).noise(np.array([1.0, 1.0, 2.0, 2.0]))
    assert same is not None and same[1:] == (1.0, 1.0, 1.0, 1.0)


def test_correlations_and_benchmarks_read_such_a_table(tmp_path: Path) -> None:
    others = [C, A.replace("nor_conv_3x3~2", "none~2"), B.replace("nor_conv_3x3~2", "none~2")]
    rows = [row for row in ROWS if row[0] != C] + [(cell, 0, "0.3", "0.2") for cell in others]
    path = written(tmp_path / "t.csv", rows)
    found = correlate(path, ["params"], SearchSettings(space="nasbench201", device="cpu"))
    assert found.n == 5 and found.target == ("clean", "pgd-8")
    assert "7 trainings: those of one architecture are averaged" in found.table.notes
    posed = problem(path, "nasbench201", unit=UnitOption())
    assert posed.goals["clean"].optimum == pytest.approx(80)


def test_every_attack_of_a_small_table_is_a_target_and_of_a_large_one_by_its_name(tmp_path: Path) -> None:
    columns = [f"std.{attack}@Linf.eps{size}" for attack in ("fgsm", "pgd") for size in (0.5, 1, 2, 4, 8, 16)]
    for name, shown in (("large", columns), ("small", columns[-4:])):
        cells = ",".join(["0.5"] * (len(shown) + 1))
        lines = [f"genotype,std.clean,{','.join(shown)}", f"{A},{cells}", f"{B},{cells}"]
        (tmp_path / f"{name}.csv").write_text("\n".join(lines) + "\n")
    tables = {name: read_table(tmp_path / f"{name}.csv", SPACE) for name in ("large", "small")}
    names = {name: [target.name for target in targets(table)] for name, table in tables.items()}
    assert names["large"] == ["clean", "fgsm-8", "fgsm-4", "fgsm-2", "pgd-1"]
    assert names["small"] == ["clean", "pgd-2", "pgd-4", "pgd-8", "pgd-16"]
    assert targets(tables["large"], ["pgd-0.5"])[0].columns == ("std.pgd@Linf.eps0.5",)

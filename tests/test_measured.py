"""What the pages say of the tables that this project measured follows from them."""

from __future__ import annotations

import csv
import hashlib
import json
import re
import statistics
from collections import Counter
from pathlib import Path

import pytest
from scipy.stats import t as student_t

import evonas
from evonas.controls.statistics import column
from evonas.data.tables.table import Table, read_table
from evonas.evaluation.columns import summarised, with_attacks
from evonas.evaluation.controls import Column
from evonas.tables.noise import noise_of
from evonas.tables.targets import targets
from spaces import spaces

DOCS = Path(__file__).parents[1] / "docs"
PAGE = (DOCS / "darts-digits.md").read_text(encoding="utf-8")
ALGORITHMS = (DOCS / "algorithms.md").read_text(encoding="utf-8")
TABLE = DOCS / "measured" / "darts-digits.csv"
CLOSED = ("params", "flops", "live-size", "croze-size")


def rows_after(head: str) -> dict[str, list[str]]:
    """The cells of a table of the page by the name in their first column."""
    lines = PAGE.split(head)[1].split("\n\n")[0].splitlines()
    found = [[cell.strip().strip("`") for cell in line.split("|")[1:-1]] for line in lines]
    return {name: cells for name, *cells in found if not name.startswith("---")}


@pytest.fixture(scope="module")
def table() -> Table:
    return read_table(TABLE, spaces["darts"])


def test_the_files_belong_together_and_every_training_is_there(table: Table) -> None:
    sidecar = json.loads(TABLE.with_suffix(".json").read_text())
    assert sidecar["sha256"] == hashlib.sha256(TABLE.read_bytes()).hexdigest()
    assert (sidecar["genotypes"], sidecar["trainings"], sidecar["failed"]) == (120, 168, {})
    assert table.trainings is not None and len(table) == 120
    assert Counter(Counter(table.trainings.architectures.tolist()).values()) == {3: 24, 1: 96}


def test_noise_and_means_are_those_of_the_page(table: Table) -> None:
    said = rows_after("| ceiling of rho |\n")
    found = {target.name: target for target in targets(table, [*said], "standard")}
    assert len(said) == 11
    for name, (mean, low, high, sd, icc, ceiling) in said.items():
        values, noise = found[name].accuracies(table), noise_of(found[name], table)
        shown = [f"{100 * value:.2f} %" for value in (values.mean(), values.min(), values.max())]
        assert [mean, low, high] == shown and noise is not None
        assert sd == f"{100 * noise.sd:.2f}" and short(noise.ceiling) == ceiling
        assert icc == f"{short(noise.icc)} ({short(noise.icc_low)} to {short(noise.icc_high)})"


def test_correlations_of_closed_forms_are_those_of_the_page(tmp_path: Path) -> None:
    said = rows_after("| attacks, minus `params` |\n")
    names = re.findall(r"--target (\S+) --against", PAGE)[0].split(",")
    settings = evonas.SearchSettings(space="darts", dataset="digits", channels=8, layers=5, device="cpu")
    file = tmp_path / "scores.db"
    found = evonas.correlate(TABLE, CLOSED, settings, target_names=names, scores=file, against="params")
    for proxy in CLOSED:
        *rho, interval, partial, gain = said[proxy]
        assert rho == [short(found.spearman[proxy][name]) for name in names]
        assert interval == spread(found.ci95[proxy]["attacks"])
        if proxy not in ("params", "live-size"):
            given, limits = found.partial[proxy]["attacks"], found.partial_ci95[proxy]["attacks"]
            assert partial == f"{short(given)} ({spread(limits)})"
            assert gain.endswith(f"({spread(found.gain_ci95[proxy]['attacks'])})")


def test_winners_and_their_controls_are_those_of_the_page() -> None:
    found: dict[str, dict[str, list[dict[str, float]]]] = {}
    with TABLE.with_name("searches-digits.csv").open(encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            values = {
                name: float(value) for name, value in row.items() if name == "clean" or ".s" in name or "@" in name
            }
            trainings = found.setdefault(row["role"], {}).setdefault(row["genotype"], [])
            trainings.append(with_attacks(summarised(values)))
    controls = [*found.pop("control").values()]
    said = rows_after("| difference in pgd-16 |\n")
    *names, controlled = said
    assert [len(one) for one in controls] == [3] * 16 and len(found) == len(names) == 5
    shown = ("clean", "attacks", "pgd@Linf.eps8", "pgd@Linf.eps16", "corruptions")
    gains = []
    for name, (role, trainings) in zip(names, found.items(), strict=True):
        assert role.removeprefix("winner of ") in name
        (winner,) = trainings.values()
        columns = {
            key: column([one[key] for one in winner], [[one[key] for one in each] for each in controls])
            for key in shown
        }
        attacks, strong = columns["attacks"], columns["pgd@Linf.eps16"]
        gains += [name] if attacks.gain else []
        *means, better, gain, relative, other = said[name]
        assert means == [f"{100 * columns[key].winner:.1f}" for key in shown], name
        assert better == f"{attacks.below} of 16" and relative == f"{attacks.improvement:+.1f} %"
        assert [gain, other] == [points(attacks), points(strong)]
        assert said[controlled][:5] == [f"{100 * (columns[key].mean or 0):.1f}" for key in shown]
    assert gains == ["croze"]  # as the README says


def test_what_darts_and_dsrna_find_is_that_of_the_page() -> None:
    found: dict[str, list[dict[str, str]]] = {}
    with TABLE.with_name("differentiable-digits.csv").open(encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            found.setdefault(row["role"], []).append(row)
    shown = {"clean": "clean", "FGSM 8": "fgsm@Linf.eps8", "PGD 8": "pgd@Linf.eps8", "PGD 16": "pgd@Linf.eps16"}
    differences: dict[str, dict[str, list[float]]] = {}
    lines = ALGORITHMS.split("| certified radius |\n|---|---:|")[1].split("\n\n")[0].splitlines()[1:]
    assert len(lines) == 13
    for line in lines:
        name, seed, params, *cells, better, radius = [cell.strip() for cell in line.split("|")[1:-1]]
        role = f"{name.replace('`', '').replace(', gamma ', ' gamma=')} seed {seed}"
        (winner,), controls = found.pop(f"winner of {role}"), found.pop(f"control of {role}", [])
        said = [f"{int(winner['params']):,}"]
        for label, key in shown.items():
            own, others = 100 * float(winner[key]), [100 * float(one[key]) for one in controls]
            said.append(f"{own:.1f} ({statistics.mean(others):.1f})" if others else f"{own:.1f}")
            if others:
                differences.setdefault(name, {}).setdefault(label, []).append(own - statistics.mean(others))
        assert [params, *cells] == said, role
        below = sum(float(winner["pgd@Linf.eps16"]) > float(one["pgd@Linf.eps16"]) for one in controls)
        assert better == (f"{below} of 16" if controls else "") and len(controls) in (0, 16)
        certified = [float(one["ibp.radius"]) for one in controls if one["ibp.radius"]]
        beside = f" ({statistics.median(certified):.1e})" if certified else ""
        assert radius == f"{float(winner['ibp.radius']):.1e}{beside}", role
    assert not found
    for name, labels in differences.items():
        text = ALGORITHMS.split(f"- **{name}**")[1].split("\n- ")[0]
        for label, values in labels.items():
            half = student_t.ppf(0.975, len(values) - 1) * statistics.stdev(values) / len(values) ** 0.5
            mean = statistics.mean(values)
            assert len(values) == 5 and f"{label} {mean:+.1f} ({mean - half:+.1f} to {mean + half:+.1f})" in text


def points(found: Column) -> str:
    """``+5.9 (+0.9 to +10.8)``."""
    assert found.interval is not None and found.difference is not None
    low, high = (f"{100 * end:+.1f}" for end in found.interval)
    return f"{100 * found.difference:+.1f} ({low} to {high})"


def short(value: float | None) -> str:
    """``.30``."""
    assert value is not None
    return f"{value:.2f}".replace("0.", ".", 1)


def spread(limits: list[float] | None) -> str:
    assert limits is not None
    return " to ".join(map(short, limits))

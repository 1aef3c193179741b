"""`evonas calibrate`: the sums of proxies that it chooses, what they are worth on held-out data, its file."""

from __future__ import annotations

import json
import pickle
from dataclasses import replace
from itertools import combinations, product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.stats

import evonas
from evonas import EvonasError, SearchSettings, UsageError
from evonas.searching.objectives.file import StoredFitness
from evonas.searching.objectives.fitness_file import FitnessFile
from evonas.searching.objectives.named import fitness_of
from evonas.tables.combinations import best_combination, spearman
from evonas.tables.nested import CHOSEN, Estimate, nested, split
from fitness import NoScore, proxies
from spaces import NetworkSize, spaces
from tests.evonas.cli.test_cli import run

SPACE = spaces["nasbench201"]
SIZE = NetworkSize(4, 1)
CHEAP = ["params", "flops", "live-size", "croze-size"]
SETTINGS = SearchSettings(space="nasbench201", channels=4, layers=1, batch_size=4)
NAMES = ["a", "b", "c", "params"]


def drawn(n: int = 80, seed: int = 0) -> tuple[np.ndarray, np.random.Generator]:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, 4)) * [1, 100, 0.01, 5] + [0, 50, 3, -2], rng


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Cells whose attacked accuracy grows with the parameters that live, and falls with all of them."""
    rng, rows = np.random.default_rng(0), []
    for cell in {str(SPACE.random(rng)): None for _ in range(90)}:
        genotype = SPACE.parse(cell)
        live = proxies["live-size"].score(genotype, task()).value
        params = SPACE.params(genotype, SIZE)
        assert live is not None
        rows.append(f"{cell},{40 + params / 1000:.4f},{40 + live / 200 - params / 300 + 0.1 * rng.normal():.4f}")
    path = tmp_path_factory.mktemp("table") / "cells.csv"
    path.write_text("\n".join(["arch_str,clean,fgsm@Linf.eps8", *rows]) + "\n")
    return path


def task() -> Any:
    from fitness import Task

    return Task(SPACE, SIZE)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_the_best_sum_is_that_of_trying_all_of_them(count: int) -> None:
    scores, rng = drawn(40)
    scores[3, 0] = np.nan
    target = scores[:, 2] * 80 - scores[:, 1] / 90 + rng.normal(size=40)
    found = best_combination(scores, target, count)
    rhos = {}
    for members in combinations(range(4), count):
        for weights in product((1, -1), repeat=count):
            columns = scores[:, members]
            standard = (columns - np.nanmean(columns, axis=0)) / np.nanstd(columns, axis=0)
            total = np.nan_to_num(standard @ np.array(weights), nan=-np.inf)
            rhos[members, weights] = scipy.stats.spearmanr(total, target).statistic
    assert found.rho == pytest.approx(max(rhos.values()))
    assert rhos[found.members, found.weights] == pytest.approx(found.rho)
    assert spearman(found.of(scores), target) == pytest.approx(found.rho)


def test_proxies_without_information_are_left_out_of_sums() -> None:
    scores, _ = drawn()
    scores[:, 1], scores[:, 2] = 7, np.nan
    target = scores[:, 0].copy()
    assert set(best_combination(scores, target, 3).members) == {0, 3}
    with pytest.raises(UsageError, match="constant or without a value"):
        best_combination(scores[:, 1:3], target, 1)


def test_a_planted_difference_is_found_and_beats_size_on_held_out_architectures() -> None:
    scores, rng = drawn(120)
    target = scores[:, 0] - scores[:, 1] / 100 + 0.3 * rng.normal(size=120)
    found = nested(scores, target, NAMES, "params", (1, 2, 3), folds=5, repeats=2, seed=0)
    assert found.length == 2 and max(found.held[CHOSEN].picked, key=found.held[CHOSEN].picked.get) == "a+b*-1"
    gain = found.held[CHOSEN].gain
    assert gain is not None and gain.low > 0.5
    assert max(found.random, found.held["params"].value) < found.held[CHOSEN].value < found.best


def test_noise_is_worth_nothing_on_held_out_architectures() -> None:
    rng = np.random.default_rng(1)
    scores, target = rng.normal(size=(60, 15)), rng.normal(size=60)
    names = [*map(str, range(14)), "params"]
    assert best_combination(scores, target, 3).rho > 0.3  # where it was chosen
    held = nested(scores, target, names, "params", (1, 2, 3), folds=5, repeats=2, seed=0).held[CHOSEN]
    assert held.rho.low < 0 < held.rho.high and abs(held.rho.mean) < 0.25
    assert held.gain is not None and held.gain.low < 0


def test_every_architecture_is_held_out_once_and_never_seen_there() -> None:
    parts = split(np.arange(3, 50), 5, np.random.default_rng(0))
    assert sorted(np.concatenate([held for _, held in parts])) == list(range(3, 50))
    for seen, held in parts:
        assert not {*seen} & {*held} and len(seen) + len(held) == 47


def test_the_interval_is_that_of_nadeau_and_bengio() -> None:
    values = [0.1, 0.4, 0.3, 0.2]
    half = scipy.stats.t.ppf(0.975, 3) * np.std(values, ddof=1) * np.sqrt(1 / 4 + 1 / 3)
    found = Estimate.of(values, 4)
    assert (found.mean, found.low, found.high) == pytest.approx((0.25, 0.25 - half, 0.25 + half))


def test_a_table_is_calibrated_and_searched_by_what_was_found(table: Path, tmp_path: Path) -> None:
    path = tmp_path / "fitness.json"
    splits: list[Any] = []
    found = evonas.calibrate(table, "fgsm-8", CHEAP, SETTINGS, out=path, splits=splits.append)
    assert [(one.done, one.total) for one in splits][-1] == (15, 15)
    assert found.gain.low > 0 and "better than counting parameters" in found.verdict
    stored = FitnessFile.read(path)
    assert stored.evidence["verdict"] == found.verdict and stored.evidence["scored"]["channels"] == 4
    settings = SearchSettings(
        proxy=f"file:{path}", space="nasbench201", channels=4, layers=1, population=6, children=3, generations=2
    )
    result = evonas.search(settings, tmp_path / "run")
    best = result.best
    expected = 0.0
    for row in json.loads(path.read_text())["sum"]:
        value = proxies[row["proxy"]].score(SPACE.parse(str(best.genotype)), task()).value
        assert value is not None
        expected += row["weight"] * (value - row["mean"]) / row["deviation"]
    (score,) = best.values.values()
    assert score == pytest.approx(expected, rel=1e-12)
    assert evonas.verify(tmp_path / "run").passed
    (tmp_path / "moved").mkdir()
    moved = path.rename(tmp_path / "moved" / path.name)
    assert evonas.verify(tmp_path / "run", proxy=f"file:{moved}").passed
    evonas.resume(tmp_path / "run", generations=3, proxy=f"file:{moved}")


def test_the_choice_of_noise_says_that_nothing_was_shown(table: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    rows = [line.split(",")[0] for line in table.read_text().splitlines()[1:]]
    noise = tmp_path / "noise.csv"
    noise.write_text("\n".join(["arch_str,fgsm@Linf.eps8", *(f"{row},{50 * rng.random():.3f}" for row in rows)]))
    assert (
        "nothing here is shown to beat counting parameters"
        in evonas.calibrate(noise, None, CHEAP, SETTINGS).verdict
    )


def test_workers_have_the_content_of_the_file(table: Path, tmp_path: Path) -> None:
    path = tmp_path / "fitness.json"
    evonas.calibrate(table, "fgsm-8", CHEAP, SETTINGS, out=path)
    fitness = fitness_of(f"file:{path}")
    sent = pickle.dumps(fitness)
    path.unlink()
    received = pickle.loads(sent)  # noqa: S301
    assert isinstance(received, StoredFitness) and received.identity() == fitness.identity()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda content: content["sum"][0].update(mean=1.0), "its digest does not match"),
        (lambda content: content.update(format=2), "reads format 1"),
        (lambda content: content.pop("sum"), "is not a fitness that evonas calibrate wrote"),
        (lambda content: content["sum"][0].update(proxy="nothing"), "nothing"),
        (lambda content: content["sum"][0].update(weight="much"), "is not a fitness"),
    ],
)
def test_a_damaged_file_is_one_message(table: Path, tmp_path: Path, change: Any, message: str) -> None:
    path = tmp_path / "fitness.json"
    evonas.calibrate(table, "fgsm-8", CHEAP, SETTINGS, out=path)
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))
    with pytest.raises(UsageError, match=message):
        evonas.search(SearchSettings(proxy=f"file:{path}", space="nasbench201"), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_file_of_another_space_or_of_other_versions_is_refused(
    table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "fitness.json"
    evonas.calibrate(table, "fgsm-8", CHEAP, SETTINGS, out=path)
    with pytest.raises(UsageError, match="calibrated in the space nasbench201"):
        evonas.search(SearchSettings(proxy=f"file:{path}", space="darts"), tmp_path / "run")
    settings = SearchSettings(
        proxy=f"file:{path}", space="nasbench201", channels=4, layers=1, population=4, children=2, generations=1
    )
    evonas.search(settings, tmp_path / "run")
    name = FitnessFile.read(path).composite.members[0].name
    monkeypatch.setitem(proxies._entries, name, replace(proxies[name], version=99))
    with pytest.raises(UsageError, match=f"version 1 of {name}"):
        evonas.search(settings, tmp_path / "other")
    with pytest.raises(EvonasError, match="other versions of the proxies"):
        evonas.resume(tmp_path / "run", generations=2)


def test_the_file_of_a_run_that_was_replaced_is_refused(table: Path, tmp_path: Path) -> None:
    path = tmp_path / "fitness.json"
    evonas.calibrate(table, "fgsm-8", CHEAP, SETTINGS, out=path)
    settings = SearchSettings(
        proxy=f"file:{path}", space="nasbench201", channels=4, layers=1, population=4, children=2, generations=1
    )
    evonas.search(settings, tmp_path / "run")
    evonas.calibrate(table, "fgsm-8", CHEAP[:2], SETTINGS, out=path)
    with pytest.raises(EvonasError, match="another fitness"):
        evonas.resume(tmp_path / "run", generations=2)


def sized(genotype: Any, of: Any) -> float:
    if genotype.operations[0] == "none":
        raise NoScore("a reason")
    return float(SPACE.params(genotype, SIZE))


def test_a_proxy_that_lacks_some_scores_says_so_and_ranks_these_last(
    table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = proxies["croze-size"]
    some = replace(proxy, function=sized)
    monkeypatch.setitem(proxies._entries, "croze-size", some)
    found = evonas.calibrate(table, "fgsm-8", CHEAP, SETTINGS)
    assert 0 < found.singles["croze-size"].missing < found.architectures


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"proxies": "crozee"}, "croze"),
        ({"target": "pgd-1"}, "pgd-1"),
        ({"folds": 1}, "--folds"),
        ({"repeats": 0}, "--repeats"),
    ],
)
def test_what_cannot_be_calibrated_is_one_message(table: Path, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        evonas.calibrate(table, **{"proxies": CHEAP, "settings": SETTINGS, **arguments})
    assert "\n" not in str(caught.value)


def test_too_few_architectures_and_equal_accuracies_are_one_message(table: Path, tmp_path: Path) -> None:
    few, equal = tmp_path / "few.csv", tmp_path / "equal.csv"
    lines = table.read_text().splitlines()
    few.write_text("\n".join(lines[:20]))
    equal.write_text("\n".join([lines[0], *(line.split(",")[0] + ",1.5,2" for line in lines[1:])]))
    for path, message in ((few, "at least 30"), (equal, "the same for all")):
        with pytest.raises(UsageError, match=message):
            evonas.calibrate(path, "fgsm-8", CHEAP, SETTINGS)


def test_the_command_prints_tables_and_json(table: Path, tmp_path: Path) -> None:
    command = ["calibrate", str(table), "--channels", "4", "--layers", "1", "--proxy", ",".join(CHEAP)]
    command += ["--engine", "in-process", "--repeats", "1", "--scores", str(tmp_path / "scores.db")]
    printed = run(*command, cwd=tmp_path)
    assert printed.returncode == 0, printed.stderr
    for text in ("fgsm-8", "live-size", "on held-out architectures: 5 folds", "at random", "the truth", "chosen"):
        assert text in printed.stdout
    content = json.loads(run(*command, "--json", "--out", str(tmp_path / "f.json"), cwd=tmp_path).stdout)
    assert content["chosen"]["formula"] and content["nested"]["held_out"]["params"]["gain"] is None
    assert FitnessFile.read(tmp_path / "f.json").target == content["target"] == "fgsm-8"

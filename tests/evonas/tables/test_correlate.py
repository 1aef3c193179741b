"""Rank correlations of proxies with a table: the numbers, the sample, the file of scores."""

import csv
import io
import json
import sqlite3
from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest
import scipy.stats
import torch
from rich.console import Console

from evonas.data.tables.trainings import Trainings
from evonas.engine import InProcess, Processes, is_lost
from evonas.engine.base import loss
from evonas.evaluation.rates import hrs
from evonas.reporting.correlation import correlation_tables
from evonas.tables import (
    TABLE_1A,
    ScoreFile,
    beyond_interval,
    correlate,
    heat_map,
    markdown,
    read_table,
    sample,
    scatter,
    score_and_keep,
)
from evonas.tables.rows import write_rows
from evonas.tables.statistics import correlations, partial
from evonas.tables.targets import GROUPINGS
from fitness import Batch, NoScore, Score, Task, proxies
from fitness.base import Proxy
from spaces import NetworkSize, UsageError, spaces

SPACE = spaces["nasbench201"]
FAST = ["params", "flops", "croze-size"]


def make_table(folder, rows=40, seed=0):
    rng = np.random.default_rng(seed)
    cells = list({str(SPACE.random(rng)) for _ in range(rows)})
    lines = ["arch_str,x.test,a.fgsm@Linf.eps8"]
    for cell in sorted(cells):
        size = SPACE.params(SPACE.parse(cell), NetworkSize(4, 1))
        lines.append(f"{cell},{50 + size / 1000 + rng.normal():.4f},{rng.random():.4f}")
    path = folder / "table.csv"
    path.write_text("\n".join(lines) + "\n")
    return read_table(path, SPACE)


def shown_text(renderable):
    console = Console(width=200, file=io.StringIO())
    console.print(renderable)
    return console.file.getvalue()


def make_task(n=4):
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(n, 3, 8, 8, generator=generator)
    batch = Batch(images, torch.arange(n) % 10, torch.full((3, 1, 1), -2.0), torch.full((3, 1, 1), 2.0))
    return Task(SPACE, NetworkSize(4, 1, image_size=8), batch=batch)


def test_correlations_are_those_of_scipy(tmp_path):
    table = make_table(tmp_path)
    result = correlate(table, FAST, make_task(), resamples=20)
    rows = sample(table)
    for name in FAST:
        score = [proxies[name].score(table.genotypes[row], make_task()).value for row in rows]
        for target, column in (("clean", "x.test"), ("fgsm-8", "a.fgsm@Linf.eps8")):
            truth = table.columns[column][rows]
            assert result.spearman[name][target] == pytest.approx(scipy.stats.spearmanr(score, truth).statistic)
            assert result.kendall[name][target] == pytest.approx(scipy.stats.kendalltau(score, truth).statistic)


def test_partial_correlation_is_that_of_the_residual_ranks():
    rng = np.random.default_rng(0)
    z = rng.normal(size=200)
    x, y = z + rng.normal(size=200), z + rng.normal(size=200)
    rx, ry, rz = (scipy.stats.rankdata(v) for v in (x, y, z))

    def residual(v):
        slope, offset = np.polyfit(rz, v, 1)
        return v - slope * rz - offset

    expected = np.corrcoef(residual(rx), residual(ry))[0, 1]
    found = correlations(x[:, None], y[:, None], [[0]], z, resamples=0, seed=0).partial[0, 0]
    assert found == pytest.approx(expected, rel=1e-9)


def test_size_knows_nothing_beyond_itself(tmp_path):
    result = correlate(make_table(tmp_path), ["params"], make_task(), resamples=10)
    assert result.partial["params"]["clean"] is None
    assert np.isnan(partial(np.array(0.5), np.array(1.0), np.array(0.5)))


def test_interval_covers_the_truth_about_as_often_as_it_says():
    rng, covered = np.random.default_rng(0), 0
    truth = 6 / np.pi * np.arcsin(0.6 / 2)  # Spearman's rho of a normal pair with correlation 0.6
    for i in range(60):
        x = rng.normal(size=120)
        y = 0.6 * x + 0.8 * rng.normal(size=120)
        low, high = correlations(x[:, None], y[:, None], [[0]], x, resamples=200, seed=i).spearman_interval[0, 0]
        covered += low <= truth <= high
    assert covered >= 50


def test_group_is_the_mean_of_its_columns_correlations():
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=50), rng.normal(size=(50, 3))
    found = correlations(x[:, None], y, [[0, 2]], x, resamples=0, seed=0)
    expected = np.mean([scipy.stats.spearmanr(x, y[:, i]).statistic for i in (0, 2)])
    assert found.spearman[0, 0] == pytest.approx(expected)


def test_nothing_correlates_with_what_is_constant(tmp_path):
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(50, 2)), rng.normal(size=(50, 2))
    x[:, 1], y[:, 1] = 3.0, 0.5
    found = correlations(x, y, [[0], [1], [0, 1]], x[:, 0], resamples=9, seed=0)
    for value in (found.spearman, found.kendall, found.spearman_interval[..., 0]):
        assert np.isfinite(value).tolist() == [[True, False, False], [False, False, False]]
    table = make_table(tmp_path)
    table.columns["a.fgsm@Linf.eps8"][:] = 0.0
    result = correlate(table, ["params", "synflow"], make_task(), resamples=9)
    for name in ("params", "synflow"):
        assert result.spearman[name]["clean"] is not None and result.average[name] is None
        assert (
            result.spearman[name]["fgsm-8"]
            is result.ci95[name]["fgsm-8"]
            is result.kendall[name]["fgsm-8"]
            is None
        )
    heat_map(result, tmp_path / "heat.png")
    correlation_tables(result)


def test_larger_sample_begins_with_the_smaller(tmp_path):
    table = make_table(tmp_path)
    assert sample(table, 20, seed=3)[:10] == sample(table, 10, seed=3)
    assert sample(table, 10, seed=3) != sample(table, 10, seed=4)
    assert sorted(sample(table)) == table.classes()
    assert len(sample(table, all_ids=True)) == len(table)


def test_halves_share_no_class_and_miss_none(tmp_path):
    table = make_table(tmp_path)
    a, b = (sample(table, all_ids=True, half=half) for half in "AB")
    assert sorted([*a, *b]) == list(range(len(table))) and a and b
    keys = [{table.space.key(table.genotypes[i]) for i in rows} for rows in (a, b)]
    assert not keys[0] & keys[1]
    assert set(sample(table, half="A")) == set(a) & set(table.classes())
    with pytest.raises(UsageError, match="A, B"):
        sample(table, half="C")


@pytest.mark.parametrize("n", [0, -1, 4, 10_000])
def test_impossible_sample_says_what_is_possible(tmp_path, n):
    with pytest.raises(UsageError, match="5 to"):
        sample(make_table(tmp_path), n)


def test_unknown_proxy_is_refused_before_anything_is_scored(tmp_path):
    with pytest.raises(UsageError, match="params"):
        correlate(make_table(tmp_path), ["param"], make_task(), score_file=tmp_path / "scores.db")
    assert not (tmp_path / "scores.db").exists()


def test_document_is_json_and_has_the_agreed_keys(tmp_path):
    result = correlate(make_table(tmp_path), [*FAST, "params*2+flops"], make_task(), resamples=10)
    document = json.loads(json.dumps(result.as_dict(), allow_nan=False))
    assert {"n", "target", "spearman", "kendall", "ci95"} <= document.keys()
    assert document["target"] == ["clean", "fgsm-8"]
    low, high = document["ci95"]["params"]["clean"]
    assert low <= document["spearman"]["params"]["clean"] <= high
    assert list(document["spearman"]) == [*FAST, "params*2+flops"]


def test_choice_of_the_best_scored_is_measured_against_the_whole_table(tmp_path):
    table = make_table(tmp_path)
    found = correlate(table, ["params"], make_task(), n=20, resamples=0)
    rows = sample(table, 20)
    best = sorted(rows, key=lambda r: -SPACE.params(table.genotypes[r], NetworkSize(4, 1)))[:10]
    clean, fgsm = table.columns["x.test"] / 100, table.columns["a.fgsm@Linf.eps8"]
    chosen = found.chosen["params"]
    mean = clean[best].mean()
    assert chosen["clean"]["accuracy"] == pytest.approx(mean, abs=2e-3)  # ties of size at the tenth place
    assert chosen["clean"]["distance"] == pytest.approx(clean.max() - chosen["clean"]["accuracy"])
    assert 0 <= chosen["clean"]["percentile"] <= 100
    assert chosen["fgsm-8"]["hrs"] <= max(map(hrs, clean.tolist(), fgsm.tolist()))


def test_second_run_computes_nothing_and_a_larger_one_only_the_rest(tmp_path, monkeypatch):
    table, path, calls = make_table(tmp_path), tmp_path / "scores.db", []
    score = Proxy.score

    def counted(self, genotype, task):
        calls.append((self.name, str(genotype)))
        return score(self, genotype, task)

    monkeypatch.setattr(Proxy, "score", counted)
    names = ["params", "synflow"]
    first = correlate(table, names, make_task(), n=8, score_file=path, resamples=0)
    assert len(calls) == 16
    again = correlate(table, names, make_task(), n=8, score_file=path, resamples=0)
    assert len(calls) == 16 and again.as_dict() == first.as_dict()
    correlate(table, [*names, "naswot"], make_task(), n=12, score_file=path, resamples=0)
    assert len(calls) == 16 + 4 * 3 + 8


def test_interrupted_run_continues_where_it_was(tmp_path):
    table, path = make_table(tmp_path), tmp_path / "scores.db"

    def stop(progress):
        if progress.done == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        correlate(table, ["synflow"], make_task(), n=12, score_file=path, observer=stop)
    with sqlite3.connect(path) as db:
        assert db.execute("SELECT count(*) FROM scores WHERE proxy = 'synflow'").fetchone() == (5,)
    seen = []
    resumed = correlate(table, ["synflow"], make_task(), n=12, score_file=path, resamples=5, observer=seen.append)
    assert [progress.done for progress in seen] == [6, 7, 8, 9, 10, 11, 12]
    fresh = correlate(table, ["synflow"], make_task(), n=12, resamples=5)
    assert resumed.spearman == fresh.spearman and resumed.ci95 == fresh.ci95


def test_other_settings_never_share_a_score(tmp_path):
    genotypes = [SPACE.random(np.random.default_rng(0))]
    with ScoreFile(tmp_path / "scores.db") as kept:
        one = score_and_keep(genotypes, ["naswot", "params"], make_task(), kept=kept)
        other_batch = score_and_keep(genotypes, ["naswot", "params"], make_task(n=6), kept=kept)
    assert one["naswot"][0].value != other_batch["naswot"][0].value
    assert one["params"] == other_batch["params"]  # sees no images, so the kept score is found


@pytest.mark.slow
def test_worker_processes_give_the_same_scores(tmp_path):
    table = make_table(tmp_path, rows=8)
    names = ["naswot", "synflow", "grad-norm", "croze"]
    alone = score_and_keep(table.genotypes, names, make_task())
    with Processes(2).opened("cpu", print) as engine:
        together = score_and_keep(table.genotypes, names, make_task(), engine=engine)
    for name in names:
        assert [score[:2] for score in alone[name]] == [score[:2] for score in together[name]]


def test_scores_of_another_version_of_a_proxy_are_computed_again_and_announced(tmp_path, monkeypatch):
    table, path, told = make_table(tmp_path), tmp_path / "scores.db", []
    monkeypatch.setitem(proxies._entries, "trial", Proxy("trial", lambda g, t: 1.0, "", "", "", False))
    before = correlate(table, ["trial", "flops"], make_task(), n=8, score_file=path, resamples=0)
    changed = Proxy("trial", lambda g, t: 2.0, "", "", "", False, version=2)
    monkeypatch.setitem(proxies._entries, "trial", changed)
    arguments = {"n": 12, "score_file": path, "resamples": 0, "announce": told.append}
    after = correlate(table, ["trial", "flops"], make_task(), **arguments)
    assert told == ["trial is at version 2 now: 8 stored scores of version 1 are recomputed"]
    assert set(before.scores["trial"]) == {1.0} and set(after.scores["trial"]) == {2.0}
    assert after.scores["flops"][:8].tolist() == before.scores["flops"].tolist()
    correlate(table, ["trial"], make_task(), **arguments)
    assert len(told) == 1  # once


def test_a_file_without_versions_holds_first_versions(tmp_path, monkeypatch):
    table, path, told = make_table(tmp_path), tmp_path / "scores.db", []
    first = correlate(table, FAST, make_task(), score_file=path, resamples=0)
    with sqlite3.connect(path) as db:
        db.execute("ALTER TABLE scores DROP COLUMN version")
    seen = []
    arguments = {"score_file": path, "resamples": 0, "announce": told.append, "observer": seen.append}
    assert correlate(table, FAST, make_task(), **arguments).as_dict() == first.as_dict()
    assert not told and not seen  # nothing was computed again
    flops = proxies["flops"]
    monkeypatch.setitem(proxies._entries, "flops", replace(flops, version=2))
    correlate(table, FAST, make_task(), **arguments)
    assert len(told) == 1 and len(seen) == first.n


def gaps(genotype, task):
    """params, but without a value for cells whose first operation is none."""
    if genotype.operations[0] == "none":
        raise NoScore("starts with none")
    return task.space.params(genotype, task.size)


def test_architectures_without_a_score_are_counted_and_named(tmp_path, monkeypatch):
    monkeypatch.setitem(proxies._entries, "test-gaps", Proxy("test-gaps", gaps, "", "", "", False))
    table = make_table(tmp_path)
    result = correlate(table, ["test-gaps", "params", "test-gaps+params"], make_task(), resamples=5)
    lacking = result.missing["test-gaps"]["starts with none"]
    assert lacking == np.isnan(result.scores["test-gaps"]).sum() > 0
    assert result.missing["test-gaps+params"] == {"test-gaps: starts with none": lacking}
    assert result.spearman["test-gaps"]["clean"] == pytest.approx(
        scipy.stats.spearmanr(result.scores["test-gaps"], result.accuracies["clean"], nan_policy="omit").statistic
    )


def test_proxy_without_any_value_is_null(tmp_path):
    table = make_table(tmp_path)
    with ScoreFile(tmp_path / "s.db") as kept:
        found = score_and_keep(table.genotypes, ["naswot"], make_task(n=1), kept=kept)
    assert all(isinstance(score, Score) for score in found["naswot"])
    document = correlate(table, ["zico"], make_task(n=1), resamples=5).as_dict()
    assert document["spearman"]["zico"] == {"clean": None, "fgsm-8": None}
    assert document["chosen"]["zico"] == {"clean": None, "fgsm-8": None}
    assert sum(document["missing"]["zico"].values()) == document["n"]


class Deadly(InProcess):
    """Stands for workers that were killed at every second genotype."""

    def map(self, function, items, lost):
        for number, item in enumerate(items):
            yield lost(item, loss(2, "killed by SIGKILL")) if number % 2 else next(iter(function([item])))


def test_scores_lost_with_their_workers_are_never_kept(tmp_path):
    table, path = make_table(tmp_path), tmp_path / "scores.db"
    with ScoreFile(path) as kept:
        first = score_and_keep(table.genotypes, ["params"], make_task(), kept=kept, engine=Deadly())["params"]
    lost = [score for score in first if score.value is None]
    assert len(lost) == len(set(map(str, map(SPACE.canonical, table.genotypes)))) // 2
    assert all(is_lost(score.reason) for score in lost)
    with closing(sqlite3.connect(path)) as db:  # an older file has kept one
        assert db.execute("SELECT count(*) FROM scores WHERE value IS NULL").fetchone() == (0,)
        which = "architecture = (SELECT min(architecture) FROM scores)"
        db.execute(f"UPDATE scores SET value = NULL, reason = ? WHERE {which}", (lost[0].reason,))
        db.commit()
    seen = []
    with ScoreFile(path) as kept:
        again = score_and_keep(table.genotypes, ["params"], make_task(), kept=kept, observer=seen.append)["params"]
    assert len(seen) == len(lost) + 1 and None not in [score.value for score in again]


def test_batchless_task_is_told_which_option_is_missing(tmp_path):
    task = Task(SPACE, NetworkSize(4, 1))
    with pytest.raises(UsageError, match="--dataset"):
        correlate(make_table(tmp_path), ["naswot"], task)
    correlate(make_table(tmp_path), ["params"], task, resamples=0)


def test_pictures_are_written(tmp_path):
    result = correlate(make_table(tmp_path), FAST, make_task(), resamples=5)
    heat_map(result, tmp_path / "heat.png")
    scatter(result, "params", "clean", tmp_path / "scatter.svg")
    assert (tmp_path / "heat.png").stat().st_size > 1000 and (tmp_path / "scatter.svg").stat().st_size > 1000
    with pytest.raises(UsageError, match="params"):
        scatter(result, "param", "clean", tmp_path / "x.png")
    with pytest.raises(UsageError, match="cannot be written"):
        heat_map(result, tmp_path / "absent" / "x.png")


def test_published_figures_stand_beside_the_measured_ones(tmp_path):
    result = correlate(make_table(tmp_path), [*FAST, "synflow"], make_task(), resamples=50)
    lines = markdown(result).splitlines()
    assert lines[0] == "| proxy | clean | fgsm-8 | avg |"
    assert len(lines) == 2 + 4
    (row,) = [line for line in lines if "`params`" in line]
    assert ".747" in row and ".756" in row
    outside = beyond_interval(result)
    low, high = result.ci95["params"]["fgsm-8"]  # random accuracies: nothing like the published .756
    assert not low <= TABLE_1A["params"][1] <= high
    assert "fgsm-8" in outside["params"] and "**.756**" in row


def test_average_of_croze_in_table_1a_is_the_published_one():
    assert np.mean(TABLE_1A["croze"]) == pytest.approx(0.619, abs=5e-4)
    assert np.mean(TABLE_1A["synflow"]) == pytest.approx(0.572, abs=1e-3)


def test_proxies_are_compared_on_the_same_bootstrap_samples(tmp_path):
    result = correlate(make_table(tmp_path), FAST, make_task(), against="params", resamples=50)
    for target in result.target:
        for name in FAST:
            expected = result.spearman[name][target] - result.spearman["params"][target]
            assert result.gain[name][target] == pytest.approx(expected)
            low, high = result.gain_ci95[name][target]
            assert low <= expected <= high
    assert result.gain_ci95["params"]["clean"] == [0, 0]  # an unpaired interval would have a width
    rng, n, target = np.random.default_rng(0), result.n, result.accuracies["clean"]
    drawn = []
    for _ in range(50):
        rows = rng.integers(n, size=n)
        rho = [scipy.stats.spearmanr(result.scores[name][rows], target[rows]).statistic for name in FAST]
        drawn.append(np.subtract(rho, rho[0]))
    expected = np.quantile(drawn, [0.025, 0.975], axis=0)
    assert [result.gain_ci95[name]["clean"] for name in FAST] == pytest.approx(expected.T)


def test_a_proxy_without_some_scores_is_compared_on_the_architectures_that_it_has(tmp_path, monkeypatch):
    lacking = replace(proxies["flops"], function=lacks_some)
    monkeypatch.setitem(proxies._entries, "flops", lacking)
    result = correlate(make_table(tmp_path), ["flops"], make_task(), against="params", resamples=20)
    has = np.isfinite(result.scores["flops"])
    assert 0 < has.sum() < result.n
    target = result.accuracies["clean"][has]
    rho = [scipy.stats.spearmanr(result.scores[name][has], target).statistic for name in ("flops", "params")]
    assert result.gain["flops"]["clean"] == pytest.approx(rho[0] - rho[1])


def lacks_some(genotype, task):
    if genotype.operations[0] == "none":
        raise NoScore("a reason")
    return float(task.space.flops(genotype, task.size))


def test_another_closed_form_can_be_held_fixed(tmp_path):
    table = make_table(tmp_path)
    result = correlate(table, FAST, make_task(), given="croze-size", resamples=10)
    columns = (result.scores["params"], result.accuracies["clean"], result.scores["croze-size"])
    x, y, z = (scipy.stats.rankdata(column) for column in columns)
    r = np.corrcoef([x, y, z])
    expected = (r[0, 1] - r[0, 2] * r[1, 2]) / np.sqrt((1 - r[0, 2] ** 2) * (1 - r[1, 2] ** 2))
    assert result.partial["params"]["clean"] == pytest.approx(expected)
    assert result.partial["croze-size"]["clean"] is None and result.as_dict()["given"] == "croze-size"
    with pytest.raises(UsageError, match="--given takes a proxy that needs no images"):
        correlate(table, FAST, make_task(), given="naswot")
    with pytest.raises(UsageError, match="nothing"):
        correlate(table, FAST, make_task(), against="nothing")


def test_scores_and_targets_of_every_architecture_are_written(tmp_path):
    result = correlate(make_table(tmp_path), FAST, make_task(), resamples=10)
    write_rows([result], tmp_path / "rows.csv")
    with (tmp_path / "rows.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["genotype"] for row in rows] == list(result.genotypes)
    entries = result.as_dict()["architectures"]
    for row, entry in zip(rows, entries, strict=True):
        assert {name: float(row[name]) for name in FAST} == entry["scores"]
        assert {name: float(row[name]) for name in result.target} == entry["targets"]
    again = read_table(tmp_path / "rows.csv", SPACE)
    assert again.columns["params"] == pytest.approx(result.scores["params"])


def test_the_ceiling_is_what_the_truth_correlates_with_the_means_of_trainings(tmp_path):
    rng, n = np.random.default_rng(0), 3000
    truth, counts = rng.normal(size=n), rng.integers(1, 4, size=n)
    group = np.repeat(np.arange(n), counts)
    values = truth[group] + rng.normal(size=len(group))
    noise = Trainings(group, {}).noise(values)
    means = np.bincount(group, values) / counts
    assert noise.icc == pytest.approx(0.5, abs=0.03) and noise.sd == pytest.approx(1, abs=0.03)
    assert noise.ceiling == pytest.approx(np.corrcoef(truth, means)[0, 1], abs=0.02)


def test_attacks_are_their_mean_accuracy_and_a_group_the_mean_of_its_correlations(tmp_path):
    table, rng = make_table(tmp_path), np.random.default_rng(0)
    blurs = [f"{kind}.s{level}" for kind in GROUPINGS["paper"]["blur"] for level in range(1, 6)]
    names = ["fgsm@Linf.eps8", "pgd@Linf.eps8", *blurs]
    trainings = [(cell, seed, rng.uniform(0, 90, len(names))) for cell in table.genotypes[:30] for seed in (0, 1)]
    lines = ["genotype,seed," + ",".join(names)]
    lines += [f"{cell},{seed}," + ",".join(map(repr, values.tolist())) for cell, seed, values in trainings]
    path = tmp_path / "several.csv"
    path.write_text("\n".join(lines) + "\n")
    result = correlate(
        read_table(path, SPACE), ["params"], make_task(), target_names=["attacks", "blur"], resamples=10
    )
    means = np.array([values for *_, values in trainings]).reshape(30, 2, -1).mean(1)
    order = [table.genotypes.index(one) for one in result.architectures]
    means, sizes = means[order], result.scores["params"]
    expected = scipy.stats.spearmanr(sizes, means[:, :2].mean(1)).statistic
    assert result.spearman["params"]["attacks"] == pytest.approx(expected)
    single = [scipy.stats.spearmanr(sizes, column).statistic for column in means[:, 2:].T]
    assert result.spearman["params"]["blur"] == pytest.approx(np.mean(single))
    group, every = np.repeat(np.arange(30), 2), np.array([values for *_, values in trainings]).T
    ceilings = [Trainings(group, {}).noise(column).ceiling for column in every[2:]]
    assert result.noise["blur"].ceiling == pytest.approx(np.mean(ceilings))
    assert result.noise["attacks"] == pytest.approx(Trainings(group, {}).noise(every[:2].mean(0) / 100))


def test_a_table_with_retrainings_shows_its_noise_and_the_ceiling(tmp_path):
    table, rng = make_table(tmp_path), np.random.default_rng(0)
    lines = ["genotype,seed,clean"]
    for i, cell in enumerate(table.genotypes[:30]):
        lines += [f"{cell},{seed},{20 + 2 * i + rng.normal():.4f}" for seed in range(1 + i % 2)]
    path = tmp_path / "noisy.csv"
    path.write_text("\n".join(lines) + "\n")
    result = correlate(read_table(path, SPACE), FAST, make_task(), resamples=10)
    noise = result.noise["clean"]
    assert noise.ceiling > 0.9 and result.as_dict()["noise"]["clean"]["icc"] == noise.icc
    shown = shown_text(correlation_tables(result))
    assert f"ceiling {noise.ceiling:.3f}" in " ".join(shown.split()) and "intraclass correlation" in shown
    plain = correlate(table, FAST, make_task(), against="params", resamples=10)
    assert plain.noise == {"clean": None, "fgsm-8": None}
    shown = shown_text(correlation_tables(plain))
    assert "ceiling" not in shown and "rho minus that of params" in shown

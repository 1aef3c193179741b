"""A run that holds what it says passes; whatever is changed in it afterwards is found."""

from __future__ import annotations

import dataclasses
import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

import evonas
from evonas import EvaluateSettings, SearchSettings, UsageError
from evonas.core.provenance import GPU, noted
from evonas.engine import InProcess
from evonas.engine.base import loss
from evonas.reporting.verification import verified
from evonas.store.run import Run
from evonas.training import checkpoint
from evonas.training.finalists import rounds
from evonas.training.plan import FACT, FinalPlan
from evonas.training.settings import TrainSettings
from evonas.training.train_stage import from_search
from evonas.verification.finding import CLOSE, DIFFERS, Verification
from evonas.verification.scores import _finding
from evonas.verification.winner import winner
from tests.evonas.cli.test_cli import run
from tests.evonas.conftest import reseal
from tests.evonas.store.formats import write_former

Change = Callable[[Path], None]


@pytest.fixture(scope="module")
def whole(pictures: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A search with its training and its evaluation."""
    path = tmp_path_factory.mktemp("verify") / "run"
    settings = SearchSettings(dataset=pictures, image_size=8, channels=2, layers=3, batch_size=2, device="cpu")
    settings = dataclasses.replace(settings, population=6, children=3, generations=3)
    evonas.search(settings, path)
    evonas.train(str(path), overrides={"epochs": 1, "batch_size": 16})
    evonas.evaluate(path, EvaluateSettings(steps=2, corruptions=False, images=8, checks=0, batch_size=4))
    return path


@pytest.fixture
def trained(whole: Path, tmp_path: Path) -> Path:
    """A copy to change."""
    shutil.copytree(whole, tmp_path / "run")
    return tmp_path / "run"


@pytest.fixture
def searched(trained: Path) -> Path:
    """A copy without what followed the search."""
    shutil.rmtree(trained / "train")
    (trained / "evaluation.json").unlink()
    return trained


@pytest.fixture
def measured(trained: Path) -> Path:
    """A copy without the search before it."""
    (trained / "run.db").unlink()
    return trained


def found(result: Verification) -> set[str]:
    """Which questions were not answered well."""
    return {finding.name for finding in result.findings if not finding.passed}


def test_a_true_run_holds_what_it_says_and_stays_as_it_is(trained: Path) -> None:
    before = {path: path.read_bytes() for path in trained.rglob("*") if path.is_file() and ".db-" not in path.name}
    result = evonas.verify(trained)
    assert result.passed and {finding.status for finding in result.findings} == {"same"}
    assert {finding.part for finding in result.findings} == {"search", "scores", "training", "evaluation"}
    assert len(result.scores) == 10 and not result.reasons
    assert any(one.recorded == max(other.recorded or 0 for other in result.scores) for one in result.scores)
    after = {path: path.read_bytes() for path in trained.rglob("*") if path.is_file() and ".db-" not in path.name}
    assert after == before


def sql(statement: str) -> Change:
    def change(path: Path) -> None:
        with closing(sqlite3.connect(path / "run.db")) as db:
            assert db.execute(statement).rowcount > 0
            db.commit()

    return change


def value(file: str, *where: Any) -> Change:
    """The number at ``where`` of a JSON file a little larger."""

    def change(path: Path) -> None:
        content = json.loads((path / file).read_text())
        inner = content
        for name in where[:-1]:
            inner = inner[name]
        inner[where[-1]] += 0.125
        (path / file).write_text(json.dumps(content))

    return change


BEST = '(SELECT canonical FROM "values" ORDER BY value DESC LIMIT 1)'
WORST = '(SELECT canonical FROM "values" ORDER BY value LIMIT 1)'


FAST = {  # what finds a change in a search: the change
    "croze": sql(f'UPDATE "values" SET value = value * (1 + 1e-12) WHERE canonical = {BEST}'),
    "births": sql(
        "UPDATE individuals SET genotype = (SELECT genotype FROM individuals WHERE birth = 2) WHERE birth = 9"
    ),
    "lineage": sql("UPDATE parents SET parent = birth WHERE birth = 7"),
    "generations": sql(f'UPDATE "values" SET value = value + 1000 WHERE canonical = {WORST}'),
    "evaluations": sql("UPDATE generations SET evaluations = evaluations + 1 WHERE generation = 3"),
    "best.json": value("best.json", "score"),
}
SLOW = [
    ("lineage", sql("UPDATE individuals SET genotype = 'Genotype(' WHERE birth = 9")),
    ("lineage", sql("UPDATE individuals SET cached = 1 - cached WHERE birth = 8")),
    ("lineage", sql("UPDATE individuals SET birth = 99 WHERE birth = 14")),
    ("births", sql("UPDATE parents SET parent = (parent + 1) % 6 WHERE birth = 7")),
    ("births", sql("UPDATE individuals SET params = params - 1 WHERE birth = 3")),
    ("births", sql("DELETE FROM individuals WHERE birth = 14")),
    ("births", sql(f'DELETE FROM "values" WHERE canonical = {BEST}')),
    (
        "generations",
        sql("UPDATE generations SET random_state = (SELECT random_state FROM generations WHERE generation = 0)"),
    ),
    ("generations", sql("UPDATE generations SET std = std + 1 WHERE generation = 1")),
    ("evaluations", sql("INSERT INTO \"values\" VALUES ('another', 'croze', 1.0, '', 1.0)")),
    ("run.db", sql("UPDATE meta SET value = '[3]' WHERE key = 'machines'")),
    ("best.json", lambda path: (path / "best.json").unlink()),
]


@pytest.mark.parametrize(
    ("name", "change"), [*FAST.items(), *(pytest.param(*one, marks=pytest.mark.slow) for one in SLOW)]
)
def test_what_is_changed_in_a_search_is_found(name: str, change: Change, searched: Path) -> None:
    change(searched)
    assert {name, "run.db"} & found(evonas.verify(searched, sample=1))


def test_a_parent_of_the_first_population_is_found(searched: Path) -> None:
    sql("INSERT INTO parents VALUES (3, 0, 1)")(searched)
    reseal(searched)
    assert {"births", "lineage"} <= found(evonas.verify(searched, sample=1))


def test_a_broken_seal_is_found_and_a_run_without_seals_has_none(searched: Path) -> None:
    # seconds follow from nothing that is computed again
    sql('UPDATE "values" SET seconds = seconds + 1 WHERE canonical IN (SELECT canonical FROM individuals)')(
        searched
    )
    (one,) = [finding for finding in evonas.verify(searched, sample=1).findings if not finding.passed]
    assert (one.name, one.status) == ("seals", DIFFERS) and "generation 0 has changed" in one.detail
    reseal(searched)
    assert evonas.verify(searched, sample=1).passed
    write_former(searched, 2)
    result = evonas.verify(searched, sample=1)
    assert result.passed and "seals" not in {finding.name for finding in result.findings}


def test_a_changed_score_of_an_unfinished_generation_is_found(searched: Path) -> None:
    settings = evonas.summarise(searched).settings
    text = dataclasses.replace(settings, generations=4).to_json().replace("'", "''")
    sql(f"UPDATE meta SET value = '{text}' WHERE key = 'settings'")(searched)
    assert evonas.verify(searched, sample=1).passed
    sql("INSERT INTO \"values\" VALUES ('another', 'croze', 1.0, '', 1.0)")(searched)
    (one,) = [finding for finding in evonas.verify(searched, sample=1).findings if not finding.passed]
    assert one.name == "seals" and "evonas resume" in one.detail


def journalled(run: Path, reached: dict[int, float]) -> None:
    """A run whose plan has three finalists, and their journal: what each birth reached in every round."""
    with Run.read(run) as store:
        leading, asked = store.leading(3), store.settings
    plan = FinalPlan(overrides={"epochs": 1, "batch_size": 16}, finalists=3)
    with closing(sqlite3.connect(run / "run.db")) as db:
        db.execute("INSERT INTO meta VALUES (?, ?)", (FACT, plan.to_json()))
        db.commit()
    lines, standing = {}, [(reached[i], row) for i, row in enumerate(leading)]
    for number, (count, epochs) in enumerate(rounds(3, 1), start=1):
        for robust, row in standing[:count]:
            options = {**from_search(asked), "overrides": {"epochs": epochs, "batch_size": 16}}
            key = f"{number}-{row.birth}-{TrainSettings(str(row.genotype), **options).resolve().digests[0]}"
            lines[key] = {"robust": robust, "validation": 0.5}
        standing[:count] = sorted(standing[:count], key=lambda one: -one[0])
    (run / "finalists.json").write_text(json.dumps(lines))


def test_the_winner_among_finalists_is_the_one_that_their_journal_names(trained: Path) -> None:
    def genotype() -> Any:
        with Run.read(trained) as store:
            return winner(trained, store, checkpoint.load(trained / "train" / "best.safetensors"))

    assert genotype().detail == "the best genotype of the search"
    journalled(trained, {0: 0.3, 1: 0.2, 2: 0.1})
    assert genotype().passed and genotype().detail == "the winner of the 3 finalists"
    lines = json.loads((trained / "finalists.json").read_text())
    (trained / "finalists.json").write_text(json.dumps(dict(list(lines.items())[:-1])))
    assert not genotype().passed  # the last line is missing
    (trained / "finalists.json").unlink()
    assert not genotype().passed and "finalists.json is missing" in genotype().detail


def test_an_individual_that_did_not_win_is_not_passed(trained: Path) -> None:
    journalled(trained, {0: 0.1, 1: 0.3, 2: 0.2})
    assert found(evonas.verify(trained, 1)) == {"genotype"}


class Deadly(InProcess):
    """Stands for workers that are killed at every third genotype."""

    def map(self, function: Any, items: Any, lost: Any) -> Any:
        for number, item in enumerate(items):
            yield next(iter(function([item]))) if number % 3 else lost(item, loss(2, "killed by SIGKILL"))


@pytest.mark.parametrize("proxy", ["params", "params+flops*-0.5"])
def test_scores_lost_with_their_workers_are_left_out_and_counted(proxy: str, tmp_path: Path) -> None:
    settings = SearchSettings(space="nasbench201", proxy=proxy, channels=2, layers=1, population=6, generations=2)
    evonas.search(settings, tmp_path / "run", engine=Deadly())
    result = evonas.verify(tmp_path / "run", 100)
    (scores,) = [finding for finding in result.findings if finding.part == "scores"]
    lost = evonas.summarise(tmp_path / "run").failures
    assert (
        result.passed
        and lost >= 2
        and scores.detail.endswith(f"; {lost} lost with crashed workers or for lack of memory skipped")
    )
    assert len(result.scores) == evonas.summarise(tmp_path / "run").evaluations - lost


def edited(path: Path) -> None:
    """One weight of the checkpoint, by so little that no image changes its class."""
    stored = checkpoint.load(path / "train" / "best.safetensors")
    tensors = dict(stored.tensors)
    name = next(name for name in tensors if name.endswith("weight"))
    tensors[name] = tensors[name] * (1 + 1e-6)
    checkpoint.write(stored.path, stored.settings, stored.epoch, stored.facts, tensors)


def swapped(path: Path) -> None:
    """What one attack has left of each chunk, in the journal."""
    with closing(sqlite3.connect(path / "evaluation.db")) as db:
        db.execute("UPDATE outcomes SET payload = '[0, 1]' WHERE name LIKE 'fgsm%'")
        db.commit()


@pytest.mark.parametrize(
    ("change", "names"),
    [
        (edited, {"weights", "evaluation.json"}),
        pytest.param(
            lambda path: (path / "train" / "best.safetensors").write_bytes(b"no weights"),
            {"checkpoint", "evaluation.json"},
            marks=pytest.mark.slow,
        ),
        (value("train/result.json", "test", "accuracy"), {"accuracy"}),
        pytest.param(value("train/result.json", "validation"), {"epoch"}, marks=pytest.mark.slow),
        pytest.param(
            lambda path: (path / "train" / "result.json").write_text("{}"),
            {"result.json"},
            marks=pytest.mark.slow,
        ),
        pytest.param(value("train/settings.json", "numbers", "lr"), {"settings"}, marks=pytest.mark.slow),
        pytest.param(value("evaluation.json", "clean", "accuracy"), {"evaluation.json"}, marks=pytest.mark.slow),
        (value("evaluation.json", "epsilons", "8", "pgd", "accuracy"), {"evaluation.json"}),
        pytest.param(value("evaluation.json", "hrs", "pgd"), {"evaluation.json"}, marks=pytest.mark.slow),
        (swapped, {"evaluation.db"}),
        (lambda path: (path / "evaluation.db").unlink(), {"evaluation.json"}),
    ],
)
def test_what_is_changed_after_the_search_is_found(change: Change, names: set[str], measured: Path) -> None:
    change(measured)
    assert found(evonas.verify(measured, sample=1000)) == names


def test_corruptions_of_photographs_with_the_constants_of_older_versions_are_unchecked(measured: Path) -> None:
    path, best = measured / "evaluation.json", measured / "train" / "best.safetensors"
    stored = json.loads(path.read_text())
    stored["corruptions"] = {"source": "regenerated", "n": 8, "mean": 0.5, "groups": {}, "table": {}}
    path.write_text(json.dumps(stored))
    network = checkpoint.load(best)
    settings = dataclasses.replace(network.settings, image_size=65)
    checkpoint.write(best, settings, network.epoch, network.facts, network.tensors, data=network.data)
    findings = [one for one in evonas.verify(measured, sample=1).findings if one.name == "evaluation.json"]
    assert [one.status for one in findings] == ["unchecked"]
    assert "corruptions of images of 65 pixels have the constants of CIFAR-10-C" in findings[0].detail


def test_an_evaluation_with_an_older_version_of_an_attack_is_unchecked(measured: Path) -> None:
    path = measured / "evaluation.json"
    stored = json.loads(path.read_text())
    for attacked in (stored, *stored["epsilons"].values()):
        assert attacked["pgd"].pop("version") == 2
    path.write_text(json.dumps(stored))
    (wrong,) = [finding for finding in evonas.verify(measured, sample=1).findings if not finding.passed]
    assert wrong.status == "unchecked" and "pgd has version 2 here, the evaluation used 1" in wrong.detail
    evonas.evaluate(measured, EvaluateSettings(steps=2, corruptions=False, images=8, checks=0, batch_size=4))
    assert not found(evonas.verify(measured, sample=1))


@pytest.mark.parametrize("kept", [{"result.json", "evaluation.json"}, {"evaluation.json"}])
def test_results_without_their_checkpoint_are_found(kept: set[str], trained: Path) -> None:
    (trained / "train" / "best.safetensors").unlink()
    if "result.json" not in kept:
        shutil.rmtree(trained / "train")
    for alone in (False, True):  # without the search before it, too
        if alone:
            (trained / "run.db").unlink()
        result = evonas.verify(trained, sample=1)
        assert found(result) == {"best.safetensors"}
        wrong = [finding for finding in result.findings if not finding.passed]
        assert {finding.status for finding in wrong} == {DIFFERS} and len(wrong) == len(kept)


def test_an_evaluation_beside_a_training_without_its_result_is_told(trained: Path) -> None:
    (trained / "train" / "result.json").unlink()
    assert found(evonas.verify(trained, sample=1)) == {"result.json"}


def test_other_machines_and_versions_are_told(searched: Path) -> None:
    with closing(sqlite3.connect(searched / "run.db")) as db:
        (text,) = db.execute("SELECT value FROM meta WHERE key = 'machines'").fetchone()
        machines = json.loads(text)
        machines[0]["name"], machines[0]["versions"]["torch"], machines[0]["inexact"] = "Abacus", "0.1", [GPU]
        db.execute("UPDATE meta SET value = ? WHERE key = 'machines'", (json.dumps(machines),))
        db.commit()
    result = evonas.verify(searched, sample=1)
    assert result.passed and len(result.reasons) == 3
    console = Console(record=True, width=300)
    console.print(verified(result))
    shown = console.export_text()
    assert "Abacus there" in shown and "torch 0.1 there" in shown and "can be reproduced" in shown


def test_rounding_is_close_only_for_a_reason(searched: Path) -> None:
    (one, *_) = evonas.verify(searched, sample=1).scores
    assert one.recorded is not None
    near = type(one)(one.birth, one.genotype, one.recorded, one.recorded * (1 + 1e-7))
    far = type(one)(one.birth, one.genotype, one.recorded, one.recorded * (1 + 1e-3))
    none = type(one)(one.birth, one.genotype, one.recorded, None)
    assert _finding("croze", (near,), ("another chip",)).status == CLOSE
    assert [_finding("croze", (x,), why).status for x, why in ((near, ()), (far, ("x",)), (none, ("x",)))] == [
        DIFFERS
    ] * 3


def test_a_run_remembers_each_machine_that_worked_on_it() -> None:
    here, there = {"name": "a", "birth": 0}, {"name": "b", "birth": 0}
    once = noted(None, here, 0)
    assert noted(once, here, 50) == once
    assert [(one["name"], one["birth"]) for one in json.loads(noted(once, there, 50))] == [("a", 0), ("b", 50)]


def test_the_command(searched: Path) -> None:
    good = run("verify", "run", "--sample", "1", "--json", cwd=searched.parent)
    assert good.returncode == 0 and json.loads(good.stdout)["passed"] is True, good.stderr
    assert good.stderr.startswith("folder:") and good.stderr.count("\n") == 1, "only what is known of the images"
    value("best.json", "score")(searched)
    bad = run("verify", "run", "--sample", "1", cwd=searched.parent)
    assert bad.returncode == 1 and "run cannot be reproduced: search (best.json)" in bad.stdout


def test_what_is_no_run_is_one_message(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not exist"):
        evonas.verify(tmp_path / "nowhere")
    with pytest.raises(UsageError, match="--sample must be"):
        evonas.verify(tmp_path, sample=0)


@pytest.mark.slow
def test_a_whole_run_with_finalists_corruptions_and_checks(pictures: str, tmp_path: Path) -> None:
    settings = SearchSettings(
        dataset=pictures,
        image_size=16,
        channels=2,
        layers=3,
        population=6,
        children=3,
        generations=3,
        batch_size=2,
        device="cpu",
        proxy="naswot+params*-0.5",
    )
    final = FinalPlan(overrides={"epochs": 2, "batch_size": 16}, finalists=2, images=8, checks=2)
    evonas.search(settings, tmp_path / "run", final=final)
    evonas.resume(tmp_path / "run", generations=3)
    result = evonas.verify(tmp_path / "run", sample=20)
    assert result.passed, found(result)
    value("evaluation.json", "corruptions", "table", "fog", 2)(tmp_path / "run")
    assert found(evonas.verify(tmp_path / "run")) == {"evaluation.json"}
    sql("UPDATE \"values\" SET value = value + 1 WHERE name = 'naswot'")(tmp_path / "run")
    assert "composite" in found(evonas.verify(tmp_path / "run"))

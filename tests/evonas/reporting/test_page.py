"""The report of a run: complete, self-contained, and true at every stage."""

from __future__ import annotations

import base64
import dataclasses
import html
import io
import itertools
import json
import re
import shlex
import shutil
import sqlite3
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import torch
import typer
from PIL import Image
from torch import Tensor

import evonas
from evonas import api
from evonas.cli import search as cli_search
from evonas.cli.app import app
from evonas.core.events import Listener
from evonas.evaluation.corrupted import Regenerated
from evonas.evaluation.result import Evaluation
from evonas.evaluation.settings import EvaluateSettings
from evonas.reporting.facts import gather
from evonas.reporting.html.gallery import gallery, in_turn
from evonas.reporting.html.page import page, write_report
from evonas.reporting.reproduce import evaluate_command, search_command, train_command
from evonas.training.overrides import overrides
from evonas.training.plan import FinalPlan
from evonas.training.recipes import recipes
from spaces import EvonasError, spaces
from tests import forks
from tests.evonas.conftest import content
from tests.evonas.reporting.conftest import SEARCH

VOID = {"meta", "img", "br"}


class Balance(HTMLParser):
    """Fails for a tag that is closed in the wrong place, and collects what would leave the page."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.leaving: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)
        self.leaving += [tag] if tag in ("script", "link", "iframe", "object") else []
        for name, value in attrs:
            if name in ("src", "href", "xlink:href", "srcset") and not (value or "").startswith("data:"):
                self.leaving.append(f"{tag} {name}={value}")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def checked(text: str) -> str:
    """``text`` if it is a well-formed page that needs nothing else."""
    parser = Balance()
    parser.feed(text)
    assert parser.open == [] and parser.leaving == []
    assert not re.search(r"url\(|@import|https?://(?!www\.w3\.org)", text)
    return text


def numbers(text: str) -> str:
    return html.unescape(re.sub(r"<[^>]+>", " ", text))


@pytest.fixture(scope="module")
def report(finished_run: Path) -> str:
    path = evonas.report(finished_run)
    assert path == finished_run / "report.html"
    return checked(path.read_text(encoding="utf-8"))


def test_the_headline_has_every_result_with_its_interval(report: str, finished_run: Path) -> None:
    found = json.loads((finished_run / "evaluation.json").read_text())
    text = numbers(report)
    for one in (found["clean"], found["fgsm"], found["pgd"]):
        low, high = (f"{100 * end:.1f}" for end in one["ci95"])
        assert f"{100 * one['accuracy']:.2f} %" in text and f"{low} to {high} %" in text
    assert f"{100 * found['corruptions']['mean']:.2f} %" in text
    for name in ("fgsm", "pgd"):
        assert f"HRS ({name})" in text and f"{100 * found['hrs'][name]:.2f} %" in text
    best = evonas.summarise(finished_run).best
    assert best is not None and str(best.genotype) in text and f"{best.params:,}" in text


def test_every_corruption_and_every_severity_is_in_the_heat_map(report: str, finished_run: Path) -> None:
    table = json.loads((finished_run / "evaluation.json").read_text())["corruptions"]["table"]
    for name, shares in table.items():
        row = re.search(rf"<tr><th>{name.replace('_', ' ')}</th>(.*?)</tr>", report)
        assert row, name
        cells = [float(cell) for cell in re.findall(r"<td[^>]*>([\d.]+)</td>", row[1])]
        assert np.allclose(cells, [*(100 * np.array(shares)), 100 * np.mean(shares)], atol=0.051)


def test_the_gallery_shows_images_and_what_the_network_says(report: str) -> None:
    shots = re.findall(r'<img src="data:image/png;base64,([^"]+)" alt="([^"]+)"', report)
    titles = [title for _, title in shots]
    assert titles[:5] == ["clean", "fgsm 8/255", "perturbation", "pgd 8/255", "perturbation"] and len(shots) == 45
    pictures = [np.asarray(Image.open(io.BytesIO(base64.b64decode(data)))).astype(int) for data, _ in shots[:4]]
    assert all(picture.shape == (16, 16, 3) for picture in pictures)
    clean, attacked, perturbation, _ = pictures
    assert 0 < abs(clean - attacked).max() <= 8
    moved = (attacked - clean) * 127.5 / 8 + 127.5
    assert abs(moved.clip(0, 255) - perturbation).max() <= 9  # bytes: half of 1/255, magnified 16 times


def test_the_gallery_shows_one_image_of_each_class_in_turn() -> None:
    assert in_turn([0, 0, 0, 1, 1, 2], 3) == [0, 3, 5]
    assert in_turn([0, 0, 0, 1, 1, 2], 5) == [0, 1, 3, 4, 5]
    assert in_turn([3, 1, 3, 1, 2], 9) == [0, 1, 2, 3, 4]


def test_the_gallery_shows_the_corrupted_images_that_are_measured_here(
    finished_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Black(Regenerated):
        source = "published"

        def images(self, name: str, severity: int, chosen: Tensor, clean: Tensor) -> Tensor:
            return torch.zeros_like(clean)

    monkeypatch.setattr("evonas.evaluation.corrupted.corrupted", lambda *given: Black(0))
    text = gallery(gather(finished_run))
    assert "Corrupted images here are published, those of the evaluation regenerated." in text
    shots = re.findall(r'base64,([^"]+)" alt="fog 3"', text)
    assert len(shots) == 5
    assert all(not np.asarray(Image.open(io.BytesIO(base64.b64decode(data)))).any() for data in shots)


def test_the_lineage_goes_from_a_random_ancestor_to_the_best_one_edit_at_a_time(
    finished_run: Path, report: str
) -> None:
    facts = gather(finished_run)
    first, last = facts.lineage[0], facts.lineage[-1]
    assert first.edits == [] and first.individual.parents == ()
    assert facts.summary.best is not None and last.individual == facts.summary.best
    for before, after in zip(facts.lineage, facts.lineage[1:], strict=False):
        assert after.individual.parents == (before.individual.birth,) and len(after.edits) == 1
        assert html.escape(after.edits[0]) in report
        assert after.individual.genotype in spaces["darts"].neighbours(before.individual.genotype)


def test_every_birth_is_a_point(searched_run: Path) -> None:
    facts = gather(searched_run)
    dots = re.search(r'<path class="dots birth" d="([^"]+)"', page(facts))
    assert dots
    assert dots[1].count("M") == len(facts.births) == 6 + 5 * 3


def test_a_run_without_a_final_stage_has_a_report(searched_run: Path) -> None:
    text = checked(write_report(searched_run).read_text(encoding="utf-8"))
    assert "not trained" in text and "HRS" not in text and "Lineage" in text


def test_a_report_of_a_search_does_not_wait_for_pytorch(searched_run: Path, tmp_path: Path) -> None:
    code = "import sys, evonas; evonas.report(sys.argv[1], sys.argv[2]); sys.exit('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code, str(searched_run), str(tmp_path / "page.html")])
    assert done.returncode == 0


def test_a_run_in_progress_has_a_report(searched_run: Path, tmp_path: Path) -> None:
    shutil.copytree(searched_run, tmp_path / "run")
    with sqlite3.connect(tmp_path / "run" / "run.db") as db:
        db.execute("DELETE FROM generations WHERE generation > 2")
        db.execute("DELETE FROM individuals WHERE generation > 2")
    assert "in progress: generation 2 of 5" in checked(page(gather(tmp_path / "run")))
    with sqlite3.connect(tmp_path / "run" / "run.db") as db:
        db.execute("DELETE FROM generations")
        db.execute("DELETE FROM individuals")
    text = checked(page(gather(tmp_path / "run")))
    assert "the first population of 5" in text and "No individual has a score yet" in text


def test_a_report_downloads_nothing_and_says_which_images_are_missing(
    finished_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("evonas.data.digits.Digits.missing", lambda self: "digits are not in nowhere")
    text = numbers(checked(page(gather(finished_run))))
    assert "Images are not available: digits are not in nowhere; set the directory with --data-dir" in text


def test_a_damaged_checkpoint_is_named(finished_run: Path, tmp_path: Path) -> None:
    shutil.copytree(finished_run, tmp_path / "run")
    (tmp_path / "run" / "train" / "best.safetensors").write_bytes(b"nothing")
    with pytest.raises(EvonasError, match="damaged"):
        write_report(tmp_path / "run")


def test_names_cannot_bring_markup_into_the_page(searched_run: Path, tmp_path: Path) -> None:
    run = tmp_path / "<img src=x onerror=alert(1)>"
    shutil.copytree(searched_run, run)
    assert "<img src=x" not in checked(page(gather(run)))


def test_the_search_can_be_repeated_by_its_command(searched_run: Path, tmp_path: Path) -> None:
    facts = gather(searched_run)
    words = shlex.split(search_command(facts.summary.settings, facts.plan, tmp_path / "again"))
    assert words[:2] == ["evonas", "search"] and "--no-final" in words
    done = forks.run(*words[1:], cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert content(tmp_path / "again") == content(searched_run)


@pytest.mark.parametrize("preset", [None, "quick", "paper"])
def test_the_command_that_repeats_a_run_has_the_whole_plan(
    preset: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = FinalPlan.from_options(preset, overrides={"epochs": 3}, finalists=3).among(359)
    plans: list[FinalPlan | None] = []
    monkeypatch.setattr(api, "search", lambda settings, run, observer, engine, final, *others: plans.append(final))
    monkeypatch.setattr(cli_search, "_render", lambda work, log: work(Listener()))
    words = shlex.split(search_command(evonas.SearchSettings(), plan, "run"))
    typer.main.get_command(app).main(words[1:], standalone_mode=False)
    assert plans == [plan]


def test_the_training_and_the_evaluation_can_be_repeated_by_their_commands(finished_run: Path) -> None:
    facts = gather(finished_run)
    assert facts.training is not None and facts.evaluation is not None
    words = shlex.split(train_command(facts.training, "run"))
    sets = [words[i + 1] for i, word in enumerate(words) if word == "--set"]
    epochs = int(words[words.index("--epochs") + 1])
    again = recipes[facts.training.recipe].with_numbers(overrides(sets, epochs=epochs)).for_images(1000)
    assert again == facts.training.chosen
    words = shlex.split(evaluate_command(facts.evaluation, "run"))
    options = dict(zip(words[3::2], words[4::2], strict=True))
    settings = EvaluateSettings.from_options(
        attacks=options["--attacks"],
        eps=options["--eps"],
        steps=int(options["--steps"]),
        images=int(options["--images"]),
    )
    assert settings.epsilons == (8.0, 2.0) and settings.images == 6 and settings.attacks == ("fgsm", "pgd")


def test_every_setting_of_an_evaluation_is_in_its_command(finished_run: Path) -> None:
    found = gather(finished_run).evaluation
    assert found is not None and found.settings is not None
    asked = EvaluateSettings(
        ("square",), (8.0,), steps=7, step_size=0.5, restarts=2, queries=9, other_data=True, images=6
    )
    facts = {**found.facts, "settings": asked.as_dict()}
    attacks = {"square": next(iter(found.attacks.values()))}
    words = shlex.split(evaluate_command(dataclasses.replace(found, facts=facts, attacks=attacks), "run"))
    given = dict(itertools.pairwise(words))
    expected = {"--steps": "7", "--step-size": "0.5", "--restarts": "2", "--queries": "9"}
    assert expected.items() <= given.items() and "--other-data" in words
    assert "--other-data" not in shlex.split(evaluate_command(found, "run"))


HOSTILE = "<q-x>"


def hostile(found: object, inside: bool = False) -> object:
    """Every text is markup; below the keys of which the first are asked for by name, so are all keys."""
    if isinstance(found, dict):
        named = inside or not found.keys().isdisjoint(("fgsm", "fog", "noise"))
        return {
            (HOSTILE + key if named else key): hostile(value, key in ("table", "groups", "hrs"))
            for key, value in found.items()
        }
    if isinstance(found, list):
        return [hostile(value) for value in found]
    return HOSTILE + found if isinstance(found, str) else found


def test_no_text_of_a_run_becomes_markup(finished_run: Path) -> None:
    facts = gather(finished_run)
    assert facts.evaluation is not None
    found = facts.evaluation.as_json()
    checks = [{"name": "a", "passed": False, "detail": "b"}]
    parts = [{"name": name, "accuracy": 0.5} for name in "cd"]
    part = {key: {**one, "more": {**one["pgd"], "parts": parts}} for key, one in found["epsilons"].items()}
    stranger = {
        **found,
        "epsilons": hostile(part),
        "corruptions": hostile(found["corruptions"]),
        "hrs": hostile({**found["hrs"], "more": 0.5}),
        "checks": hostile(checks),
        "protocol": hostile(found["protocol"]),
        "versions": hostile(found["versions"]),
    }
    of_search = dataclasses.replace(facts.summary.settings, device="cuda" + HOSTILE)
    summary = dataclasses.replace(facts.summary, settings=of_search, note=HOSTILE, created=HOSTILE)
    operations = facts.operations and dataclasses.replace(
        facts.operations, names=tuple(HOSTILE + name for name in facts.operations.names)
    )
    text = checked(
        page(
            dataclasses.replace(
                facts, evaluation=Evaluation.from_json(stranger), summary=summary, operations=operations
            )
        )
    )
    assert HOSTILE not in text and text.count(html.escape(HOSTILE)) > 30


def test_of_epochs_that_tie_the_last_one_is_said_to_be_kept(finished_run: Path) -> None:
    facts = gather(finished_run)
    rows = [facts.epochs[0]._replace(epoch=epoch, validation=0.5) for epoch in (1, 2)]
    assert "best epoch 2" in page(dataclasses.replace(facts, epochs=rows, evaluation=None))


@pytest.mark.parametrize("space", ["nasbench201", "robnet"])
def test_other_spaces_have_reports(space: str, tmp_path: Path) -> None:
    settings = evonas.SearchSettings(**{**SEARCH, "layers": 1, "space": space}, generations=2)
    evonas.search(settings, tmp_path / "run")
    assert '<svg class="cell"' in checked(write_report(tmp_path / "run").read_text(encoding="utf-8"))


@pytest.mark.slow
def test_ten_thousand_individuals_fit_into_three_megabytes(tmp_path: Path) -> None:
    settings = evonas.SearchSettings(proxy="params", population=100, children=50, generations=198)
    evonas.search(settings, tmp_path / "run")
    path = write_report(tmp_path / "run")
    assert path.stat().st_size < 3e6


def test_the_settings_table_names_the_options_of_the_algorithm(tmp_path: Path) -> None:
    small = {"space": "nasbench201", "proxy": "params", "population": 4, "generations": 1}
    evonas.search(evonas.SearchSettings(**small), tmp_path / "none")
    settings = evonas.SearchSettings(**small, algorithm="eda", options={"floor": 0.25})
    evonas.search(settings, tmp_path / "some")
    without, with_options = (page(gather(tmp_path / name)) for name in ("none", "some"))
    assert "<th>options</th>" not in without + with_options
    assert "<th>floor</th><td>0.25</td>" in with_options and "<th>floor</th>" not in without

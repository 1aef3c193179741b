"""The methods paragraph has every setting, and every registered method has its publication."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest

import evonas
from evonas.data import sources
from evonas.evaluation.registered import attacks, certificates
from evonas.reporting.facts import gather
from evonas.reporting.references import REFERENCES, entries, keys_of, published, used
from evonas.searching.algorithms import algorithms
from evonas.training.recipes import recipes
from fitness import proxies
from spaces import spaces
from tests.evonas.cli.test_cli import run

KINDS = {
    "algorithm": algorithms,
    "proxy": proxies,
    "data set": sources,
    "recipe": recipes,
    "attack": attacks,
    "certificate": certificates,
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_built_in_method_has_its_publication_or_none(kind: str) -> None:
    built_in = {published(name) for name in KINDS[kind].modules}
    assert built_in == REFERENCES[kind].keys()


def test_every_entry_is_used_and_every_key_is_an_entry() -> None:
    keys = {key for names in REFERENCES.values() for found in names.values() for key in found}
    assert all(spaces[name].references for name in spaces.modules)
    keys |= {key for name in spaces.modules for key in spaces[name].references}
    assert keys == entries().keys()
    for key, entry in entries().items():
        assert entry.count("{") == entry.count("}") and entry.endswith("\n}"), key
        assert all(f"\n  {field} = {{" in entry for field in ("author", "title", "year")), key
    years = [(key, re.search(r"year = \{(\d+)\}", entry)) for key, entry in entries().items()]
    assert all(found is not None and found[1] in key for key, found in years)


def test_a_bibtex_parser_reads_what_is_printed(finished_run: Path) -> None:
    pybtex = pytest.importorskip("pybtex.database")
    found = pybtex.parse_string(evonas.cite(finished_run), "bibtex")
    assert {"evonas", "real2019regularized", "liu2019darts"} <= set(found.entries)
    assert all(person.last_names for entry in found.entries.values() for person in entry.persons["author"])


def test_the_entries_are_those_of_what_the_run_used(finished_run: Path, front_run: Path) -> None:
    assert [*used(gather(finished_run))] == [
        ("space", "darts"),
        ("data set", "digits"),
        ("algorithm", "regularized-evolution"),
        ("proxy", "params"),
        ("recipe", "fast"),
        ("attack", "fgsm"),
        ("attack", "pgd"),
        ("corruptions", "corruptions"),
    ]
    text = evonas.cite(finished_run)
    found = re.findall(r"^@\w+\{(\w+),", text, re.MULTILINE)
    assert found[:3] == ["evonas", "liu2019darts", "alpaydin1998digits"] and len(found) == len({*found})
    assert {"madry2018pgd", "hendrycks2019corruptions", "goodfellow2015fgsm"} <= {*found}
    assert "zhang2020crownibp" not in found and "%" not in text
    several = [*used(gather(front_run))]
    assert ("algorithm", "nsga2") in several and [name for kind, name in several if kind == "proxy"] == [
        "params",
        "flops",
        "live-size",
    ]


def test_what_a_fitness_names_is_cited(tmp_path: Path) -> None:
    path = tmp_path / "run"
    settings = evonas.SearchSettings(
        proxy="naswot+snip*2",
        constraints=("synflow<=1e9",),
        space="nasbench201",
        channels=2,
        layers=1,
        population=2,
        generations=0,
        batch_size=4,
        image_size=8,
    )
    evonas.search(settings, path)
    assert {name for kind, name in used(gather(path)) if kind == "proxy"} == {"naswot", "snip", "synflow"}
    assert "tanaka2020synflow" in evonas.cite(path) and "croze" not in evonas.cite(path)


def test_a_method_of_another_package_is_named(finished_run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(REFERENCES["attack"], "pgd")
    assert "% attack pgd: see its package" in evonas.cite(finished_run)
    assert keys_of("attack", "pgd") == ()


def test_the_paragraphs_have_every_setting(finished_run: Path) -> None:
    text, facts = evonas.methods(finished_run), gather(finished_run)
    assert facts.training is not None and facts.evaluation is not None and facts.evaluation.settings is not None
    search = dataclasses.asdict(facts.summary.settings)
    search |= dict(search.pop("options"))
    for values in (search, facts.training.that_count, dict(facts.evaluation.settings)):
        for name, value in values.items():
            if value not in (None, (), [], "", {}) and name not in ("data_dir", "max_params_at", "source"):
                assert f"{name} " in text, name
    for part in (
        "the algorithm regularized-evolution [@real2019regularized; @fortin2012deap] that maximised params",
        "pgd [@madry2018pgd] at epsilon 8/255 (steps 2, ",
        "15 corruptions [@hendrycks2019corruptions] at 5 severities (regenerated images)",
        "6 of 359 test images",
        "random_start yes",
        "lr 0.",
        "Versions: python",
    ):
        assert part in text, part
    cited = {key for group in re.findall(r"\[(@[^]]*)\]", text) for key in group.replace("@", "").split("; ")}
    assert {f"{key}," for key in cited} <= {*re.findall(r"\{(\w+,)", evonas.cite(finished_run))}
    assert str(finished_run) not in text


def test_a_search_without_training_and_a_front(front_run: Path) -> None:
    text = evonas.methods(front_run)
    assert "for a Pareto front that maximised params and minimised flops and minimised live-size" in text
    assert text.count("\n\n") == 0 and "crossover 0.9" in text


def test_the_command_prints_both(finished_run: Path) -> None:
    done = run("show", str(finished_run), "--methods", "--bibtex", cwd=finished_run.parent)
    assert done.stdout == f"{evonas.methods(finished_run)}\n{evonas.cite(finished_run)}"
    wrong = run("show", str(finished_run), "--methods", "--json", cwd=finished_run.parent)
    assert wrong.returncode == 2 and "--json cannot be combined" in wrong.stderr

"""Every command of the README runs as it is written."""

from __future__ import annotations

import gzip
import importlib
import inspect
import json
import re
import shlex
import shutil
import subprocess
from collections.abc import Callable, Iterable
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from evonas.evaluation.corruptions import corruptions
from fitness import register
from spaces import spaces
from tests import forks

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```console\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
COMMANDS = [part.strip() for block in BLOCKS for line in block.splitlines() for part in line.split("&&")]
PAGES = {path.name: path.read_text(encoding="utf-8") for path in sorted((ROOT / "docs").glob("*.md"))}
EVERYTHING = "\n".join([README, *PAGES.values()])
SMALLER = {  # by verb, for what takes many seconds as it is written
    "search": " --channels 2 --layers 1 --image-size 8 --epochs 1 --set batch_size=512 --images 10"
    " --population 4 --children 2 --generations 2",
    "train": " --image-size 8 --epochs 1 --set batch_size=512",
    "tabulate": " --sample 2 --channels 2 --layers 1 --image-size 8 --epochs 1 --set batch_size=512 --images 10"
    " --engine in-process",
    "bench": " --channels 2 --layers 3 --image-size 8 --architectures 1 --rounds 1 --engine in-process",
}
Evonas = Callable[[str], subprocess.CompletedProcess[str]]
INDENTED = re.findall(r"^    (evonas .*)$", EVERYTHING, re.MULTILINE)


@pytest.fixture
def evonas(tmp_path: Path) -> Evonas:
    """Runs a command line that begins with ``evonas``, in ``tmp_path``."""

    def run(command: str) -> subprocess.CompletedProcess[str]:
        program, *arguments = shlex.split(command)
        assert program == "evonas"
        return forks.run(*arguments, cwd=tmp_path)

    return run


def accuracies(space_name: str = "nasbench201") -> str:
    """A table of 40 cells whose accuracy grows with their size."""
    space, rng = spaces[space_name], np.random.default_rng(0)
    cells = {str(space.random(rng)): None for _ in range(40)}
    sizes = [space.params(space.parse(cell), space.default_size()) for cell in cells]
    largest = max(sizes)
    rows = [
        f'"{cell}",{0.9 * size / largest + 0.1 * rng.random()}' for cell, size in zip(cells, sizes, strict=True)
    ]
    return "\n".join(["arch_str,clean", *rows]) + "\n"


TOUR = [command for command in COMMANDS if command.startswith("evonas ")]


def chain_of(command: str) -> str:
    """The last run that a command names, or its verb: commands of one chain need each other, chains do not."""
    return ([command.split()[1], *re.findall(r"\bruns/[\w-]+", command)])[-1]


CHAINS = {chain_of(command): [one for one in TOUR if chain_of(one) == chain_of(command)] for command in TOUR}


@pytest.mark.parametrize("chain", CHAINS)
def test_the_tour_runs_from_top_to_bottom(chain: str, evonas: Evonas, tmp_path: Path) -> None:
    (tmp_path / "accuracies.csv").write_text(accuracies())
    (tmp_path / "latencies.csv").write_text(accuracies().replace("clean", "ms"))
    for command in CHAINS[chain]:
        for other in {*re.findall(r"\bruns/[\w-]+", command)} - {chain}:  # of a chain that runs elsewhere
            shutil.copytree(tmp_path / chain, tmp_path / other)
        small = command.startswith("evonas search --space nasbench201")
        walk(evonas, command + ("" if small else SMALLER.get(command.split()[1], "")))


@pytest.mark.slow
def test_the_tour_runs_from_top_to_bottom_as_it_is_written(evonas: Evonas, tmp_path: Path) -> None:
    (tmp_path / "accuracies.csv").write_text(accuracies())
    (tmp_path / "latencies.csv").write_text(accuracies().replace("clean", "ms"))
    for command in TOUR:
        walk(evonas, command)


def walk(evonas: Evonas, command: str) -> None:
    done = evonas(command)
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    assert done.stdout


def test_every_command_of_the_tour_is_in_one_chain_that_begins_what_it_needs() -> None:
    assert sorted(TOUR) == sorted(command for chain in CHAINS.values() for command in chain) and len(TOUR) >= 8
    for name, chain in CHAINS.items():
        assert not name.startswith("runs/") or chain[0].split()[1] in ("search", "train"), chain


def test_the_other_commands_of_code_blocks_install_and_test() -> None:
    others = [command for command in COMMANDS if not command.startswith("evonas ")]
    assert others == ["python -m pip install .", "python -m pip install -e '.[test]'", "python -m pytest"]


def test_the_python_example_runs(tmp_path: Path) -> None:
    (example,) = re.findall(r"^```python\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    done = forks.run("-c", example, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n") == 3 and "DARTS_V2" in done.stdout


@pytest.mark.parametrize("command", [command for command in INDENTED if command.split()[1] == "search"])
def test_a_command_for_which_something_is_missing_says_so(command: str, evonas: Evonas, tmp_path: Path) -> None:
    """Long, or needing data or a cluster: parsed by the same program, stopped by what is missing."""
    limit = "--max-params 1 --space nasbench201"  # whose random cells are drawn soonest
    proxy = "" if "--objectives" in command else "--proxy params"
    done = evonas(f"{command} --data-dir '{tmp_path}' {limit} {proxy} --no-final --run run")
    missing = ["max-params", "not a directory"]
    missing += ["use --space darts"] if re.search("--algorithm (darts|dsrna)", command) else []
    missing += ["ray start --head" if find_spec("ray") else "evonas[ray]"] if "--engine ray" in command else []
    assert done.returncode in (1, 2) and any(text in done.stderr for text in missing), done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("command", [command for command in INDENTED if command.split()[1] == "score"])
def test_the_scores_of_the_pages_are_computed(command: str, evonas: Evonas) -> None:
    if "onnx" in command and find_spec("onnxruntime") is None:
        pytest.skip("ONNX Runtime is not installed")
    done = evonas(f"{command} --json")
    assert done.returncode == 0, done.stderr
    assert all(None not in row["scores"].values() for row in json.loads(done.stdout))


@pytest.mark.parametrize("command", [command for command in INDENTED if "correlate" in command])
def test_the_commands_of_the_tables_run_on_small_ones(command: str, evonas: Evonas, tmp_path: Path) -> None:
    with gzip.open(tmp_path / "TABLE.csv.gz", "wt") as file:
        file.write(accuracies("darts" if "--space darts" in command else "nasbench201"))
    shutil.copytree(ROOT / "docs" / "measured", tmp_path / "docs" / "measured")
    smaller = re.sub(r"--(channels|layers|sample) \d+", "", command).replace(
        "--dataset cifar10", "--dataset digits"
    )
    done = evonas(f"{smaller} --sample 5 --channels 2 --layers 3 --batch-size 4 --workers 1")
    assert done.returncode == 0, done.stderr
    if "--markdown" in command:
        tables = re.findall(r"(?:^\| `.*\n)+", PAGES["score.md"].split(command)[0], re.MULTILINE)
        assert done.stdout.count("\n| `") == tables[-1].count("\n")


@pytest.mark.parametrize("command", [command for command in INDENTED if "tabulate" in command])
def test_the_tables_of_the_pages_are_made_at_a_small_size(command: str, evonas: Evonas, tmp_path: Path) -> None:
    smaller = (
        "--sample 2 --seeds-for 1 --channels 2 --layers 1 --image-size 8 --epochs 1 --images 4 --engine in-process"
    )
    done = evonas(f"{command} {smaller} --no-corruptions --set batch_size=512 --json")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / command.split()[-1]).read_text().startswith("genotype,seed,params,flops,validation,clean,")


@pytest.mark.parametrize("command", [command for command in INDENTED if "calibrate " in command])
def test_the_commands_of_calibration_run_on_small_tables(command: str, evonas: Evonas, tmp_path: Path) -> None:
    header, *rows = accuracies().splitlines()
    with gzip.open(tmp_path / "TABLE.csv.gz", "wt") as file:
        file.write(f"{header},fgsm@Linf.eps8\n")
        file.writelines(f"{row},{row.rsplit(',', 1)[1]}\n" for row in rows)
    shutil.copytree(ROOT / "docs" / "measured", tmp_path / "docs" / "measured")
    fewer = " --sample 30 --proxy params,croze-size,snip" if "docs/measured" in command else ""
    smaller = re.sub(r"--sample \d+", "", command) + fewer
    done = evonas(smaller + " --channels 2 --layers 1 --workers 1 --repeats 1")
    assert done.returncode == 0, done.stderr
    assert "on held-out architectures" in done.stdout
    assert (tmp_path / "fitness.json").exists()


@pytest.mark.parametrize("command", [command for command in INDENTED if "benchmark" in command])
def test_the_benchmarks_of_the_pages_run_on_small_tables(command: str, evonas: Evonas, tmp_path: Path) -> None:
    words = " ".join(re.findall(r"--(?:target|select-on|report) (\S+)", command)).replace(",", " ").split()
    every = [f"{name}.s{level}" for name in corruptions for level in range(1, 6)]
    names = dict.fromkeys(
        name for word in words or ["clean"] for name in (every if word == "corruptions" else [word])
    )
    _, *rows = accuracies().splitlines()
    with gzip.open(tmp_path / "TABLE.csv.gz", "wt") as file:
        file.write(f"arch_str,{','.join(names)}\n")
        file.writelines(
            f"{cell}{f',{value}' * len(names)}\n" for cell, value in (row.rsplit(",", 1) for row in rows)
        )
    limited = re.findall(r'--constraint "([^<>]+)', command)
    with gzip.open(tmp_path / "LATENCIES.csv.gz", "wt") as file:
        file.write(f"arch_str,{','.join(dict.fromkeys(limited))}\n")
        file.writelines(f"{row.rsplit(',', 1)[0]},{1 + i / 10}\n" for i, row in enumerate(rows))
    done = evonas(re.sub(r"--trials \d+", "", command) + " --trials 2 --evaluations 12 --engine in-process")
    assert done.returncode == 0, done.stderr
    assert "random, exact" in done.stdout


FINAL_STAGES = ("train", "evaluate", "resume")


@pytest.mark.parametrize("page", ["training.md", "controls.md"])
def test_the_final_stages_of_the_pages_run_at_a_small_size(page: str, evonas: Evonas) -> None:
    for command in re.findall(r"^    (evonas .*)$", PAGES[page], re.MULTILINE):
        verb = command.split()[1]
        if verb in FINAL_STAGES or "--controls" in command:
            fewer = re.sub(r"--controls (\d+)", lambda found: f"--controls {int(found[1]) // 3}", command)
            done = evonas(fewer + SMALLER.get(verb, ""))
            assert done.returncode == 0, done.stderr
    assert "retrainings" in done.stdout and ("--controls" in command) == ("random genotypes" in done.stdout)


@pytest.mark.parametrize("command", [command for command in INDENTED if "--proxy trained" in command])
def test_the_searches_of_the_pages_that_train_run_at_a_small_size(command: str, evonas: Evonas) -> None:
    smaller = " --channels 2 --image-size 8 --evaluations 3 --population 2 --children 1 --engine in-process"
    done = evonas(command + smaller)
    assert done.returncode == 0, done.stderr
    assert "per genotype; at most 3 genotypes" in done.stdout and "3 evaluations" in done.stdout


@pytest.mark.parametrize("command", [command for command in INDENTED if "--certify" in command])
def test_the_certificates_of_the_pages_are_computed(command: str, evonas: Evonas) -> None:
    path = command.split()[2]
    made = evonas(f"evonas train DARTS_V2 --run {path} --channels 2 --layers 1{SMALLER['train']}")
    assert made.returncode == 0, made.stderr
    done = evonas(re.sub(r"--(images|checks) \d+", "", command) + " --images 6 --checks 0 --no-corruptions")
    assert done.returncode == 0, done.stderr
    if "smoothing" in command:
        assert "smoothing@0.25 certified l2 0.25" in done.stdout
    else:
        assert "crown-ibp certified 1/255" in done.stdout and "points below pgd" in done.stdout


@pytest.mark.parametrize("command", [command for command in INDENTED if command.split()[1] == "bench"])
def test_the_benchmarks_of_the_pages_have_these_options(command: str, evonas: Evonas) -> None:
    done = evonas(f"{command} --architectures 0")
    assert done.returncode == 2 and done.stderr.startswith("error: --architectures must be"), done.stderr


@pytest.mark.parametrize("command", [command for command in INDENTED if command.split()[1] == "latency-model"])
def test_the_latency_models_of_the_pages_are_fitted_at_a_small_size(
    command: str, evonas: Evonas, tmp_path: Path
) -> None:
    fewer = command.replace(
        "--measure 55 --sample 35 --latency torch", "--measure 40 --latency torch:runs=2:warmup=0"
    )
    done = evonas(f"{fewer} --channels 2 --layers 3 --image-size 8")
    assert done.returncode == 0, done.stderr
    assert "on 8 other networks" in done.stdout and (tmp_path / command.split()[-1]).exists()


def test_commands_of_the_pages_are_indented_so_that_they_are_tested() -> None:
    assert not [name for name, text in PAGES.items() if "```console" in text]
    assert {command.split()[1] for command in INDENTED} == {
        "search",
        "train",
        "resume",
        "evaluate",
        "score",
        "tabulate",
        "correlate",
        "calibrate",
        "benchmark",
        "latency-model",
        "show",
        "plot",
        "bench",
        "report",
    }


@pytest.mark.parametrize(
    "page", [ROOT / "README.md", *(ROOT / "docs" / name for name in PAGES)], ids=lambda p: p.name
)
def test_every_link_and_picture_leads_to_a_file(page: Path) -> None:
    for path in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text(encoding="utf-8")):
        assert path.startswith("https://") or (page.parent / path).is_file(), path


def test_every_promise_names_a_test_of_the_usual_suite() -> None:
    promises = [
        line
        for line in PAGES["faults.md"].split("## Guarantees")[1].split("\n## ")[0].splitlines()
        if line.startswith("| ")
    ][1:]
    assert len(promises) >= 10
    for line in promises:
        (path, name), *others = re.findall(r"`(tests/[\w/.]+)::(\w+)`", line)
        assert not others, line
        module = importlib.import_module(path.removesuffix(".py").replace("/", "."))
        assert is_usual(module, getattr(module, name)), f"nobody runs {path}::{name}"


def is_usual(module: object, test: object) -> bool:
    """Whether some case of a test runs where nobody asks for slow ones."""
    marks = [*as_list(getattr(module, "pytestmark", [])), *getattr(test, "pytestmark", [])]
    tables = [mark.args[1] for mark in marks if mark.name == "parametrize"]
    return not left_out(marks) and all(
        any(not left_out(getattr(row, "marks", ())) for row in rows) for rows in tables
    )


def left_out(marks: Iterable[pytest.Mark | pytest.MarkDecorator]) -> bool:
    return any(mark.name in ("slow", "skip", "xfail") for mark in marks)


def as_list(marks: Any) -> list[Any]:
    return list(marks) if isinstance(marks, (list, tuple)) else [marks]


@pytest.mark.parametrize(
    ("usual", "of_module", "of_test"),
    [
        (True, [], []),
        (True, [], [pytest.mark.parametrize("x", [1, pytest.param(2, marks=pytest.mark.slow)])]),
        (False, [], [pytest.mark.slow]),
        (False, pytest.mark.slow, []),
        (False, [pytest.mark.usefixtures("x"), pytest.mark.slow], []),
        (False, [], [pytest.mark.parametrize("x", [pytest.param(2, marks=pytest.mark.slow)])]),
        (False, [], [pytest.mark.parametrize("x", [pytest.param(2, marks=[pytest.mark.skip])])]),
    ],
)
def test_a_promise_is_not_kept_by_a_test_that_nobody_runs(usual: bool, of_module: Any, of_test: list[Any]) -> None:
    def test() -> None:
        pass

    for mark in of_test:
        test = mark(test)
    assert is_usual(SimpleNamespace(pytestmark=of_module), test) == usual


def test_the_readme_is_short_and_the_index_leads_to_every_page() -> None:
    assert len(README.splitlines()) <= 150
    assert {name for name in PAGES if f"]({name})" not in PAGES["README.md"]} == {"README.md"}


def test_the_files_that_contributors_are_sent_to_exist() -> None:
    table = [line for line in PAGES["contributing.md"].splitlines() if line.startswith("| ")][1:]
    named = [path for line in table for path in re.findall(r"`((?:evonas|fitness|spaces)/[\w/.]+)`", line)]
    assert len(named) > 15
    for path in named:
        assert (ROOT / path).exists(), path


def test_contributors_are_told_what_is_so() -> None:
    lines = [line.split(" | ") for line in PAGES["contributing.md"].splitlines() if line.startswith("| ")]
    rows = [cells for cells in lines[1:] if len(cells) == 5]
    assert len(rows) > 9
    for what, _, entry, imported, example in rows:
        place, module = (ROOT / re.findall(r"`(.+?)`", cell)[0] for cell in (imported, example))
        assert re.search(rf"\b{module.stem}\b", place.read_text(encoding="utf-8")), what
        if what == "| proxy":
            given = dict.fromkeys(re.findall(r"(\w+)=\.\.\.", entry))
            inspect.signature(register).bind("name", **given)

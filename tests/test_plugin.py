"""A package of somebody else: what it adds by entry points is searched, scored in workers, listed and resumed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tomllib
import zlib
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from itertools import product
from pathlib import Path

import pytest

from tests import forks
from tests.conftest import REPOSITORY
from tests.evonas.conftest import content
from tests.installed import install

SOURCE = Path(__file__).parent / "plugin"
PROJECT = tomllib.loads((SOURCE / "pyproject.toml").read_text())["project"]
TINY = {"space": "chain", "proxy": "minus-loss", "population": 6, "children": 3, "generations": 3}
TINY |= {"channels": 2, "layers": 2, "batch_size": 4}
OPTIONS = [word for name, value in TINY.items() for word in (f"--{name.replace('_', '-')}", str(value))]
LAST_BIRTH = 6 + 3 * 3
TABLE = "measured:numbers.txt"  # a fitness of the package
OWN = "chain-distribution"  # an algorithm of the package, with a state between generations

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package as an installer leaves it."""
    folder = tmp_path_factory.mktemp("site-packages")
    modules = {str(file.relative_to(SOURCE)): file.read_text() for file in SOURCE.rglob("*.py")}
    return install(folder, PROJECT["name"], PROJECT["entry-points"], modules, PROJECT["version"])


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of all runs."""
    return tmp_path_factory.mktemp("work").resolve()


@pytest.fixture(scope="module")
def evonas(installed: Path, work: Path) -> Iterator[Run]:
    """Runs ``evonas``, or a program after "-c", in ``work`` where the package is installed."""
    server = forks.Forks(installed)

    def run(*arguments: str, returns: int = 0) -> subprocess.CompletedProcess[str]:
        done = forks.run(*arguments, cwd=work, forks=server)
        assert done.returncode == returns, done.stderr
        return done

    yield run
    server.close()


@pytest.fixture(scope="module")
def searched(evonas: Run, work: Path) -> Path:
    """A search in one process, which nothing interrupts."""
    evonas("search", "--no-final", *OPTIONS, "--run", "alone")
    return work / "alone"


def test_a_search_uses_the_space_and_the_proxy_of_the_package(searched: Path, evonas: Run) -> None:
    found = content(searched)
    assert len(found["individuals"]) == LAST_BIRTH and len(found["evaluations"]) > 6
    summary = json.loads(evonas("show", "alone", "--json").stdout)
    scored = evonas("score", summary["best"]["genotype"], "--run", "alone", "--json").stdout
    assert summary["best"]["genotype"].startswith("chain-")
    assert json.loads(scored)[0]["scores"] == {"minus-loss": summary["best"]["score"]}


@pytest.fixture(scope="module")
def searched_by_own(evonas: Run, searched: Path) -> Path:
    """A search with the algorithm of the package, which nothing interrupts."""
    evonas("search", "--no-final", *OPTIONS, "--algorithm", OWN, "--option", "rate=0.25", "--run", "own")
    return searched.parent / "own"


def test_a_search_uses_the_algorithm_of_the_package(searched: Path, searched_by_own: Path) -> None:
    rows = content(searched_by_own)["individuals"]
    assert len(rows) == 4 * 6  # each generation is a population
    assert rows[:6] != content(searched)["individuals"][:6]


@pytest.fixture(scope="module")
def searched_by_table(evonas: Run, work: Path) -> Path:
    """A search with the kind of fitness of the package, which nothing interrupts."""
    chains = [f"chain-{''.join(kernels)}" for kernels in product("1357", repeat=4)]
    lines = [f"{chain} {zlib.crc32(chain.encode()) % 1000}\n" for chain in chains]
    (work / "numbers.txt").write_text("".join(lines))
    evonas("search", "--no-final", *OPTIONS, "--proxy", TABLE, "--run", "table")
    return work / "table"


def test_a_search_uses_the_kind_of_fitness_of_the_package(searched_by_table: Path, evonas: Run) -> None:
    numbers = dict(line.split() for line in (searched_by_table.parent / "numbers.txt").read_text().splitlines())
    summary = json.loads(evonas("show", "table", "--json").stdout)
    born = [row[3] for row in content(searched_by_table)["individuals"]]
    assert len(born) == LAST_BIRTH and summary["best"]["score"] == max(float(numbers[chain]) for chain in born)
    assert "table can be reproduced" in evonas("verify", "table").stdout
    done = evonas("search", "--space", "darts", "--proxy", TABLE, "--no-final", "--run", "darts", returns=2)
    assert "numbers.txt has numbers of chains: add --space chain" in done.stderr


@pytest.mark.parametrize(
    ("engine", "proxy", "whole"),
    [
        ("processes", "minus-loss", "searched"),
        ("ray", "minus-loss", "searched"),
        ("ray", "measured:numbers.txt", "searched_by_table"),
    ],
)
def test_workers_load_the_package_and_come_to_the_same_scores(
    engine: str, proxy: str, whole: str, evonas: Run, request: pytest.FixtureRequest
) -> None:
    if engine == "ray" and find_spec("ray") is None:
        pytest.skip('Ray is not installed: pip install "evonas[ray]"')
    expected: Path = request.getfixturevalue(whole)
    run = f"{engine}-{whole}"
    words = ["--proxy", proxy, "--engine", engine, "--workers", "1", "--run", run]
    evonas("search", "--no-final", *OPTIONS, *words)
    assert content(expected.parent / run) == content(expected)


KILLED = f"""
import os
import signal

import evonas
from evonas.engine import Processes

def die(event):
    if event.name == "evaluated" and event.progress.births == BIRTH:
        os.kill(os.getpid(), signal.SIGKILL)

if __name__ == "__main__":
    settings = evonas.SearchSettings(**{{**{TINY!r}, **CHANGES}})
    evonas.search(settings, "RUN", die, ENGINE)
"""


@pytest.mark.parametrize(
    ("changes", "engine", "birth", "whole"),
    [
        ({}, "None", 8, "searched"),
        ({"algorithm": OWN, "options": {"rate": 0.25}}, "Processes(1)", 15, "searched_by_own"),
        ({"proxy": TABLE}, "Processes(2)", 10, "searched_by_table"),
    ],
)
def test_a_killed_search_is_resumed_to_the_same_end(
    changes: dict[str, object], engine: str, birth: int, whole: str, evonas: Run, request: pytest.FixtureRequest
) -> None:
    expected: Path = request.getfixturevalue(whole)
    run, source = f"killed{birth}", KILLED.replace("BIRTH", str(birth)).replace("CHANGES", repr(changes))
    evonas("-c", source.replace("RUN", run).replace("ENGINE", engine), returns=-9)
    assert len(content(expected.parent / run)["individuals"]) < LAST_BIRTH
    evonas("resume", run)
    assert content(expected.parent / run) == content(expected)


def test_evaluate_measures_the_assessment_of_the_package(evonas: Run, work: Path) -> None:
    size = ["--space", "chain", "--channels", "2", "--layers", "2", "--epochs", "1", "--validation", "10"]
    evonas("train", "chain-1113", *size, "--run", "trained")
    words = ["--assess", "mean-confidence", "--attacks", "fgsm", "--images", "12", "--no-corruptions"]
    found = json.loads(evonas("evaluate", "trained", *words, "--checks", "0", "--json").stdout)
    confidence = found["assessments"]["mean-confidence"]
    assert len(confidence["detail"]) == 12 and 0.1 <= confidence["numbers"]["mean"] <= 1
    line = ["mean-confidence", "mean", f"{confidence['numbers']['mean']:.5g}"]
    assert line in [line.split() for line in evonas("show", "trained").stdout.splitlines()]
    evonas("report", "trained")
    page = (work / "trained" / "report.html").read_text()
    assert f'<h3>mean-confidence</h3><table class="numbers"><tr><th>mean</th><td>{line[2]}</td></tr>' in page


def test_a_file_of_the_package_is_short() -> None:
    lengths = {file.name: len(file.read_text().splitlines()) for file in SOURCE.rglob("*.py")}
    assert len(lengths) >= 5 and not {name: n for name, n in lengths.items() if n >= 60}


def test_what_the_package_adds_is_listed(evonas: Run) -> None:
    expected = {
        "spaces": ("chain", "four convolutions: 256 genotypes"),
        "proxies": ("minus-loss", "Minus the cross-"),
    }
    expected["algorithms"] = (OWN, "Draws every kernel from its frequency")
    expected["fitness"] = ("measured", "The number of a chain in a text file.")
    expected["assessments"] = ("mean-confidence", "The mean over the images")
    for kind, (name, about) in expected.items():
        (entries,) = json.loads(evonas("list", kind, "--json").stdout).values()
        (found,) = [entry for entry in entries if entry["name"] == name]
        assert found["about"].startswith(about)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("evonas search --space ch", "chain"),
        ("evonas search --algorithm ch", OWN),
        ("evonas score chain-3517 --proxy croze,min", "croze,minus-loss"),
        ("evonas search --proxy mea", "measured:"),
        ("evonas evaluate alone --assess mean", "mean-confidence"),
    ],
)
def test_a_shell_completes_what_the_package_adds_without_importing_it(
    words: str, expected: str, installed: Path
) -> None:
    code = "import sys; sys.argv = ['evonas']; from evonas.cli.app import main\n"
    code += "try: main()\nfinally: assert not {'evonas_example', 'torch'} & set(sys.modules)"
    words_before = str(len(words.split(" ")) - 1)
    asked = {"_EVONAS_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": words_before}
    environment = os.environ | asked | {"PYTHONPATH": f"{REPOSITORY}{os.pathsep}{installed}"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.split() == [expected], done.stderr


def test_the_package_keeps_the_contracts(evonas: Run) -> None:
    code = """
from evonas.testing import check_algorithm, check_assessment, check_proxy, check_space
from spaces import spaces
check_space("chain")
check_proxy("minus-loss")
check_proxy("croze", spaces["chain"])
check_assessment("mean-confidence")
check_algorithm("chain-distribution", space="chain", channels=2, layers=2)
"""
    evonas("-c", code)


def test_every_node_of_a_cluster_must_have_the_same_version_of_the_package(evonas: Run) -> None:
    code = "from evonas.engine.ray_cluster import versions; print(versions()['evonas-example'])"
    assert evonas("-c", code).stdout == "1.0\n"


def test_without_the_package_the_run_names_what_is_missing(searched: Path) -> None:
    done = forks.run("resume", str(searched), "--generations", "4", cwd=searched.parent)
    assert done.returncode == 2 and "unknown proxy 'minus-loss'" in done.stderr, done.stderr


def test_pip_installs_what_these_tests_write_themselves(installed: Path, tmp_path: Path) -> None:
    if find_spec("setuptools") is None or find_spec("pip") is None:
        pytest.skip("needs pip and setuptools to build a package without a network")
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--target", str(tmp_path / "site")]
    shutil.copytree(SOURCE, tmp_path / "source")  # a build writes into it
    command = [sys.executable, "-m", "pip", "install", *options, str(tmp_path / "source")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    code = "from spaces.registry import packages; from fitness import proxies; "
    code += "print(packages(), 'minus-loss' in proxies)"
    for place in (installed, tmp_path / "site"):
        environment = os.environ | {"PYTHONPATH": f"{REPOSITORY}{os.pathsep}{place}"}
        shown = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
        assert shown.stdout == "{'evonas-example': '1.0'} True\n", shown.stderr

"""Every registry knows exactly the names that the source code registers, and lives with any installed package."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from tests.installed import install

KINDS = {"space", "proxy", "algorithm", "attack", "corruption", "recipe", "format", "engine", "data set", "plot"}
KINDS |= {"assessment", "section"}
EMPTY = {"assessment"}  # for packages alone: attacks and corruptions have registries of their own

IMPORT_ALL = """
import importlib, json, pkgutil, sys
import evonas, fitness, spaces
from spaces.registry import Registry
for floor in (spaces, fitness, evonas):
    for found in pkgutil.walk_packages(floor.__path__, floor.__name__ + "."):
        if not found.name.endswith("__main__"):
            importlib.import_module(found.name)
everything = [value for module in list(sys.modules.values()) for value in list(vars(module).values())]
registries = {value.kind: value for value in everything if isinstance(value, Registry)}
print(json.dumps({kind: [registry.modules, registry.registered] for kind, registry in registries.items()}))
"""


def test_the_table_of_every_registry_is_what_the_modules_register(run_python: Callable[[str], str]) -> None:
    found = json.loads(run_python(IMPORT_ALL))
    assert set(found) == KINDS
    for kind, (table, registered) in found.items():
        assert table == registered and bool(table) != (kind in EMPTY), kind


def evonas(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command, with the packages of ``folder`` installed."""
    environment = os.environ | {"PYTHONPATH": f"{REPOSITORY}{os.pathsep}{folder}", "COLUMNS": "200"}
    command = [sys.executable, "-m", "evonas", *arguments]
    return subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True)


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package whose proxy and space cannot be imported, and whose recipe has the name of another."""
    points = {
        "evonas.proxies": {"lost": "lost"},
        "evonas.spaces": {"nowhere": "lost"},
        "evonas.recipes": {"fast": "lost"},
    }
    return install(tmp_path_factory.mktemp("broken"), "wreck", points, {"lost.py": "import a_missing_library\n"})


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--help"], "search"),
        (["list", "proxies"], "proxy 'lost' of wreck 1.0 cannot be loaded: ModuleNotFoundError: No module named"),
        (["list", "recipes"], "registered twice: by evonas.training.recipes.fast and by lost (wreck 1.0)"),
        (["score", "DARTS_V2", "--proxy", "params"], "DARTS_V2"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_broken_package_affects_only_its_own_names(arguments: list[str], said: str, broken: Path) -> None:
    done = evonas(broken, *arguments)
    assert done.returncode == 0, done.stderr
    assert said in " ".join(done.stdout.split())


def test_a_name_of_a_broken_package_is_one_message(broken: Path) -> None:
    done = evonas(broken, "score", "DARTS_V2", "--proxy", "lost")
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr == (
        "error: proxy 'lost' of wreck 1.0 cannot be loaded: ModuleNotFoundError: No module named "
        "'a_missing_library'\n"
    )

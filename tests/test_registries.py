"""Every registry knows exactly the names that the source code registers, and lives with any installed package."""

from __future__ import annotations

import functools
import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests import forks
from tests.installed import install

KINDS = {"space", "proxy", "algorithm", "attack", "corruption", "recipe", "format", "engine", "data set", "plot"}
KINDS |= {"certificate", "assessment", "section", "kind of fitness", "latency backend"}
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


def test_the_table_of_every_registry_is_what_the_modules_register(tmp_path: Path) -> None:
    found = json.loads(forks.run("-c", IMPORT_ALL, cwd=tmp_path).stdout)
    assert set(found) == KINDS
    for kind, (table, registered) in found.items():
        assert table == registered and bool(table) != (kind in EMPTY), kind


Evonas = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def evonas(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Evonas]:
    """The command, with a package whose proxy and space cannot be imported; its recipe has the name of another."""
    points = {
        "evonas.proxies": {"lost": "lost"},
        "evonas.spaces": {"nowhere": "lost"},
        "evonas.recipes": {"fast": "lost"},
    }
    folder = tmp_path_factory.mktemp("broken")
    install(folder, "wreck", points, {"lost.py": "import a_missing_library\n"})
    server = forks.Forks(folder)
    yield functools.partial(forks.run, cwd=folder, forks=server)
    server.close()


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
def test_a_broken_package_affects_only_its_own_names(arguments: list[str], said: str, evonas: Evonas) -> None:
    done = evonas(*arguments)
    assert done.returncode == 0, done.stderr
    assert said in " ".join(done.stdout.split())


def test_a_name_of_a_broken_package_is_one_message(evonas: Evonas) -> None:
    done = evonas("score", "DARTS_V2", "--proxy", "lost")
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr == (
        "error: proxy 'lost' of wreck 1.0 cannot be loaded: ModuleNotFoundError: No module named "
        "'a_missing_library'\n"
    )

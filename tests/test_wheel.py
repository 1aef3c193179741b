"""The version is the same everywhere, and the wheel works outside the checkout."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from evonas.core.version import __version__

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
SEARCH = "search --space nasbench201 --proxy params --population 4 --generations 1 --no-final --run run"


def test_the_version_is_the_same_everywhere() -> None:
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    (cited,) = re.findall(r"^version: (\S+)$", citation, re.MULTILINE)
    first = re.search(r"^## (\S+?),? ", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert first is not None and PROJECT["version"] == __version__ == cited == first[1]


def test_every_file_of_a_package_that_is_not_python_is_in_the_wheel() -> None:
    named = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"][
        "package-data"
    ]
    listed = {f"{package}/{file}" for package, files in named.items() for file in files}
    there = {
        path.relative_to(ROOT).as_posix()
        for package in ("evonas", "fitness", "spaces")
        for path in (ROOT / package).rglob("*")
        if path.is_file() and path.suffix not in (".py", ".pyc")
    }
    assert there == listed


@pytest.mark.slow
def test_the_wheel_works_in_an_empty_directory(tmp_path: Path) -> None:
    def call(*words: str, **environment: str) -> str:
        clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        done = subprocess.run(
            [sys.executable, *words],
            cwd=tmp_path / "empty",
            env=clean | environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    (tmp_path / "empty").mkdir()
    call("-m", "pip", "wheel", str(ROOT), "--no-deps", "--no-build-isolation", "-w", str(tmp_path / "wheels"))
    (wheel,) = (tmp_path / "wheels").glob(f"evonas-{__version__}-*.whl")
    call("-m", "pip", "install", "--no-deps", "--target", str(tmp_path / "site"), str(wheel))
    site = {"PYTHONPATH": str(tmp_path / "site")}
    assert call("-c", "import evonas; print(evonas.__file__)", **site).startswith(str(tmp_path / "site"))
    for command in (SEARCH, "show run --methods --bibtex", "report run", "list spaces"):
        assert call("-m", "evonas", *command.split(), **site)
    assert (tmp_path / "empty" / "run" / "report.html").is_file()

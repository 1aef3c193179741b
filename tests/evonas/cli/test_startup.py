"""Which packages a command imports: one that is not needed is seconds that nobody should wait."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

import evonas
from evonas import SearchSettings

HEAVY = ["torch", "torchvision", "numpy", "deap", "scipy", "sklearn", "matplotlib", "sympy", "pandas", "ray"]
TINY = ["--channels", "2", "--layers", "3", "--batch-size", "2"]


@pytest.mark.parametrize(
    ("arguments", "needed"),
    [
        (["--help"], set()),
        (["search", "--help"], set()),
        (["evaluate", "--help"], set()),
        (["show", "searched"], set()),
        (["list", "genotypes"], set()),
        (["score", "DARTS_V2", "--proxy", "croze", *TINY], {"torch", "numpy"}),
        (
            ["search", "--no-final", "--population", "2", "--generations", "1", "--run", "run", *TINY],
            {"torch", "numpy", "deap"},
        ),
    ],
    ids=["help", "search help", "evaluate help", "show", "list", "score croze", "search croze"],
)
def test_a_command_imports_no_heavy_package_that_it_does_not_need(
    arguments: list[str],
    needed: set[str],
    run_python: Callable[[str], str],
    tmp_path: Path,
) -> None:
    if arguments[0] == "show":
        evonas.search(SearchSettings(proxy="params", population=4, generations=1), tmp_path / "searched")
    code = f"""
import os, json, sys
os.chdir({str(tmp_path)!r})
sys.argv = {["evonas", *arguments]!r}
from evonas.cli.app import main
try:
    main()
except SystemExit as stop:
    assert not stop.code, stop.code
print(json.dumps([name for name in {HEAVY} if name in sys.modules]))
"""
    assert set(json.loads(run_python(code).splitlines()[-1])) == needed

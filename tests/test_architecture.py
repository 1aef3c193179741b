"""What the source code itself must look like: which floor may import which, and what none may use."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path

import pytest

from evonas.cli.app import app
from tests.unsafe import unsafe

REPOSITORY = Path(__file__).parents[1]
FLOORS = ("spaces", "fitness", "evonas")
FILES = sorted(path for floor in FLOORS for path in (REPOSITORY / floor).rglob("*.py"))
DATA_TABLES = {Path("spaces/darts/published.py")}
MAX_LINES = 300  # lines
MAX_COMMAND_LINES = 15  # of the body of a command, without its docstring


def named(path: Path) -> str:
    return str(path.relative_to(REPOSITORY))


def imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide which floor they reach"
            yield node.module or ""


def calls(tree: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


def test_there_are_three_floors_to_look_at() -> None:
    assert {path.relative_to(REPOSITORY).parts[0] for path in FILES} == set(FLOORS)


@pytest.mark.parametrize(
    ("floor", "above"), [("spaces", {"fitness", "evonas"}), ("fitness", {"evonas"})], ids=["spaces", "fitness"]
)
def test_no_floor_imports_one_above_it(floor: str, above: set[str]) -> None:
    found = {
        (named(path), module)
        for path in FILES
        if path.relative_to(REPOSITORY).parts[0] == floor
        for module in imported(ast.parse(path.read_text()))
        if module.split(".")[0] in above
    }
    assert not found


def test_no_code_is_evaluated_from_text_and_nothing_is_unpickled() -> None:
    found = {named(path): unsafe(ast.parse(path.read_text())) for path in FILES}
    assert not {path: wrong for path, wrong in found.items() if wrong}


UNSAFE = """
import pickle | from cloudpickle import loads | import dill as d | import shelve | import marshal
import joblib.numpy_pickle
import builtins | eval(text) | exec(text) | compile(text, "", "exec") | __import__(text) | run = eval
map(exec, texts)
import os; os.system(text) | import os as o; o.popen(text) | from os import system
from os import system as s; s(text)
import subprocess; subprocess.run(text, shell=True) | Popen(text, shell=1) | check_output(text, shell=yes)
import subprocess; subprocess.getoutput(text)
import yaml; yaml.load(text) | import yaml; yaml.load(text, Loader=yaml.SafeLoader) | from yaml import unsafe_load
import torch; torch.load(f) | torch.load(f, weights_only=False) | torch.load(f, weights_only=known)
torch.load(f, **options)
from torch import load; load(f) | import torch as t; t.load(f, "cpu") | torch.jit.load(f) | torch.hub.load(f)
import numpy as np; np.load(f, allow_pickle=True) | numpy.load(f, allow_pickle=yes)
from numpy import load; load(f, None, True)
np.load(f, **options) | np.load(*given) | np.save(f, x, allow_pickle=True) | import pandas as pd; pd.read_pickle(f)
"""
SAFE = """
import re; re.compile(text) | model.eval() | torch.compile(model) | torch.load(f, weights_only=True) | np.load(f)
np.load(f, mmap_mode="r", allow_pickle=False) | np.load(f, "r", False) | subprocess.run([text], shell=False)
db.execute(text)
import yaml; yaml.safe_load(text) | compile: bool = False | settings.compile | ast.literal_eval(text)
json.loads(text)
"""


def snippets(text: str) -> list[str]:
    return [snippet.strip() for line in text.strip().splitlines() for snippet in line.split(" | ")]


@pytest.mark.parametrize("snippet", snippets(UNSAFE))
def test_the_check_of_the_source_finds(snippet: str) -> None:
    assert unsafe(ast.parse(f"def work():\n    {snippet}"))


@pytest.mark.parametrize("snippet", snippets(SAFE))
def test_the_check_of_the_source_lets_pass(snippet: str) -> None:
    assert not unsafe(ast.parse(f"def work():\n    {snippet}"))


def test_a_file_is_short_enough_to_be_held_in_mind() -> None:
    lengths = {path.relative_to(REPOSITORY): len(path.read_text().splitlines()) for path in FILES}
    assert not {path: n for path, n in lengths.items() if n > MAX_LINES and path not in DATA_TABLES}


def body_lines(function: ast.FunctionDef) -> int:
    """The lines of a function after its signature and docstring."""
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def test_lines_of_a_body_are_counted() -> None:
    source = 'def f(\n    a,\n):\n    """One.\n\n    Two.\n    """\n    a = (\n        1\n    )\n\n    return a\n'
    (function,) = ast.parse(source).body
    assert isinstance(function, ast.FunctionDef) and body_lines(function) == 5


def test_a_command_parses_builds_settings_calls_the_library_and_renders_in_few_lines() -> None:
    callbacks = [inspect.unwrap(command.callback) for command in app.registered_commands if command.callback]
    assert len(callbacks) > 12
    lines = {}
    for callback in callbacks:
        (function,) = ast.parse(inspect.getsource(callback)).body
        assert isinstance(function, ast.FunctionDef)
        lines[function.name] = body_lines(function)
    assert not {name: count for name, count in lines.items() if count > MAX_COMMAND_LINES}


def test_no_command_tells_its_settings_from_its_other_parameters_by_name() -> None:
    found = [
        named(path)
        for path in (REPOSITORY / "evonas" / "cli").glob("*.py")
        if any(name == "locals" for name, _ in calls(ast.parse(path.read_text())))
    ]
    assert not found


def test_the_lower_floors_neither_print_nor_open_files() -> None:
    refused = {"print", "open", "input", "sys.stdout.write", "sys.stderr.write"}
    lower = [path for path in FILES if path.relative_to(REPOSITORY).parts[0] != "evonas"]
    used = {named(path): refused & {name for name, _ in calls(ast.parse(path.read_text()))} for path in lower}
    assert len(used) > 20 and not {path: names for path, names in used.items() if names}

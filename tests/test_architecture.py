"""What the source code itself must look like: which floor may import which, and what none may use."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]
FLOORS = ("spaces", "fitness", "evonas")
FILES = sorted(path for floor in FLOORS for path in (REPOSITORY / floor).rglob("*.py"))
DATA_TABLES = {Path("spaces/darts/published.py")}
LONGEST = 300  # lines


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


@pytest.mark.parametrize("path", FILES, ids=named)
def test_no_code_is_evaluated_from_text_and_nothing_is_unpickled(path: Path) -> None:
    tree = ast.parse(path.read_text())
    forbidden = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
    assert not {module for module in imported(tree) if module.split(".")[0] in forbidden}
    for name, call in calls(tree):
        assert name not in ("eval", "exec", "compile", "__import__", "builtins.eval", "builtins.exec")
        if name == "torch.load":
            safe = [keyword.value for keyword in call.keywords if keyword.arg == "weights_only"]
            assert safe and isinstance(safe[0], ast.Constant) and safe[0].value is True, f"line {call.lineno}"
        if name in ("np.load", "numpy.load"):
            assert not any(keyword.arg == "allow_pickle" for keyword in call.keywords), f"line {call.lineno}"


@pytest.mark.parametrize(
    "path", [path for path in FILES if path.relative_to(REPOSITORY) not in DATA_TABLES], ids=named
)
def test_a_file_is_short_enough_to_be_held_in_mind(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= LONGEST


@pytest.mark.parametrize(
    "path", [path for path in FILES if path.relative_to(REPOSITORY).parts[0] != "evonas"], ids=named
)
def test_the_lower_floors_neither_print_nor_open_files(path: Path) -> None:
    used = {name for name, _ in calls(ast.parse(path.read_text()))}
    assert not used & {"print", "open", "input", "sys.stdout.write", "sys.stderr.write"}

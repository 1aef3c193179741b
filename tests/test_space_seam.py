"""Nobody outside `spaces` asks which space it is: what differs between spaces is a property of the space."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from spaces import spaces
from tests.test_architecture import FILES, REPOSITORY, imported, named

BUILT_IN = tuple(name for name in spaces if spaces.home(name) is not None)
OUTSIDE = [path for path in FILES if path.relative_to(REPOSITORY).parts[0] != "spaces"]
KERNELS = ("fitness/population/",)  # of the networks of one space, which says so in `Space.has_shared_passes`
OPERATIONS = frozenset(name for space in BUILT_IN for name in spaces[space].operations)
OWN_WORDS = {"none", "identity"}  # names of an operation that are words of the package
SAME_NAME = {  # files that name the algorithm darts, which searches any space that has a supernet
    "evonas/searching/algorithms/__init__.py",
    "evonas/searching/algorithms/darts.py",
    "evonas/reporting/references.py",
}
NAMES = {*BUILT_IN, *OPERATIONS} - OWN_WORDS


def asked(tree: ast.AST) -> Iterator[str]:
    """Names of spaces and of their operations, except where one is the default of a setting ``space``."""
    defaults: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id == "space":
            value = node.value  # the default, or the call that has it as its first argument
            defaults.add(value.args[0] if isinstance(value, ast.Call) and value.args else value or node)
        elif isinstance(node, ast.keyword) and node.arg == "space":
            defaults.add(node.value)
        elif isinstance(node, ast.Dict):
            keys = zip(node.keys, node.values, strict=True)
            defaults |= {value for key, value in keys if isinstance(key, ast.Constant) and key.value == "space"}
        elif isinstance(node, ast.arguments):
            plain = [*node.posonlyargs, *node.args]
            pairs = [*zip(plain[len(plain) - len(node.defaults) :], node.defaults, strict=True)]
            pairs += [(a, value) for a, value in zip(node.kwonlyargs, node.kw_defaults, strict=True) if value]
            defaults |= {value for argument, value in pairs if argument.arg == "space"}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and node not in defaults and node.value in NAMES:
            yield f"{node.value!r} in line {node.lineno}"


def homes(tree: ast.AST) -> set[str]:
    return {
        module for module in imported(tree) if module.split(".")[:2] in [["spaces", name] for name in BUILT_IN]
    }


def outside() -> Iterator[tuple[str, ast.AST]]:
    for path in OUTSIDE:
        if not named(path).startswith(KERNELS):
            yield named(path), ast.parse(path.read_text())


def test_no_name_of_a_space_or_of_its_operations_is_compared() -> None:
    found = {
        path: [one for one in asked(tree) if path not in SAME_NAME or not one.startswith("'darts'")]
        for path, tree in outside()
    }
    assert not {path: names for path, names in found.items() if names}


def test_no_module_of_one_space_is_imported() -> None:
    found = {path: homes(tree) for path, tree in outside()}
    assert not {path: modules for path, modules in found.items() if modules}


@pytest.mark.parametrize(
    "source",
    [
        'if settings.space == "darts": pass',
        'SHARING = ("darts",)',
        'LABELS = {"sep_conv_3x3": "sep"}',
        'def work(spaces="darts"): pass',
    ],
)
def test_a_question_is_found(source: str) -> None:
    assert list(asked(ast.parse(source)))


@pytest.mark.parametrize(
    "source",
    [
        'space: str = "darts"',
        'space: str = setting("darts", help="Search space.")',
        'def work(a, space="darts", *, b=1): pass',
        'def work(*, space: str = "darts"): pass',
        'Settings(space="nasbench201")',
        'settings = {"space": "nasbench201"}',
        'help = "Search space: darts"',
    ],
)
def test_a_default_is_no_question(source: str) -> None:
    assert not list(asked(ast.parse(source)))


def test_the_files_outside_are_looked_at() -> None:
    assert len(OUTSIDE) > 100 and all(isinstance(path, Path) for path in OUTSIDE)
    assert homes(ast.parse("from spaces.darts.genotype import Edge")) == {"spaces.darts.genotype"}

"""Every public function of tensors states their shapes in its docstring."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator

import pytest

from tests.test_architecture import FILES, FLOORS, REPOSITORY, named

_SIDE = r"\s*(?:\.\.\.|\*?[0-9A-Za-z][\w'*/+^. -]{0,15})\s*"
SHAPE = re.compile(rf"\(\)|\({_SIDE},\)|\({_SIDE}(?:,{_SIDE})+\)|\bscalar|\bany shape", re.IGNORECASE)
MODULES = ("forward", "__call__")  # of a class whose docstring may state the shapes


def tensors(function: ast.FunctionDef) -> bool:
    """Whether an annotation of an argument or of the result names tensors."""
    arguments = function.args
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
    annotations = [argument.annotation for argument in every if argument is not None]
    names = (node for a in [*annotations, function.returns] if a is not None for node in ast.walk(a))
    return any(
        (isinstance(node, ast.Name) and node.id == "Tensor")
        or (isinstance(node, ast.Attribute) and node.attr == "Tensor")
        or (isinstance(node, ast.Constant) and isinstance(node.value, str) and "Tensor" in node.value)
        for node in names
    )


Classes = dict[str, list[ast.ClassDef]]  # by name


def classes(trees: Iterable[ast.Module]) -> Classes:
    found: Classes = {}
    for tree in trees:
        for node in tree.body:
            if isinstance(node, ast.ClassDef):
                found.setdefault(node.name, []).append(node)
    return found


def inherited(owner: ast.ClassDef, name: str, known: Classes) -> str:
    """The docstring of the method ``name`` of the bases of ``owner``, which an override has as well."""
    for base in owner.bases:
        base_name = ast.unparse(base).partition("[")[0].rpartition(".")[2]
        for definition in known.get(base_name, []):
            methods = [node for node in definition.body if isinstance(node, ast.FunctionDef) and node.name == name]
            text = next(filter(None, map(ast.get_docstring, methods)), "") or inherited(definition, name, known)
            if text:
                return text
    return ""


def functions(tree: ast.Module, known: Classes) -> Iterator[tuple[str, ast.FunctionDef, str]]:
    """Public functions and methods: name, definition, and everything that is said about them."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            yield node.name, node, ast.get_docstring(node) or ""
        elif isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            for method in node.body:
                if isinstance(method, ast.FunctionDef) and (method.name in MODULES or method.name[0] != "_"):
                    text = ast.get_docstring(method) or inherited(node, method.name, known)
                    about = ast.get_docstring(node) or "" if method.name in MODULES else ""
                    yield f"{node.name}.{method.name}", method, text + about


def without_shapes(tree: ast.Module, known: Classes) -> list[str]:
    return [name for name, node, text in functions(tree, known) if tensors(node) and not SHAPE.search(text)]


TREES = {path: ast.parse(path.read_text()) for path in FILES}
CLASSES = classes(TREES.values())


@pytest.mark.parametrize("floor", FLOORS)
def test_every_public_function_of_tensors_states_shapes(floor: str) -> None:
    trees = {path: tree for path, tree in TREES.items() if path.relative_to(REPOSITORY).parts[0] == floor}
    found = {named(path): without_shapes(tree, CLASSES) for path, tree in trees.items()}
    assert not {path: names for path, names in found.items() if names}


@pytest.mark.parametrize(
    ("source", "wanting"),
    [
        ('def f(x: Tensor) -> float:\n    """The sum of all (or most) values."""', True),
        ('def f(x: Tensor) -> float:\n    """The sum of x (N, C, H, W)."""', False),
        ('def f(x: dict[str, torch.Tensor]) -> float:\n    """The sum."""', True),
        ('def f() -> "Tensor":\n    """A scalar."""', False),
        ('def f() -> Tensor:\n    """float32 (N, *shape)."""', False),
        ("def f(x: Tensor) -> float:\n    pass", True),
        ("def f(x: int) -> float:\n    pass", False),
        ("def _f(x: Tensor) -> float:\n    pass", False),
        ("class A:\n    def f(self, x: Tensor) -> float:\n        pass", True),
        (
            'class A:\n    """A layer, (N,) -> ()."""\n    def forward(self, x: Tensor) -> Tensor:\n        pass',
            False,
        ),
        ('class A:\n    """A layer, (N,) -> ()."""\n    def f(self, x: Tensor) -> Tensor:\n        pass', True),
        (
            'class A:\n    def f(self, x: Tensor) -> int:\n        """Of x (N,)."""\n'
            "class B(A):\n    def f(self, x: Tensor) -> int:\n        pass",
            False,
        ),
    ],
)
def test_the_check_finds_a_function_without_shapes(source: str, wanting: bool) -> None:
    tree = ast.parse(source)
    assert bool(without_shapes(tree, classes([tree]))) == wanting

"""The rooms of `evonas`: an import points to a room below, and no files import each other in a circle.

Every import counts, also one inside a function and one for types only.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "evonas"
FLOORS = (  # from the top down; rooms of one line know nothing of each other
    ("__main__",),
    ("cli",),
    ("testing",),
    ("__init__",),
    ("api",),
    ("reporting",),
    ("pipeline", "verification", "exporting"),
    ("controls",),
    ("tabulating",),
    ("tables", "speed"),
    ("searching",),
    ("evaluation",),
    ("training",),
    ("data", "engine"),
    ("store",),
    ("core",),
)
HEIGHT = {room: -floor for floor, rooms in enumerate(FLOORS) for room in rooms}


def module(path: Path) -> str:
    """``evonas/data/cifar.py`` as ``data.cifar``, the package itself as ``__init__``."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if len(parts) > 1 and parts[-1] == "__init__" else parts)


MODULES = {module(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def room(name: str) -> str:
    return name.partition(".")[0]


def imported(path: Path) -> Iterator[str]:
    """The modules of the package that a file imports."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        for name in names:
            if name.partition(".")[0] == PACKAGE.name:
                yield _module_of(name)


def _module_of(name: str) -> str:
    parts = name.split(".")[1:]
    while parts and ".".join(parts) not in MODULES:
        parts.pop()
    return ".".join(parts) or "__init__"


ARROWS = {name: sorted({*imported(path)} - {name}) for name, path in MODULES.items()}


def circles(arrows: Mapping[str, list[str]]) -> list[str]:
    """What remains when files without an arrow to what remains are taken away, until none is left to take."""
    left = dict(arrows)
    while done := [name for name, targets in left.items() if not any(target in left for target in targets)]:
        for name in done:
            del left[name]
    return sorted(left)


def test_a_circle_is_found() -> None:
    assert circles({"a": ["b"], "b": ["c"], "c": []}) == []
    assert circles({"a": ["b"], "b": ["c"], "c": ["b"]}) == ["a", "b", "c"]


def test_every_file_is_in_a_room() -> None:
    assert {room(name) for name in MODULES} - HEIGHT.keys() == set()
    assert len(list(PACKAGE.glob("*.py"))) <= 7


@pytest.mark.parametrize("name", sorted({room(name) for name in MODULES}))
def test_a_room_imports_only_from_rooms_below(name: str) -> None:
    upward = [
        f"{here} imports {there}"
        for here, targets in ARROWS.items()
        for there in targets
        if room(here) == name and room(there) != name and HEIGHT[room(there)] >= HEIGHT[name]
    ]
    assert upward == []


def test_no_files_import_each_other_in_a_circle() -> None:
    assert circles(ARROWS) == []

"""What source code may not use: whatever turns data or text into running code."""

from __future__ import annotations

import ast
from collections.abc import Iterator

MODULES = {
    *("pickle", "cPickle", "_pickle", "pickletools", "dill", "cloudpickle", "joblib", "jsonpickle", "shelve"),
    *("marshal", "builtins", "runpy", "code", "codeop", "imp"),
}
NAMES = {"eval", "exec", "__import__", "os.system", "os.popen", "os.posix_spawn", "os.startfile", "pty.spawn"}
NAMES |= {"subprocess.getoutput", "subprocess.getstatusoutput", "asyncio.create_subprocess_shell"}
NAMES |= {f"yaml.{name}" for name in ("load", "load_all", "full_load", "full_load_all", "unsafe_load", "Loader")}
NAMES |= {f"yaml.{name}" for name in ("unsafe_load_all", "UnsafeLoader", "FullLoader", "CLoader", "CFullLoader")}
NAMES |= {"torch.jit.load", "torch.hub.load", "torch.package.PackageImporter", "pandas.read_pickle"}
CALLS = {"compile"}  # the name alone may be that of a setting
LOADERS = ("numpy.load", "torch.load")


def unsafe(tree: ast.AST) -> list[str]:
    """Every use in ``tree`` with its line, under whatever name it was imported."""
    return [f"line {line}: {what}" for line, what in sorted(_found(tree))]


def _found(tree: ast.AST) -> Iterator[tuple[int, str]]:
    known = dict(_imported(tree))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            for name in _modules(node):
                if name.split(".")[0] in MODULES or name in NAMES:
                    yield node.lineno, name
        elif isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Load):
            if (name := _full(node, known)) in NAMES:
                yield node.lineno, name
        elif isinstance(node, ast.Call):
            yield from ((node.lineno, what) for what in _call(node, _full(node.func, known)))


def _call(node: ast.Call, name: str) -> Iterator[str]:
    given = {keyword.arg: keyword.value for keyword in node.keywords}
    if name in CALLS:
        yield name
    if "shell" in given and not _is(given["shell"], False):
        yield f"{name} with shell"
    if "allow_pickle" in given and not _is(given["allow_pickle"], False):
        yield f"{name} with allow_pickle"
    if name == "numpy.load" and any(not _is(value, False) for value in node.args[2:3]):
        yield f"{name} with allow_pickle"
    if name == "torch.load" and not ("weights_only" in given and _is(given["weights_only"], True)):
        yield f"{name} without weights_only=True"
    if name in LOADERS and (None in given or any(isinstance(value, ast.Starred) for value in node.args)):
        yield f"{name} with arguments that cannot be read here"


def _is(node: ast.expr, value: bool) -> bool:
    return isinstance(node, ast.Constant) and node.value is value


def _modules(node: ast.Import | ast.ImportFrom) -> Iterator[str]:
    for alias in node.names:
        yield alias.name if isinstance(node, ast.Import) else f"{node.module}.{alias.name}"


def _imported(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """Names of this file and what they were imported as; the usual names of NumPy and pandas in any case."""
    yield from (("np", "numpy"), ("pd", "pandas"))
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            yield from ((alias.asname or alias.name, f"{node.module}.{alias.name}") for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from ((alias.asname, alias.name) for alias in node.names if alias.asname)


def _full(node: ast.expr, known: dict[str, str]) -> str:
    first, dot, rest = ast.unparse(node).partition(".")
    return known.get(first, first) + dot + rest

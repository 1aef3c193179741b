"""Values in a syntax tree: strings, numbers, lists, dictionaries as Python, NumPy, PyTorch and JSON print them."""

from __future__ import annotations

import ast

from spaces.errors import UsageError, shorten
from spaces.text import Source

MAX_INTEGER = 100  # bounds what range() can make and what a message has to show
MAX_KEYS = 1_000

_INTEGERS = {"int", "intp", "long", "tensor", "array"} | {
    f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)
}
_FLOATS = {"float", "tensor", "array", "float16", "float32", "float64"}
_SEQUENCES = {"list", "tuple", "array", "asarray", "tensor"}
_RANGES = {"range", "arange"}
_UNIMPORTANT = {"dtype", "device"}
ENVELOPE = (  # keys under which files and programs keep a genotype
    *("genotype", "architecture", "arch", "arch_str", "spec", "string", "best"),
    "optimized_hyperparamater_config",  # NAS-Bench-301's spelling
)


def name_of(node: ast.AST) -> str:
    """The last part of the name that is called, ``int64`` of ``np.int64(1)``; empty for anything else."""
    function = node.func if isinstance(node, ast.Call) else node
    while isinstance(function, ast.Attribute):
        if isinstance(function.value, (ast.Name, ast.Attribute)):
            return function.attr
        return ""
    return function.id if isinstance(function, ast.Name) else ""


def argument(node: ast.AST, names: set[str]) -> ast.expr | None:
    """The only argument of a call of one of ``names``."""
    if not isinstance(node, ast.Call) or name_of(node) not in names or len(node.args) != 1:
        return None
    return node.args[0] if all(keyword.arg in _UNIMPORTANT for keyword in node.keywords) else None


def items(node: ast.AST) -> list[ast.expr] | None:
    """The elements of a list or a tuple; None for anything else."""
    return node.elts if isinstance(node, (ast.List, ast.Tuple)) else None


def text(node: ast.AST) -> str | None:
    """The string that ``node`` is, ``np.str_('x')`` included."""
    node = argument(node, {"str", "str_"}) or node
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def is_float(node: ast.AST) -> bool:
    """Whether ``node`` is a floating-point number, in whatever type it is printed."""
    node = argument(node, _FLOATS) or node
    return isinstance(node, ast.Constant) and type(node.value) is float


def shown(node: ast.AST) -> str:
    """The source of ``node`` for a message; depth and digits have limits that a hostile text can pass."""
    try:
        return shorten(ast.unparse(node))
    except (RecursionError, ValueError):
        return "something too long to show"


def integer(source: Source, name: str, node: ast.expr) -> int:
    """A state, also as NumPy and PyTorch print it. Raises `UsageError` for anything else."""
    number = argument(node, _INTEGERS) or node
    if isinstance(number, ast.Constant) and type(number.value) is int and number.value <= MAX_INTEGER:
        return number.value
    raise source.error(f"{name}: a state must be a small non-negative integer, not {shown(node)}", node)


def integers(source: Source, name: str, node: ast.expr) -> list[tuple[int, ast.expr]]:
    """Integers, each with the node that it comes from. Raises `UsageError` for anything else."""
    node = argument(node, _SEQUENCES) or node
    if isinstance(node, ast.Call) and name_of(node) in _RANGES:
        bounds = [integer(source, name, bound) for bound in node.args]
        if not 1 <= len(bounds) <= 2 or node.keywords:
            raise source.error(f"{name}: only range(start, stop) is understood, such as range(2, 6)", node)
        return [(state, node) for state in range(*bounds)]
    found = items(node)
    if found is None:
        raise source.error(f"{name} must be a list of states, such as [2, 3, 4, 5], not {shown(node)}", node)
    return [(integer(source, name, item), item) for item in found]


def mapping(source: Source, node: ast.AST) -> dict[str, tuple[ast.expr, ast.expr]] | None:
    """Keys with their nodes of a dictionary in any form; None for anything else.

    Raises `UsageError` if a key is not a string or is repeated.
    """
    if isinstance(node, ast.Dict):
        pairs = list(zip(node.keys, node.values, strict=True))
    elif isinstance(node, ast.Call) and name_of(node) in ("dict", "OrderedDict"):
        inner = items(node.args[0]) if len(node.args) == 1 else []
        if len(node.args) == 1 and isinstance(node.args[0], ast.Dict):
            pairs = list(zip(node.args[0].keys, node.args[0].values, strict=True))
        elif inner is None or len(node.args) > 1 or any(len(items(pair) or ()) != 2 for pair in inner):
            raise source.error("a dictionary needs pairs of a key and a value", node)
        else:
            pairs = [(pair.elts[0], pair.elts[1]) for pair in inner]  # type: ignore[attr-defined]
        pairs += [(_key(keyword), keyword.value) for keyword in node.keywords]
    else:
        return None
    if len(pairs) > MAX_KEYS:
        raise source.error(f"a dictionary of {len(pairs)} keys; at most {MAX_KEYS} are read", node)
    found: dict[str, tuple[ast.expr, ast.expr]] = {}
    for key, value in pairs:
        name = None if key is None else text(key)
        if key is None or name is None:
            raise source.error("a key must be a string", key or value)
        if name in found:
            raise source.error(f"repeated part {shorten(name)}", key)
        found[name] = (key, value)
    return found


def _key(keyword: ast.keyword) -> ast.expr | None:
    if keyword.arg is None:
        return None
    return ast.copy_location(ast.Constant(keyword.arg), keyword)


def unwrap(source: Source, node: ast.expr, space: str) -> ast.expr:
    """What a list of one, or a dictionary that holds a genotype among other facts, holds.

    Raises `UsageError` for a list of several genotypes, and if the facts name another space.
    """
    for _ in range(MAX_KEYS):
        elements, facts = items(node), mapping(source, node)
        if elements is not None and elements and all(_is_genotype(element) for element in elements):
            if len(elements) > 1:
                raise source.error(f"{len(elements)} genotypes; give one of them", elements[1])
            node = elements[0]
            continue
        keys = [key for key in ENVELOPE if facts is not None and key in facts]
        if facts is None or not keys:
            return node
        if len(keys) > 1:
            raise source.error(f"both {keys[0]!r} and {keys[1]!r}; give one of them", facts[keys[1]][0])
        other = text(facts["space"][1]) if "space" in facts else None
        if other is not None and other != space:
            hint = f": add --space {other}" if other.isidentifier() else f", {shorten(other)}"
            raise source.error(f"a genotype of another space{hint[:60]}", facts["space"][1])
        node = facts[keys[0]][1]
    raise UsageError("a genotype in too many containers")


def _is_genotype(node: ast.AST) -> bool:
    """Whether an element of a list may be a whole genotype."""
    if isinstance(node, ast.Dict):
        return True
    if isinstance(node, ast.Call):
        return name_of(node) in ("Genotype", "RobNet", "Structure", "_Structure", "dict", "OrderedDict")
    return (text(node) or "").strip().startswith(("|", "Genotype", "RobNet", "Structure", "{"))

"""Arguments as callers hand them in, turned into plain Python values or refused with one `UsageError`.

NumPy numbers become Python's, so that they can be stored as JSON; a `Path` stands for its text, one value for a
list of one. Nothing else is converted: 3.0 is not taken for 3, nor True for 1.
"""

from __future__ import annotations

import inspect
import math
import os
from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from numbers import Integral, Real
from pathlib import Path
from typing import Any, TypeVar

from spaces.errors import UsageError, shown
from spaces.registry import closest

T = TypeVar("T")

MAX_TEXT_CHARS = 4096  # a path has no more
MAX_ITEMS = 1_000_000  # of a list; an iterator may have no end
NOT_NUMBERS = ("bool", "bool_")  # of Python and NumPy


def option(name: str) -> str:
    """``batch_size`` as ``--batch-size``, the name that commands and messages use."""
    return f"--{name.replace('_', '-')}"


def integer(value: object, name: str, low: int, high: int) -> int:
    """A Python or NumPy integer from ``low`` to ``high``."""
    if isinstance(value, Integral) and type(value).__name__ not in NOT_NUMBERS:
        number = _converted(int, value)
        if number is not None and low <= number <= high:
            return number
    raise UsageError(f"{name} must be an integer from {low} to {high}, not {shown(value)}")


def is_number(value: object) -> bool:
    """Whether ``value`` is a Python or NumPy number that may be compared, NaN among them."""
    return isinstance(value, Real) and type(value).__name__ not in NOT_NUMBERS


def number(value: object, name: str, allowed: str, accept: Callable[[float], bool]) -> float:
    """A Python or NumPy number that ``accept`` takes; an integer stays one. ``allowed`` says which they are."""
    if is_number(value):
        found = _converted(int if isinstance(value, Integral) else float, value)
        if found is not None and accept(found):
            return found
    raise UsageError(f"{name} must be {allowed}, not {shown(value)}")


def flag(value: object, name: str) -> bool:
    """True or False, of Python or NumPy."""
    if isinstance(value, bool):
        return value
    if type(value).__module__ == "numpy" and type(value).__name__ in NOT_NUMBERS:
        return bool(value)
    raise UsageError(f"{name} must be True or False, not {shown(value)}")


def text(value: object, name: str, longest: int | None = MAX_TEXT_CHARS) -> str:
    """Text, or the text of a path."""
    if not isinstance(value, str) and isinstance(value, os.PathLike):
        value = _converted(os.fspath, value)
    if not isinstance(value, str):
        raise UsageError(f"{name} must be text, not {shown(value)}")
    plain = str.__str__(value)  # of a subclass, whatever its own __str__ does
    if (longest is not None and len(plain) > longest) or "\0" in plain or not _encodes(plain):
        raise UsageError(f"{name} cannot be {shown(plain)}")
    return plain


def one_of(value: str, name: str, choices: Iterable[str]) -> str:
    """A text that is one of ``choices``; the error names the closest of them."""
    if value not in choices:
        raise UsageError(f"unknown {name} {shown(value)}: {closest(value, list(choices))}")
    return value


def path(value: object, name: str) -> Path:
    """Text or a path, as a path."""
    return Path(text(value, name))


def items(value: object, name: str) -> tuple[Any, ...]:
    """The items of a list, an array or another iterable; text, a mapping or any other value is one item."""
    named_tuple = isinstance(value, tuple) and hasattr(type(value), "_fields")  # a genotype of other code
    if named_tuple or isinstance(value, str | bytes | os.PathLike | Mapping) or not isinstance(value, Iterable):
        return (value,)
    try:
        found = tuple(islice(value, MAX_ITEMS + 1))
    except Exception:  # of an iterator of the caller's own
        raise UsageError(f"{name} cannot be read: {shown(value)}") from None
    if len(found) > MAX_ITEMS:
        raise UsageError(f"{name} has more than {MAX_ITEMS} items")
    return found


def texts(value: object, name: str) -> tuple[str, ...]:
    """One text, or several."""
    return tuple(text(item, name) for item in items(value, name))


def pair(value: object, name: str) -> tuple[str, str]:
    """Two texts."""
    found = texts(value, name)
    if len(found) != 2:
        raise UsageError(f"{name} must be two texts, not {shown(value)}")
    return found[0], found[1]


def genotype(value: object) -> str:
    """The text of a genotype: itself, or what a genotype object prints."""
    if isinstance(value, str | os.PathLike):
        return text(value, "a genotype", None)
    if value is None or isinstance(value, bytes | bytearray | type | complex) or is_number(value):
        raise UsageError(f"a genotype must be text or a genotype object, not {shown(value)}")
    written = _converted(str, value)
    if not isinstance(written, str):
        raise UsageError(f"a genotype must be text or a genotype object, not {shown(value)}")
    return text(written, "a genotype", None)


def instance(value: object, kind: type[T], name: str) -> T:
    """An object of the class ``kind``."""
    if isinstance(value, kind):
        return value
    hint = f"; call {kind.__name__}() to make one" if value is kind else ""
    raise UsageError(f"{name} must be an object of evonas.{kind.__name__}, not {shown(value)}{hint}")


def function(value: object, name: str) -> Any:
    """A function of one argument, but no class."""
    if callable(value) and not isinstance(value, type) and _takes_one(value):
        return value
    hint = f"; call {value.__name__}() to make one" if isinstance(value, type) else ""
    raise UsageError(f"{name} must be a function of one argument, not {shown(value)}{hint}")


def _takes_one(value: Callable[..., Any]) -> bool:
    try:
        inspect.signature(value).bind(None)
    except TypeError:
        return False
    except ValueError:  # a function in C that does not tell
        return True
    except Exception:  # of an object of the caller's own, which is compared while its signature is read
        return False
    return True


def mapping(value: object, name: str) -> dict[str, Any]:
    """A dict with text for keys; values of NumPy become Python's, lists become tuples."""
    if not isinstance(value, Mapping):
        raise UsageError(f"{name} must be a dict such as {{'epochs': 10}}, not {shown(value)}")
    pairs = _converted(lambda found: list(islice(found.items(), MAX_ITEMS)), value)
    if pairs is None:
        raise UsageError(f"{name} cannot be read: {shown(value)}")
    return {text(key, f"a name in {name}"): plain(item) for key, item in pairs}


def plain(value: object) -> Any:
    """A number or a text without its NumPy type, a list of them as a tuple; anything else as it is."""
    return tuple(map(_plain, value)) if type(value) in (list, tuple) else _plain(value)  # type: ignore[call-overload]


def given(options: Mapping[str, T | None]) -> dict[str, T]:
    """The options that are not None."""
    return {name: value for name, value in options.items() if value is not None}


def _plain(value: object) -> Any:
    if isinstance(value, str):
        return str.__str__(value)
    if type(value).__name__ in NOT_NUMBERS and type(value).__module__ == "numpy":
        return bool(value)
    if not is_number(value):
        return value
    found = _converted(int if isinstance(value, Integral) else float, value)
    return value if found is None else found


def _converted(convert: Callable[[Any], T], value: object) -> T | None:
    """None where ``value`` cannot be converted; its class may be the caller's own and raise anything."""
    try:
        return convert(value)
    except Exception:
        return None


def _encodes(text: str) -> bool:
    """Whether a file name may hold ``text``: no half of a surrogate pair but those that stand for bytes."""
    try:
        text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return False
    return True


def finite(value: float) -> bool:
    """Neither NaN nor infinite, and small enough to be a float."""
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer beyond all floats
        return False

"""A genotype somewhere in a text: pasted from a log, a Python file, JSON or a shell. Nothing is ever run.

`Source` finds the one value in the text and reads it with `ast`; its errors point at the place.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Callable
from typing import TypeVar

from spaces.errors import UsageError, shorten

T = TypeVar("T")

MAX_TEXT_CHARS = 100_000  # characters; a genotype.json with the names of 1,000 classes has 30,000
MAX_DEPTH = 20  # brackets within brackets
MAX_AROUND_CHARS = 2_000  # characters before or after the genotype
MAX_QUOTED = 3  # strings within strings
BEFORE, MARKED, AFTER = 20, 32, 12  # characters of an excerpt

_SPACES = dict.fromkeys((0xA0, 0x1680, *range(0x2000, 0x200B), 0x202F, 0x205F, 0x3000, 0x2028, 0x2029), " ")
_INVISIBLE = dict.fromkeys((0xAD, 0x200B, 0x200C, 0x200D, 0x200E, 0x200F, 0x2060, 0xFEFF), None)
_SINGLE, _DOUBLE = (0xB4, *range(0x2018, 0x201C), 0x2032), (*range(0x201C, 0x2020), 0x2033)
_QUOTES = dict.fromkeys(_SINGLE, "'") | dict.fromkeys(_DOUBLE, '"')

_HEAD = (
    r"(?<![\w.])(?:\w{1,60}\.){0,4}(?:\w{0,30}[Gg]enotype\w{0,30}|\w{0,30}RobNet\w{0,30}|\w{0,30}Structure"
    r"|OrderedDict|dict)[ ]?\("
)
_OPENING = rf"(?<![\w\])])[\[({{](?=\s{{0,200}}(?:['\"\[({{|]|{_HEAD}))"
_STRING = rf"(?<!\w)(?:'''|\"\"\"|['\"])(?=\s{{0,200}}(?:['\"\[({{|]|[01]{{2}}\||{_HEAD}))"
_CELL = r"\|(?=\s{0,20}\w{0,60}\s{0,20}~)"
_START = re.compile("|".join((_HEAD, _OPENING, _STRING, _CELL)))
_ARCHITECTURE = re.compile(
    r"\b(?:Genotype|RobNet|Structure)\s{0,20}\(|\|\s{0,20}\w{1,60}\s{0,20}~|\bnormal_concat\b"
)
_TOKEN = re.compile(
    r"(?P<string>'''(?:[^\\]|\\.)*?'''|\"\"\"(?:[^\\]|\\.)*?\"\"\"|'(?:[^'\\\n]|\\.)*'|\"(?:[^\"\\\n]|\\.)*\")"
    r"|(?P<comment>#[^\n]*)|(?P<bracket>[\[\](){}])|(?P<quote>['\"])",
    re.DOTALL,
)
_CLOSES = {")": "(", "]": "[", "}": "{"}
# what a log has around a genotype: words, numbers and brackets, but no code
_AROUND = re.compile(r"(?:[^'\"{};~?!&^\\|\x00-\x08\x0e-\x1f\x7f\ud800-\udfff]|(?<!\S)\|(?!\S))*")
_OPERATORS = "+*/@%=-([<>"
_CODE = re.compile(r"\b(?:not|or|if|else|lambda)\b")


def clean(text: str) -> str:
    """``text`` with plain spaces and line ends, without characters that cannot be seen."""
    return text.translate(_SPACES | _INVISIBLE).replace("\r\n", "\n").replace("\r", "\n")


def read(text: str, kind: str, example: str, reader: Callable[[Source], T]) -> T:
    """What ``reader`` makes of ``text``, at the second attempt with plain quotes in place of a word processor's.

    ``kind`` and ``example`` are for messages. Raises `UsageError`.
    """
    source = Source(text, kind, example)
    straight = source.text.translate(_QUOTES)
    try:
        return reader(source)
    except UsageError:
        if straight == source.text:
            raise
    return reader(Source(straight, kind, example))


class Source:
    """The text of a genotype. ``kind`` and ``example`` are for messages.

    Raises `UsageError` for a text that is too long.
    """

    def __init__(self, text: str, kind: str, example: str, depth: int = 0) -> None:
        if len(text) > MAX_TEXT_CHARS:
            raise UsageError(
                f"the text of a genotype has {len(text)} characters; at most {MAX_TEXT_CHARS} are read"
            )
        if depth > MAX_QUOTED:
            raise UsageError(f"not {kind}: more than {MAX_QUOTED} strings within strings; expected {example}")
        self.kind, self.example, self.depth = kind, example, depth
        self.text = clean(text)
        self.start, self.end = 0, len(self.text)

    @property
    def value(self) -> str:
        """The part of the text that `locate` found."""
        return self.text[self.start : self.end]

    def inner(self, text: str) -> Source:
        """The source of a string that stands in this one."""
        return Source(text, self.kind, self.example, self.depth + 1)

    def locate(self) -> None:
        """Find the one value in the text: a call, a container, a string or ``|op~0|…``.

        Raises `UsageError` for no value, a value without an end, and anything else than a log around it.
        """
        match = _START.search(self.text)
        if match is None:
            raise self.error("")
        self.start, quote = match.start(), ""
        token = _TOKEN.match(self.text, self.start)
        if token is not None and token["quote"]:  # a string of a shell may go over lines
            quote, match = token["quote"], _START.match(self.text, self.start + 1)
            if match is None:
                raise self.error("this string has no end", self.start)
            self.start = match.start()
        if self.text[self.start] == "|":
            cell = re.compile(r"[\w|~+\s]*").match(self.text, self.start)
            assert cell is not None
            self.end = self.start + cell[0].rindex("|") + 1
        else:
            self.end = self._extent()
        self._check_around(quote)

    def _extent(self) -> int:
        """Where the brackets or the quotes at ``start`` end."""
        stack: list[tuple[str, int]] = []
        for token in _TOKEN.finditer(self.text, self.start):
            character, at = token[0], token.start()
            if token["quote"]:
                raise self.error("this string has no end", at)
            if token["string"] and not stack:
                return token.end()
            if not token["bracket"]:
                continue
            if character not in _CLOSES:
                stack.append((character, at))
                if len(stack) > MAX_DEPTH:
                    raise self.error(f"more than {MAX_DEPTH} brackets within brackets", at)
            elif not stack or stack.pop()[0] != _CLOSES[character]:
                raise self.error(f"{character!r} closes no bracket that is open", at)
            elif not stack:
                return token.end()
        raise self.error(f"{stack[-1][0]!r} is never closed", stack[-1][1])

    def _check_around(self, quote: str) -> None:
        """Raise if code or a second architecture stands around the value; ``quote`` may stand on both sides."""
        before, after = self.text[: self.start - len(quote)], self.text[self.end :]
        if quote and not after.lstrip().startswith(quote):
            raise self.error("this string has no end", self.start - 1)
        after = after.replace(quote, " ", 1) if quote else after
        for part, offset in ((before, 0), (after, self.end)):
            other = _ARCHITECTURE.search(part)
            if other is not None:
                raise self.error("the text holds two architectures; give one of them", offset + other.start())
        too_long = len(before) > MAX_AROUND_CHARS
        before = "" if too_long else re.sub(r"(?m)^[ \t]*#.*\n", "", before)
        if too_long or not _is_log(before):
            raise self.error("only a date, a level or a name may stand in front of it", 0, self.start)
        after = re.sub(r"#.*", "", after)
        words = after.strip(" \t\n,;.`")
        if words and (after[0] not in " \t\n,;`" or words[0] in _OPERATORS or not _is_log(after.strip("`;\n"))):
            at = self.end + self.text[self.end :].index(words[0])
            raise self.error("text that does not belong to it stands after the genotype", at, len(words))

    def tree(self) -> ast.expr:
        """The value as a syntax tree. Raises `UsageError` where it is not Python, JSON included."""
        try:
            with warnings.catch_warnings(action="ignore"):  # of escapes, which would go to the terminal
                return ast.parse(self.value, mode="eval").body
        except SyntaxError as error:
            reason = "a number of too many digits" if error.msg.startswith("Exceeds") else error.msg
            found = reason, self.offset(error.lineno or 1, max((error.offset or 1) - 1, 0))
        except (RecursionError, MemoryError):
            found = "more nested than can be read", self.start
        except ValueError:
            found = "it holds a character that no genotype has", self.start
        raise self.error(*found)

    def offset(self, line: int, column: int) -> int:
        """Where ``line`` (from 1) and ``column`` (from 0) of the value lie in the text."""
        lines = self.value.split("\n")
        return self.start + sum(len(text) + 1 for text in lines[: line - 1]) + column

    def error(self, reason: str, at: ast.AST | int | None = None, length: int = 1) -> UsageError:
        """``reason`` as an error that points at a place; an empty one says that the text is not a genotype."""
        if not reason:
            return UsageError(f"not {self.kind}: {shorten(self.text.strip())}; expected {self.example}")
        if at is None:
            return UsageError(reason)
        if isinstance(at, ast.AST):
            at, length = self._extent_of(at)
        return UsageError(f"{reason} ({self._place(at, length)})")

    def _extent_of(self, node: ast.AST) -> tuple[int, int]:
        lines = self.value.split("\n")
        ends = []
        for line, column in ((node.lineno, node.col_offset), (node.end_lineno, node.end_col_offset)):  # type: ignore[attr-defined]
            text = lines[line - 1]
            characters = column if text.isascii() else len(text.encode()[:column].decode(errors="ignore"))
            ends.append(self.offset(line, characters))
        return ends[0], max(1, ends[1] - ends[0])

    def _place(self, at: int, length: int) -> str:
        line, column = self.text.count("\n", 0, at) + 1, at - self.text.rfind("\n", 0, at)
        before, marked = self.text[max(0, at - BEFORE) : at], self.text[at : at + min(length, MARKED)]
        more = "…" if length > MARKED else ""
        after = "" if more else self.text[at + length : at + length + AFTER]
        excerpt = f"{before} >>> {marked}{more} <<< {after}"
        shown = "".join(c if c.isprintable() else " " for c in excerpt)
        return f"line {line}, column {column}: {' '.join(shown.split())}"


def _is_log(text: str) -> bool:
    """Whether ``text`` is what a log has around a value: words, dates, numbers, brackets that are closed."""
    if len(text) > MAX_AROUND_CHARS or not _AROUND.fullmatch(text) or _CODE.search(text):
        return False
    stack: list[str] = []
    for character in text:
        if character in "([":
            stack.append(character)
        elif character in ")]" and (not stack or stack.pop() != _CLOSES[character]):
            return False
    return not stack

"""The README, the documentation, help, messages, docstrings and comments are in plain English.

`tests/banned_phrases.txt` lists wordings to avoid beside the wordings to use.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from evonas.cli.app import app

ROOT = Path(__file__).parents[1]
LINES = (ROOT / "tests" / "banned_phrases.txt").read_text(encoding="utf-8").splitlines()
RULES = [tuple(line.split(" => ")) for line in LINES if line and not line.startswith("#")]
BANNED = [(re.compile(pattern, re.IGNORECASE), better) for pattern, better in RULES]
STORED = (  # texts in evaluation.json, which verify compares with those of existing runs
    "random noise is no attack",
    "rows are no probabilities",
    "{} of {} withstand {}/255",
)
PROSE = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
SOURCES = sorted(path for package in ("evonas", "fitness", "spaces") for path in (ROOT / package).rglob("*.py"))


def texts(source: str) -> Iterator[tuple[int, str]]:
    """Line and text of every string, with its parts joined, and of every block of comments of a module."""
    inner: set[int] = set()
    for node in ast.walk(ast.parse(source)):  # breadth first: an f-string comes before its parts
        if isinstance(node, ast.JoinedStr):
            inner.update(id(part) for part in node.values)
            yield (
                node.lineno,
                "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values),
            )
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inner:
            yield node.lineno, node.value
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    comments = [(token.start[0], token.string.lstrip("# ")) for token in tokens if token.type == tokenize.COMMENT]
    for _, block in groupby(enumerate(comments), key=lambda entry: entry[1][0] - entry[0]):
        lines = [comment for _, comment in block]
        yield lines[0][0], " ".join(text for _, text in lines)


def banned(text: str) -> list[str]:
    """What is wrong with ``text``, each with the wording to use."""
    flat = " ".join(text.split())
    if flat in STORED:
        return []
    return [
        f"{found[0]!r} in {flat[:200]!r}: write {better}" for p, better in BANNED for found in p.finditer(flat)
    ]


@pytest.mark.parametrize("path", PROSE, ids=lambda path: path.name)
def test_readme_and_documentation_use_no_banned_phrase(path: Path) -> None:
    paragraphs = path.read_text(encoding="utf-8").split("\n\n")
    assert not [complaint for paragraph in paragraphs for complaint in banned(paragraph)]


@pytest.mark.parametrize("package", ["evonas", "fitness", "spaces"])
def test_strings_docstrings_and_comments_use_no_banned_phrase(package: str) -> None:
    files = [path for path in SOURCES if path.relative_to(ROOT).parts[0] == package]
    assert len(files) > 20
    assert not [
        f"{path.relative_to(ROOT)}:{line}: {complaint}"
        for path in files
        for line, text in texts(path.read_text(encoding="utf-8"))
        for complaint in banned(text)
    ]


def test_help_of_every_command_uses_no_banned_phrase() -> None:
    commands = get_command(app).commands  # type: ignore[attr-defined]
    assert len(commands) >= 14
    for words in ([], *([name] for name in commands)):
        shown = CliRunner().invoke(app, [*words, "--help"], env={"COLUMNS": "200"})
        assert shown.exit_code == 0 and "Usage" in shown.output
        text = re.sub(r"[^\w\s.,:;'()/$=+*-]", " ", shown.output)  # without the frames of the panels
        assert not banned(text), words


def test_a_banned_phrase_is_found_wherever_it_stands() -> None:
    source = (
        '"""Shall be."""\n# done\n# again\n'
        'x = f"{y} goes " f"on"  # for want of z\nz = "computed " "again"\ndef f():\n    """To whoever."""\n'
    )
    found = [complaint for _, text in texts(source) for complaint in banned(text)]
    assert len(found) == 6 and not banned("longer than there is no room for")
    assert not [better for _, better in RULES if better and banned(better)]

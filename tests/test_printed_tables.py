"""Printed correlations are those of the proxies as they are: every table has the versions it was measured with."""

from __future__ import annotations

import re
from pathlib import Path

from fitness import composite, proxies

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
TABLE = re.compile(r"((?:^\|.*\n)+)\n?(?:<!-- versions: (.+) -->)?", re.MULTILINE)
ROW = re.compile(r"^\| `([^`]+)`(\*?) \|.*[ -]\.\d\d", re.MULTILINE)  # a proxy and a correlation
CURRENT = {name: proxies[name].version for name in proxies}


def outdated(page: str, versions: dict[str, int]) -> list[str]:
    """The rows of ``page`` that were measured with other ``versions`` and do not say so by an asterisk."""
    wrong = []
    for table, comment in TABLE.findall(page):
        measured = {
            name: int(version) for name, version in (part.split() for part in filter(None, comment.split(", ")))
        }
        rows = [(row, mark) for row, mark in ROW.findall(table) if set(composite.names(row)) <= versions.keys()]
        assert measured.keys() == {name for row, _ in rows for name in composite.names(row)}, comment
        for row, mark in rows:
            old = any(measured[name] != versions[name] for name in composite.names(row))
            if old != bool(mark):
                wrong.append(row)
    return wrong


def test_printed_correlations_were_measured_with_the_versions_of_today() -> None:
    assert {
        path.name: rows for path in PAGES if (rows := outdated(path.read_text(encoding="utf-8"), CURRENT))
    } == {}


def test_a_raised_version_is_found_in_every_table_that_prints_it() -> None:
    page = (ROOT / "docs" / "score.md").read_text(encoding="utf-8")
    raised = {**CURRENT, "bn-slope": CURRENT["bn-slope"] + 1}
    assert outdated(page, raised).count("bn-slope") == 3
    assert outdated(page, raised).count("croze-size+bn-slope") == 3

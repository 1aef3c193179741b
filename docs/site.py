"""Hooks of MkDocs: the README, the reference of the Python API and the reports of the gallery are pages too.

Links between them and the pages stay within the site. Reports are made while the site is built, by the commands of
the gallery, in the directory `EVONAS_GALLERY` (by default a temporary one); those that are there are used.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
TOUR, REFERENCE, GALLERY = "tour.md", "reference.md", "gallery.md"
KINDS = (("Functions", "function"), ("Settings", "settings"), ("Observers, engines and errors", "class"))
COMMANDS = re.compile(r"(?:^    evonas .+\n)+", re.MULTILINE)
REPORT = re.compile(r"^    evonas report runs/([\w-]+)$", re.MULTILINE)


def of_site(text: str, name: str) -> str:
    """The text of a page with links as the site has them; ``name`` is that of its file."""
    if name == TOUR:
        return re.sub(r"\]\(docs/", "](", text)
    if name == GALLERY:
        return COMMANDS.sub(lambda block: block[0] + _links(block[0]), text)
    return text.replace("](../README.md", f"]({TOUR}")


def _links(commands: str) -> str:
    return "".join(f"\n[Open the report](gallery/{name}.html)\n" for name in REPORT.findall(commands))


def reference() -> str:
    """A page with every public name; mkdocstrings puts its signature and docstring there."""
    import evonas

    lines = [
        "# Reference",
        "Every name in `evonas.__all__`, from its docstring. The [page about the API](api.md) has examples.",
    ]
    for title, kind in KINDS:
        names = [name for name in evonas.__all__ if _kind(getattr(evonas, name)) == kind]
        lines += [f"## {title}", *(f"::: evonas.{name}" for name in names)]
    return "\n\n".join(lines) + "\n"


def _kind(value: Any) -> str:
    if not isinstance(value, type):
        return "function"
    return "settings" if value.__name__.endswith(("Settings", "Plan")) else "class"


def reports() -> Iterator[tuple[str, Path]]:
    """Each report of the gallery by its name; those that are missing are made."""
    place = Path(os.environ.get("EVONAS_GALLERY") or mkdtemp(prefix="evonas-gallery-")).resolve()
    for block in COMMANDS.findall((ROOT / "docs" / GALLERY).read_text(encoding="utf-8")):
        for name in REPORT.findall(block):
            made = place / "runs" / name / "report.html"
            if not made.exists():
                for command in block.strip().splitlines():
                    words = [sys.executable, "-m", *shlex.split(command)]
                    subprocess.run(words, cwd=place, check=True, capture_output=True)
            yield name, made


def on_files(files: Any, config: Any) -> Any:
    """Adds the README, the reference and the reports."""
    from mkdocs.structure.files import File

    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    files.append(File.generated(config, TOUR, content=of_site(readme, TOUR)))
    files.append(File.generated(config, REFERENCE, content=reference()))
    for name, path in reports():
        files.append(File.generated(config, f"gallery/{name}.html", abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, page: Any, **options: Any) -> str:
    """The text of the page as the site has it."""
    return of_site(markdown, page.file.src_uri)

"""Hooks of MkDocs: the README is a page of the site, and links between it and the pages stay within the site."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
TOUR = "tour.md"


def of_site(text: str, name: str) -> str:
    """The text of a page with links as the site has them; ``name`` is that of its file."""
    if name == TOUR:
        return re.sub(r"\]\(docs/", "](", text)
    return text.replace("](../README.md", f"]({TOUR}")


def on_files(files: Any, config: Any) -> Any:
    """Adds the README."""
    from mkdocs.structure.files import File

    content = (ROOT / "README.md").read_text(encoding="utf-8")
    files.append(File.generated(config, TOUR, content=of_site(content, TOUR)))
    return files


def on_page_markdown(markdown: str, page: Any, **options: Any) -> str:
    """Links to the README become links to its page."""
    return of_site(markdown, page.file.src_uri)

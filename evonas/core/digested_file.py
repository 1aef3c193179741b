"""A JSON file with the digest of its content, so that a change is seen."""

from __future__ import annotations

import json
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Self

from evonas.core.atomic_files import replace_text
from evonas.core.digests import digest
from evonas.core.strict_json import parse_json
from spaces.errors import UsageError

FORMAT = 1


class DigestedFile:
    """What a command writes to such a file, and another one reads."""

    kind: ClassVar[str]  # for messages
    command: ClassVar[str]  # that writes it
    repair: ClassVar[str]  # what to do if it was changed

    def content(self) -> dict[str, Any]:
        """Everything in the file but format and digest, as JSON."""
        raise NotImplementedError

    @classmethod
    def of_content(cls, content: Any) -> Self:
        """The inverse of `content`. Raises an error of Python for a content that the command does not write."""
        raise NotImplementedError

    def as_dict(self) -> dict[str, Any]:
        """As JSON; ``sha256`` is that of the rest."""
        content = {"format": FORMAT, **self.content()}
        return {**content, "sha256": digest(content)}

    @cached_property
    def sha256(self) -> str:
        """The digest of everything else in the file."""
        return str(self.as_dict()["sha256"])

    def write(self, path: Path) -> None:
        """Replace ``path`` in one step."""
        replace_text(path, json.dumps(self.as_dict(), indent=2, allow_nan=False) + "\n")

    @classmethod
    def read(cls, path: Path, advice: str = "") -> Self:
        """Raises `UsageError` for a file that is missing, damaged or of another kind."""
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            what = "does not exist" if isinstance(error, FileNotFoundError) else f"cannot be read: {error}"
            raise UsageError(f"the {cls.kind} {str(path)!r} {what}{advice and f'; {advice}'}") from None
        try:
            content = parse_json(text)
            if content["format"] != FORMAT:
                raise UsageError(f"{path} has format {content['format']!r}; this version reads format {FORMAT}")
            found = cls.of_content(content)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise UsageError(f"{path} is not a {cls.kind} that {cls.command} wrote: {error!r}") from None
        if found.sha256 != content.get("sha256"):
            raise UsageError(f"{path} has changed since it was written: its digest does not match; {cls.repair}")
        return found

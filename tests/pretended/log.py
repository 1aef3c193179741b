"""What happened on the pretended device, by its place in the source."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[2]
OURS = tuple(f"{ROOT / name}/" for name in ("evonas", "fitness", "spaces"))
HERE = f"{Path(__file__).parent}/"


class Log:
    """Counters by place: ``waits`` of the host, blocking ``uploads``, and the number of ``calls``.

    A real GPU counts nothing.
    """

    def __init__(self, pretended: bool = True) -> None:
        self.pretended = pretended
        self.waits: Counter[str] = Counter()
        self.uploads: Counter[str] = Counter()
        self.calls = 0

    def clear(self) -> None:
        """Forget everything."""
        self.waits.clear()
        self.uploads.clear()
        self.calls = 0


def place() -> str:
    """The innermost line of the project's code, or of a test, on the stack: ``fitness/zico.py:33 zico``."""
    frame, test = sys._getframe(1), ""
    while frame is not None:
        file = frame.f_code.co_filename
        if file.startswith(OURS):
            return f"{file.removeprefix(f'{ROOT}/')}:{frame.f_lineno} {frame.f_code.co_name}"
        if not test and file.startswith(f"{ROOT}/") and not (file.startswith(HERE) and "test_" not in file):
            test = f"{file.removeprefix(f'{ROOT}/')}:{frame.f_lineno} {frame.f_code.co_name}"
        frame = frame.f_back  # type: ignore[assignment]
    return test or "elsewhere"

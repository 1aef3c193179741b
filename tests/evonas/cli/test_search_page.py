"""Every command of docs/search.md runs as it is written, in the order of the page."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

from tests import forks

PAGE = (Path(__file__).parents[3] / "docs" / "search.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^    evonas (.*)$", PAGE, re.MULTILINE)


def test_the_commands_of_the_page_run(tmp_path: Path) -> None:
    assert len(COMMANDS) >= 3
    for command in COMMANDS:
        done = forks.run(*shlex.split(command), cwd=tmp_path)
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        if command.startswith("show"):
            shown = json.loads(done.stdout)
            assert len(shown["front"]) > 1 and shown["evaluations"] == 60
    assert (tmp_path / "runs/front/front.svg").exists()

"""Makes docs/search.svg: the live view at the end of a real search.

python docs/picture.py
"""

from __future__ import annotations

import io
import tempfile
from contextlib import chdir
from pathlib import Path

from rich.console import Console

import evonas
from evonas.core.events import Listener, Observers
from evonas.reporting.live import LiveView
from evonas.searching.events import Evaluated

WIDTH, HEIGHT = 100, 26
MOMENT = 0.8  # of all births


class Snapshot(Listener):
    """Keeps the live view as it looks when most births are scored."""

    def __init__(self, view: LiveView) -> None:
        self.view = view
        self.svg: str | None = None

    def evaluated(self, event: Evaluated) -> None:
        progress = event.progress
        if self.svg is None and progress.births >= MOMENT * progress.total_births:
            console = Console(record=True, width=WIDTH, height=HEIGHT, file=io.StringIO(), force_terminal=True)
            console.print(self.view.render(screen=0))
            self.svg = console.export_svg(title="evonas search")


def main() -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    view = LiveView(Console(file=stream, width=WIDTH, height=HEIGHT, force_terminal=True))
    snapshot = Snapshot(view)
    with tempfile.TemporaryDirectory() as directory, chdir(directory):
        evonas.search(evonas.SearchSettings.from_options("quick"), "runs/tour", Observers(view, snapshot))
    assert snapshot.svg is not None
    Path(__file__).with_name("search.svg").write_text(snapshot.svg, encoding="utf-8")


if __name__ == "__main__":
    main()

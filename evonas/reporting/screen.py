"""A full-screen view during a run."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Hashable, Sequence

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.segment import Segment, Segments
from rich.text import Text

from evonas.core.events import Closed, Event, Listener, Message, Observers, Warned

REFRESH_PER_SECOND = 4
SECONDS_OF_A_NOTE = 30
PLAIN_LOCALES = ("C", "POSIX")


class View(Listener):
    """An observer that draws on a terminal."""

    @property
    def is_open(self) -> bool:
        """Whether it is drawing now; only then messages are shown."""
        raise NotImplementedError


class ScreenView(View):
    """Draws `render` on the alternate screen of the terminal, so that resizing leaves no artefacts.

    Afterwards the previous content is restored, followed by all messages.
    """

    def __init__(self, console: Console) -> None:
        self.console = console
        self._live: Live | None = None
        self._notes: list[str] = []
        self._noted = 0.0
        self._kept: tuple[Hashable, Segments] | None = None

    def render(self) -> RenderableType:
        """The whole view, fitted to the size of the terminal."""
        raise NotImplementedError

    def open(self) -> None:
        """Enter the alternate screen."""
        self._live = Live(
            console=self.console,
            get_renderable=self.render,
            refresh_per_second=REFRESH_PER_SECOND,
            screen=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._live.start()

    @property
    def is_open(self) -> bool:
        return self._live is not None

    def message(self, event: Message) -> None:
        if self._live is not None:
            self._notes.append(event.text)
            self._noted = time.monotonic()

    def closed(self, event: Closed) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None
            for note in self._notes:
                self.console.print(note, soft_wrap=True, markup=False, style="dim")
            self._notes.clear()

    def note(self) -> list[Text]:
        """The latest message, shown for a while."""
        if time.monotonic() - self._noted > SECONDS_OF_A_NOTE:
            return []
        return [Text(note, style="yellow", no_wrap=True, overflow="ellipsis") for note in self._notes[-1:]]

    def kept(self, key: Hashable, make: Callable[[], Sequence[RenderableType]]) -> RenderableType:
        """The result of ``make``, cached by ``key``: drawing a large table takes a tenth of a second."""
        if self._kept is None or self._kept[0] != key:
            lines = self.console.render_lines(Group(*make()), pad=False)
            self._kept = key, Segments([segment for line in lines for segment in (*line, Segment.line())][:-1])
        return self._kept[1]

    def lines(self, *parts: RenderableType) -> int:
        """The height of ``parts`` in lines."""
        return len(self.console.render_lines(Group(*parts), pad=False))


class Screens(Observers):
    """Views that take turns on one terminal; a message is shown by the one that is open, else printed at once."""

    def __init__(self, console: Console, *views: View) -> None:
        super().__init__(*views)
        self.console, self.views = console, views

    @property
    def is_open(self) -> bool:
        """Whether one of the views is drawing now."""
        return any(view.is_open for view in self.views)

    def __call__(self, event: Event) -> None:
        if isinstance(event, Message | Warned) and not self.is_open:
            kind, style = ("warning: ", "yellow") if isinstance(event, Warned) else ("", "dim")
            self.console.print(f"{kind}{event.text}", soft_wrap=True, markup=False, style=style)
        super().__call__(event)


def plain_locale() -> bool:
    """Whether the locale of the user is ASCII only. Python writes UTF-8 nevertheless."""
    if os.environ.get("PYTHONIOENCODING") or os.environ.get("PYTHONUTF8") == "1":
        return False
    chosen = os.environ.get("LC_ALL") or os.environ.get("LANG") or ""  # LC_CTYPE is what Python sets by itself
    return chosen in PLAIN_LOCALES


def speak_ascii() -> None:
    """Switch standard output to ASCII if the locale is ASCII, so that drawings use ASCII."""
    if plain_locale() and hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(encoding="ascii", errors="backslashreplace")

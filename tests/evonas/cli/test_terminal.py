"""The command line in a terminal: what it leaves behind, and what it shows where little is possible."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest

from tests import forks

SEARCH = ["search", "--proxy", "params", "--population", "6", "--no-final", "--run", "r"]
HIDE, SHOW, ENTER, LEAVE = b"\x1b[?25l", b"\x1b[?25h", b"\x1b[?1049h", b"\x1b[?1049l"


def in_terminal(
    *arguments: str, cwd: Path, interrupt: bytes | None = None, **environment: str
) -> tuple[int, bytes]:
    """Run the command line in a terminal of 80x24; with ``interrupt`` press Ctrl-C once that was written."""
    parent, child = pty.openpty()
    fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    clean = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "LC_ALL", "COLUMNS")}
    whole = {**clean, "TERM": "xterm-256color", "LANG": "C.UTF-8", **environment}
    process: forks.Command | subprocess.Popen[bytes]
    if "LANG" in environment:  # which Python reads when it starts
        process = subprocess.Popen(
            [sys.executable, "-m", "evonas", *arguments],
            cwd=cwd,
            stdin=child,
            stdout=child,
            stderr=child,
            env=whole,
            start_new_session=True,
        )
    else:
        process = forks.start_in_terminal(*arguments, cwd=cwd, terminal=child, environment=whole)
    os.close(child)
    written, deadline = b"", time.monotonic() + 120
    while time.monotonic() < deadline:
        if not select.select([parent], [], [], 0.5)[0]:
            continue
        try:
            found = os.read(parent, 65536)
        except OSError:  # the other end is closed
            break
        written += found
        if interrupt is not None and interrupt in written:
            process.send_signal(signal.SIGINT)
            interrupt = None
    os.close(parent)
    return process.wait(), written


@pytest.mark.parametrize("moment", [b"seed 0", b"mean of the population"], ids=["at the first frame", "later"])
def test_ctrl_c_leaves_the_terminal_as_it_was(moment: bytes, tmp_path: Path) -> None:
    code, written = in_terminal(*SEARCH, "--generations", "1000000", cwd=tmp_path, interrupt=moment)
    assert code == 130
    for on, off in ((HIDE, SHOW), (ENTER, LEAVE)):
        assert written.count(on) == written.count(off) == 1 and written.rindex(off) > written.rindex(on)
    after = written[written.rindex(LEAVE) :].decode()
    assert "evonas resume" in after and "Traceback" not in after


@pytest.mark.parametrize(
    "environment", [{"TERM": "dumb"}, {"NO_COLOR": "1"}, {"LANG": "C"}], ids=["dumb", "no colour", "C"]
)
def test_a_terminal_gets_what_it_can_show(environment: dict[str, str], tmp_path: Path) -> None:
    code, written = in_terminal(*SEARCH, "--generations", "2", cwd=tmp_path, **environment)
    assert code == 0, written.decode()
    colours = re.findall(rb"\x1b\[(?:[\d;]*;)?[349][0-7][;m]", written)
    if "TERM" in environment:
        assert b"\x1b" not in written and b"generation 2: best" in written
    elif "NO_COLOR" in environment:
        assert not colours and ENTER in written
    else:
        assert colours and written.isascii() and ENTER in written

"""The command line: a command parses, calls one library function, and renders what it returns."""

from __future__ import annotations

import os
import signal
import sys
from io import TextIOWrapper
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from evonas.cli.bench import bench
from evonas.cli.benchmark import benchmark
from evonas.cli.calibrate import calibrate
from evonas.cli.compare import compare
from evonas.cli.correlate import correlate
from evonas.cli.evaluate import evaluate
from evonas.cli.export import export
from evonas.cli.latency_model import latency_model
from evonas.cli.list import list_
from evonas.cli.plot import plot
from evonas.cli.report import report
from evonas.cli.score import score
from evonas.cli.search import resume, search
from evonas.cli.show import show
from evonas.cli.tabulate import tabulate
from evonas.cli.train import train
from evonas.cli.verify import verify
from evonas.core.atomic_files import FULL
from evonas.core.notices import heard_by
from evonas.core.signals import Interrupted, heeded
from evonas.core.streams import tolerant_output
from evonas.core.version import __version__
from spaces.errors import EvonasError


class Commands(TyperGroup):
    """All commands. An interrupted command prints a message, where typer would exit silently."""

    def invoke(self, ctx: Any) -> Any:
        try:
            with heard_by(_announce):
                return super().invoke(ctx)
        except KeyboardInterrupt:  # where work is saved, `evonas.core.signals.resumable` answers
            raise Interrupted("interrupted") from None


def _announce(text: str) -> None:
    """A notice of the library on standard error, so that standard output is for the result alone."""
    _output().announce(text)


app = typer.Typer(
    name="evonas",
    cls=Commands,
    help="Robust neural architecture search for small image classifiers.",
    no_args_is_help=True,
    add_completion=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)

SEARCH, FINAL, INSPECT, SCORE, REFERENCE = "Search", "Train and evaluate", "Inspect", "Score", "Reference"


def _version(asked: bool) -> None:
    if asked:
        sys.stdout.write(f"evonas {__version__}\n")
        raise typer.Exit


@app.callback()
def common(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """Options of every command."""


app.command(rich_help_panel=SEARCH)(search)
app.command(rich_help_panel=SEARCH)(resume)
app.command(rich_help_panel=FINAL)(train)
app.command(rich_help_panel=FINAL)(evaluate)
app.command(rich_help_panel=FINAL)(compare)
app.command(rich_help_panel=FINAL)(verify)
app.command(rich_help_panel=FINAL)(export)
app.command(rich_help_panel=INSPECT)(report)
app.command(rich_help_panel=INSPECT)(plot)


app.command(rich_help_panel=SCORE)(score)
app.command(rich_help_panel=SCORE)(tabulate)
app.command(rich_help_panel=SCORE)(correlate)
app.command(rich_help_panel=SCORE)(calibrate)
app.command(rich_help_panel=SCORE)(benchmark)
app.command(name="latency-model", rich_help_panel=SCORE)(latency_model)
app.command(rich_help_panel=REFERENCE)(bench)
app.command(name="list", rich_help_panel=REFERENCE)(list_)

app.command(rich_help_panel=INSPECT)(show)


def _output() -> Any:
    from evonas.reporting import output  # rich is loaded only when something is drawn

    return output


def main() -> None:
    """Run the command line and exit with 0 done, 1 failed, 2 wrong usage, 130 interrupted."""
    for number in heeded():  # schedulers send SIGTERM, a terminal that closes SIGHUP
        signal.signal(number, signal.default_int_handler)
    # Let idle OpenMP threads sleep instead of spin: on a busy machine, spinning makes training ten times slower
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            # a file name may contain characters that the terminal cannot show
            stream.reconfigure(errors="backslashreplace")
    with tolerant_output() as output:
        try:
            _run()
        finally:
            output.flush()
            if output.lost is not None:
                _fail(f"cannot write to standard output: {output.lost.strerror}; finished work is saved", 1)


def _run() -> None:
    try:
        app()
    except EvonasError as error:
        if "--debug" in sys.argv:
            raise
        _fail(str(error), error.exit_code)
    except KeyboardInterrupt:  # before or after the command itself
        _fail("interrupted", 130)
    except Exception as error:  # a traceback would not tell the user what to do
        if "--debug" in sys.argv:
            raise
        _fail(f"{_unforeseen(error)}. For the traceback: evonas --debug {' '.join(sys.argv[1:2])} ...", 1)


def _unforeseen(error: Exception) -> str:
    text = " ".join(str(error).split())
    if isinstance(error, MemoryError):
        return "out of memory" + (f" ({text})" if text else "")
    if isinstance(error, OSError) and error.errno in FULL:
        return f"cannot write: {error.strerror}; finished work is saved. Free disk space and continue"
    if isinstance(error, OSError):
        return text
    return f"internal error in evonas (please report): {type(error).__name__}: {text}"


def _fail(text: str, code: int) -> None:
    from rich.console import Console

    label = "" if code == 130 else "error: "
    # untrusted names must not move the cursor
    shown = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
    Console(stderr=True, highlight=False).print(f"{label}{shown}", soft_wrap=True, markup=False)
    sys.exit(code)

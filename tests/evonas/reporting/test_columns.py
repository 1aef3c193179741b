"""Tables in the room that there is: a number may take several lines, but is never cut."""

from __future__ import annotations

import io
import re

import pytest
from rich.console import Console, RenderableType

from evonas.evaluation.comparison import ComparedRow
from evonas.reporting.columns import ENDLESS, in_room
from evonas.reporting.comparison import compared
from evonas.reporting.output import make_console
from evonas.reporting.tables import Scores, listing
from evonas.reporting.training import epochs_table
from evonas.searching.scoring import ScoreRow
from evonas.training.metrics import EpochRow

PROXIES = [f"proxy-{i}" for i in range(9)]
NAMES = [f"Genotype(normal={'x' * 60}{i})" for i in range(2)]
SCORES = Scores(
    [ScoreRow(n, n, 123_456, 98_765, {p: -1.2345e9 - i for i, p in enumerate(PROXIES)}, {}, 0.1) for n in NAMES]
)
MEASURED = {"params": 3e6, "seconds": 1234.0, "clean": 0.91, "corruptions": 0.82, "fgsm": 0.73, "hrs": 0.64}
ROW = ComparedRow("a-run-with-a-name", "digits", **MEASURED, clean_ci95=None, fgsm_ci95=None, protocol="as asked")
COMPARED = compared([ROW])


def written(renderable: RenderableType, width: int) -> str:
    console = Console(file=io.StringIO(), width=width, highlight=False)
    console.print(renderable, soft_wrap=True, markup=False)
    return console.file.getvalue()  # type: ignore[attr-defined]


def test_a_pipe_has_no_width_and_nothing_is_cut(capsys: pytest.CaptureFixture[str]) -> None:
    make_console().print(SCORES, soft_wrap=True, markup=False)
    make_console().print(COMPARED, soft_wrap=True, markup=False)
    make_console().print(listing("kind", [{"name": "a", "about": "b " * 99 + "end"}], full=False), soft_wrap=True)
    text = capsys.readouterr().out
    assert "…" not in text and text.count("-1.2345e+09") == 2 * len(PROXIES) and "b end" in text
    assert all(name in text for name in (*NAMES, *PROXIES, "a-run-with-a-name", "91.00 %", "64.00 %"))


@pytest.mark.parametrize("width", [30, 60, 80, 100])
def test_numbers_fold_in_a_narrow_terminal_and_names_stay(width: int) -> None:
    for renderable in (SCORES, COMPARED):
        whole, narrow = (re.sub(r"Genotype\S+", "", written(renderable, width)) for width in (ENDLESS, width))
        assert sorted(re.findall(r"\d", narrow)) == sorted(re.findall(r"\d", whole))
    assert written(SCORES, width).count("Genotype(no") == len(NAMES)
    assert "a-run-with" in written(COMPARED, width)


def test_a_line_leaves_out_what_has_no_room() -> None:
    parts = ("generation 12/50", "123/2600", "ETA 1:02:03")
    assert [in_room(parts, width) for width in (10, 16, 30, 37)] == [
        *("generation 12/50", "generation 12/50", "generation 12/50 123/2600", " ".join(parts))
    ]


def test_epochs_lose_columns_not_digits_in_a_narrow_terminal() -> None:
    row = EpochRow(epoch=7, loss=1.2345, accuracy=0.61, validation=0.6234, robust=0.4321, lr=0.0123, seconds=4.2)
    usual, narrow = (written(epochs_table([row], width), width).split() for width in (80, 23))
    assert usual[-4:] == ["%", "0.0123", "4.2", "s"] and narrow[:2] == ["epoch", "validation"]
    assert narrow[2:] == ["7", "62.34", "%"]

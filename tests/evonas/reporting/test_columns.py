"""Tables in the room that there is: a wide one continues below, and no number is ever cut."""

from __future__ import annotations

import io
import re

import pytest
from rich.console import Console, RenderableType

from evonas.evaluation.comparison import ComparedRow
from evonas.reporting import correlation
from evonas.reporting.blocks import Blocks, Row
from evonas.reporting.columns import ENDLESS, in_room
from evonas.reporting.comparison import compared
from evonas.reporting.output import make_console
from evonas.reporting.tables import Scores, listing
from evonas.reporting.training import epochs_table
from evonas.searching.scoring import ScoreRow
from evonas.tables.scores import ArchitectureScored
from evonas.training.metrics import EpochRow

PROXIES = [f"proxy-{i}" for i in range(9)]
NUMBER = r"(?<![\w-])-?\d[\d.,e+]*(?: %)?(?![\w-])"
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
def test_columns_continue_below_in_a_narrow_terminal_and_names_are_repeated(width: int) -> None:
    for renderable in (SCORES, COMPARED):
        whole, narrow = (re.sub(r"Genotype\S+", "", written(renderable, width)) for width in (ENDLESS, width))
        assert sorted(re.findall(NUMBER, narrow)) == sorted(re.findall(NUMBER, whole))
    scores, compared = written(SCORES, width), written(COMPARED, width)
    assert scores.count("Genotype(no") == len(NAMES) * scores.count("genotype") > len(NAMES)
    assert compared.count("a-run-with") == 1 + compared.count("\n\n")


LONG = "cifar10.fgsm@Linf.eps8"
WIDE = Blocks("proxy", ["clean", LONG, "of all"], [Row("croze", ["0.123", "+0.4\n[-0.10, +0.22]", "-"])])


@pytest.mark.parametrize(
    ("width", "lines"),
    [
        (43, [f"proxy clean {LONG} of all", "croze 0.123 +0.4 -", "[-0.10, +0.22]"]),
        (38, ["of", f"proxy clean {LONG} all", "croze 0.123 +0.4 -"]),
        (37, ["proxy clean " + LONG, "croze 0.123 +0.4", "[-0.10, +0.22]", "", "of", "proxy all", "croze -"]),
        (28, ["proxy clean", "croze 0.123", "", f"proxy {LONG}", "croze +0.4", "[-0.10, +0.22]", ""]),
    ],
)
def test_a_header_wraps_between_words_before_a_column_moves_below(width: int, lines: list[str]) -> None:
    shown = [" ".join(line.split()) for line in written(WIDE, width).splitlines()]
    assert [line for line in lines if line not in shown] == []
    assert max(map(len, written(WIDE, width).splitlines())) <= width


def test_a_number_wider_than_the_terminal_keeps_its_digits() -> None:
    shown = written(Blocks("proxy", ["flops"], [Row("a-long-name", ["123456789"])]), 9)
    assert "".join(re.findall(r"\d", shown)) == "123456789" and max(map(len, shown.splitlines())) <= 9


def test_a_line_leaves_out_what_has_no_room() -> None:
    parts = ("generation 12/50", "123/2600", "ETA 1:02:03")
    assert [in_room(parts, width) for width in (10, 16, 30, 37)] == [
        *("generation 12/50", "generation 12/50", "generation 12/50 123/2600", " ".join(parts))
    ]


def test_epochs_lose_columns_not_digits_in_a_narrow_terminal() -> None:
    row = EpochRow(epoch=7, loss=1.2345, accuracy=0.61, validation=0.6234, robust=0.4321, lr=0.0123, seconds=4.2)
    usual, narrow = (written(epochs_table([row], width, "PGD-10"), width).split() for width in (80, 23))
    assert usual[-4:] == ["%", "0.0123", "4.2", "s"] and narrow[:2] == ["epoch", "validation"]
    assert narrow[2:] == ["7", "62.34", "%"]


def test_the_progress_of_scores_has_mean_times_by_proxy_and_the_time_left(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(correlation, "SECONDS_BETWEEN_LINES", 59)
    clock = iter([0.0, 30.0, *[60.0] * 9])
    monkeypatch.setattr(correlation.time, "monotonic", lambda: next(clock))
    with correlation.ScoringProgress() as progress:
        for done, times in ((11, {"croze": 4.0, "params": 0.0}), (12, {"croze": 2.0})):
            progress(ArchitectureScored(done, 22, "a", sum(times.values()), times))
    assert capsys.readouterr().err.splitlines() == [
        "scored 12 of 22, 5:00 left, 3.0 s each (croze 3.0 s, params 0 ms)"
    ]

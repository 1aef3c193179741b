"""What a person sees: the live view, plain lines, cells."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
from rich.color import ANSI_COLOR_NAMES
from rich.console import Console

import evonas
from evonas import SearchSettings
from evonas.core.events import Closed, Listener, Message, Observers
from evonas.core.quantities import count, duration, memory, number
from evonas.evaluation.events import ImagesMeasured
from evonas.evaluation.outcomes import Attacked, Check, CorruptionTable
from evonas.evaluation.rates import Rate
from evonas.evaluation.result import Evaluation
from evonas.reporting.cells import draw
from evonas.reporting.colours import HUES, operation_colour, operation_style
from evonas.reporting.evaluation import EvaluationView, evaluated
from evonas.reporting.live import WIDE, LiveView
from evonas.reporting.overview import overview
from evonas.reporting.plain import LogFile, PlainLines
from evonas.reporting.style import sparkline
from evonas.searching.events import Evaluated, GenerationDone, SearchStarted
from spaces import NasBench201, Space, spaces
from spaces.operation import KINDS


class Frames(Listener):
    """Renders the live view after every birth, as the refresh thread would at some moment."""

    def __init__(self, width: int, height: int, encoding: str = "utf-8") -> None:
        stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
        self.console = Console(file=stream, width=width, height=height, force_terminal=True)
        self.view = LiveView(self.console)
        self.frames: list[list[str]] = []

    def started(self, event: SearchStarted) -> None:
        self.view.started(event)

    def evaluated(self, event: Evaluated) -> None:
        self.view.evaluated(event)
        self.frames.append(self.lines(None))

    def lines(self, screen: int | None) -> list[str]:
        lines = self.console.render_lines(self.view.render(screen), pad=False)
        return ["".join(segment.text for segment in line) for line in lines]

    def generation(self, event: GenerationDone) -> None:
        self.view.generation(event)

    def closed(self, event: Closed) -> None:
        self.view.closed(event)


VIEWS = [(space, *size) for space in spaces for size in [(40, 10), (72, 16), (80, 24), (120, 30), (160, 48)]]


def some(*views: tuple[str, int, int], least: int = 0) -> pytest.MarkDecorator:
    """These of ``VIEWS``; the others of at least ``least`` columns with the long tests."""
    others = [
        pytest.param(*view, marks=pytest.mark.slow) for view in VIEWS if view not in views and view[1] >= least
    ]
    return pytest.mark.parametrize(("space", "width", "height"), [*views, *others])


@some(("darts", 80, 24), ("nasbench201", 160, 48), ("robnet", 40, 10))
def test_the_live_view_fits_the_terminal(width: int, height: int, space: str, tmp_path: Path) -> None:
    frames = Frames(width, height)
    settings = SearchSettings(space=space, proxy="params", population=6, generations=20, channels=4, layers=3)
    evonas.search(settings, tmp_path / "run", frames)
    for frame in frames.frames:
        assert len(frame) <= height and max(len(line) for line in frame) <= width
    last = "\n".join(frames.frames[-1])
    assert "generation 20/20" in last and "cache hits" in last and "66/66" in last
    if height >= 24:
        assert "cell" in last and ("─▶ 5 out" in last or "output" in last) and "▁" in last


class Screens(Frames):
    """Renders both screens after every birth."""

    def evaluated(self, event: Evaluated) -> None:
        self.view.evaluated(event)
        self.frames += [self.lines(0), self.lines(1)]


@some(("darts", 72, 16), ("darts", 80, 24), ("nasbench201", 72, 16), ("robnet", 160, 48), least=WIDE)
def test_nothing_is_cut_on_either_screen(width: int, height: int, space: str, tmp_path: Path) -> None:
    frames = Screens(width, height)
    settings = SearchSettings(space=space, proxy="params", population=8, generations=4, channels=4, layers=3)
    result = evonas.search(settings, tmp_path / "run", frames)
    assert result.best is not None
    for frame in frames.frames:
        assert len(frame) <= height and max(len(line) for line in frame) <= width
        shown = " ".join(" ".join(frame).split())
        assert "…" not in shown or "/run" not in shown  # a long path alone may be shortened
        assert "4 generations, seed 0, cpu" in shown and "evaluations" in shown
        assert re.search(r"\d (MB|GB)", shown)  # the memory of this process, whatever ran in it before
    cells, population = ("\n".join(frame) for frame in frames.frames[-2:])
    assert "best so far" in cells and "operations" in population
    if width < 150:
        assert "[best cell]" in cells and "rank" not in cells and "[population]" in population
    rows = [line for line in frames.frames[-1] if line[:200].split("time")[-1].strip()[:1].isdigit()]
    assert len(rows) >= min(8, height - 12)
    if height >= 24:
        assert "cell ─" in cells


def test_the_population_is_ranked_and_has_ages(tmp_path: Path) -> None:
    frames = Screens(80, 30)
    evonas.search(SearchSettings(proxy="params", population=6, generations=5), tmp_path / "run", frames)
    table = [
        line.split() for line in frames.frames[-1][frames.frames[-1].index(" best cell  [population] ") + 2 :]
    ]
    assert [row[0] for row in table] == ["1", "2", "3", "4", "5", "6"]
    scores = [float(row[1]) for row in table]
    assert scores == sorted(scores, reverse=True)
    assert {row[4] for row in table} == set("012345")


def test_operations_have_short_names() -> None:
    names = [
        *(("darts", "sep_conv_3x3", "sep3"), ("darts", "dil_conv_5x5", "dil5"), ("darts", "max_pool_3x3", "max3")),
        *(("nasbench201", "nor_conv_1x1", "conv1"), ("nasbench201", "skip_connect", "skip")),
        *(("robnet", "residual sep_conv_3x3", "+sep3"), ("robnet", "identity", "id"), ("darts", "none", "none")),
        ("darts", "conv_7x1_1x7", "conv71"),
    ]
    found = [spaces[space].operations[name].short for space, name, _ in names]
    assert found == [expected for _, _, expected in names]


def test_operations_of_a_space_have_a_colour_each(space: Space) -> None:
    colours = [operation_colour(space, name) for name in space.operations]
    assert len(set(colours)) == len(colours) and set(HUES) == set(KINDS)
    assert {operation_style(space, name) for name in space.operations} <= set(ANSI_COLOR_NAMES)
    assert operation_colour(space, "unheard_of") == HUES["other"].shades[0]


def test_the_live_view_names_no_best_while_a_composite_has_none(tmp_path: Path) -> None:
    frames = Frames(160, 48)
    evonas.search(SearchSettings(proxy="params+flops", population=6, generations=1), tmp_path / "run", frames)
    shown = ["\n".join(frame) for frame in frames.frames]
    assert all("best: known once the first population is scored" in frame for frame in shown[:6])
    assert not any("| best " in frame or "c[k-2]" in frame for frame in shown[:6])
    assert all("| best " in frame and "cell" in frame for frame in shown[6:]) and "once" not in shown[-1]
    console = Console(file=io.StringIO(), width=100)
    console.print(overview(evonas.summarise(tmp_path / "run")))
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert "params: 1 x (" in text and "flops: 1 x (" in text


def test_the_live_view_without_unicode_is_ascii(tmp_path: Path) -> None:
    frames = Frames(100, 30, encoding="ascii")
    evonas.search(SearchSettings(proxy="params", population=6, generations=3), tmp_path / "run", frames)
    drawing = "".join("".join(frame) for frame in frames.frames)
    assert drawing.isascii() and "c[k-2] - " in drawing and "mean of the population _" in drawing


def test_plain_lines_and_the_log_tell_the_same(tmp_path: Path) -> None:
    lines: list[str] = []
    settings = SearchSettings(proxy="params", population=6, generations=3)
    evonas.search(settings, tmp_path / "run", Observers(PlainLines(lines.append), LogFile()))
    log = (tmp_path / "run" / "run.log").read_text().splitlines()
    assert [line.split(" ", 2)[2] for line in log] == lines
    assert sum(line.startswith("generation") for line in lines) == 4
    evonas.resume(tmp_path / "run", PlainLines(lines.append), generations=4)
    assert "continuing after generation 3" in lines


def test_cells_name_every_operation_and_node() -> None:
    (_, normal), (_, reduction) = draw(spaces["darts"], spaces["darts"].parse("DARTS_V2"))
    assert normal.plain.count("sep conv 3x3") == 5 and reduction.plain.count("max pool 3x3") == 5
    assert all(f"─▶ {node} out" in normal.plain for node in range(2, 6))
    space = spaces["nasbench201"]
    ((_, cell),) = draw(space, space.parse("|none~0|+|skip_connect~0|none~1|+|none~0|none~1|nor_conv_3x3~2|"))
    assert "node 2 ─▶ nor conv 3x3" in cell.plain and "output" in cell.plain


class Plain(NasBench201):
    """A space that says nothing about its operations."""

    operations = Space.operations  # type: ignore[assignment]


def test_a_space_without_names_for_its_operations_is_drawn() -> None:
    space = Plain()
    ((title, cell),) = draw(
        space, space.parse("|none~0|+|skip_connect~0|none~1|+|none~0|none~1|nor_conv_3x3~2|"), False
    )
    assert title == "cell" and " input -> skip connect  -> node 2\n" in cell.plain
    assert cell.plain.endswith("node 2 -> nor conv 3x3  -> output")
    assert operation_colour(space, "nor_conv_3x3") != operation_colour(space, "nor_conv_1x1")


def test_a_dense_cell_has_a_line_per_node_and_its_short_names_explained() -> None:
    space = spaces["robnet"]
    ((title, cell),) = draw(space, space.parse("RobNet(cells=['11|10|11|11|10|11|01|01|10|11|11|00|11|01'])"))
    assert title == "every cell" and cell.plain.splitlines() == [
        "c[k-2] +sep3 c[k-1] id    ─▶ 2 out",
        "c[k-2] +sep3 c[k-1] +sep3 2 id    ─▶ 3 out",
        "c[k-2] +sep3 c[k-1] sep3  2 sep3  3 id    ─▶ 4 out",
        "c[k-2] +sep3 c[k-1] +sep3 2 -     3 +sep3 4 sep3  ─▶ 5 out",
        "sep3: sep conv 3x3, id: identity, +sep3: residual sep 3x3",
    ]
    ((title, _),) = draw(space, space.parse("RobNet_free"))
    assert title == "the first of 20 cells"


@pytest.mark.parametrize("name", list(spaces["darts"].published()))
def test_every_published_genotype_is_drawn(name: str) -> None:
    genotype = spaces["darts"].parse(name)
    assert sum(text.plain.count("\n") + 1 for _, text in draw(spaces["darts"], genotype)) == len(
        genotype.normal
    ) + len(genotype.reduce)


def test_numbers_are_short_and_truthful() -> None:
    assert (number(None), number(1234567.0), number(0.5)) == ("-", "1.2346e+06", "0.5")
    assert (count(3_349_342), count(999), count(1.057e9)) == ("3.35 M", "999", "1.06 G")
    assert (duration(0.00013), duration(0.5), duration(12.34), duration(75), duration(3723)) == (
        *("0.13 ms", "0.5 s", "12.3 s", "1:15", "1:02:03"),
    )
    assert (memory(2**20 * 548), memory(3 * 2**30)) == ("548 MB", "3.00 GB")


def test_a_sparkline_spans_its_values() -> None:
    assert sparkline([1, 2, 3], 10) == "▁▅█"
    assert sparkline([5, 5], 10) == "▁▁" and sparkline([], 10) == "" and sparkline([1], 0) == ""
    assert len(sparkline(list(range(1000)), 30)) == 30 and sparkline(list(range(1000)), 30)[-1] == "█"


def test_a_run_without_a_finished_generation_is_shown(tmp_path: Path) -> None:
    class Stop(Listener):
        def evaluated(self, event: Evaluated) -> None:
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError):
        evonas.search(SearchSettings(proxy="params", population=4), tmp_path / "run", Stop())
    console = Console(file=io.StringIO(), width=100)
    console.print(overview(evonas.summarise(tmp_path / "run")))
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    assert "no generation yet of 50" in shown and "evonas resume" in shown


@pytest.mark.parametrize("width", [40, 80, 160])
def test_an_evaluation_is_watched_and_summed_up_in_any_terminal(width: int) -> None:
    stream = io.StringIO()
    view = EvaluationView(Console(file=stream, width=width, height=24, force_terminal=True, highlight=False))
    view(Message("not yet"))
    for done in (1, 2):
        view(ImagesMeasured("pgd 8/255", done, 2))
    view(Message("pgd 8/255: 50.00 % of 2 images"))
    view(ImagesMeasured("checks: clean", 1, 1))
    view(Closed())
    shown = stream.getvalue()
    assert "not yet" not in shown and "pgd 8/255: 50.00 % of 2 images" in shown
    attacked = Attacked.of({"epsilon": 8.0, "steps": 3, "step_size": 1.5, "restarts": 2}, Rate.of(1, 2))
    members = Attacked.of({"epsilon": 8.0}, Rate.of(1, 2), (("apgd-ce", 1.0), ("square", 0.5)))
    result = Evaluation(
        clean=Rate.of(2, 2),
        epsilons=(8.0,),
        attacks={"pgd": {8.0: attacked}, "autoattack": {8.0: members}},
        checks=(Check("more steps never help", False, "pgd-3 50.0 %"),),
        corruptions=CorruptionTable(
            source="published", n=2, mean=0.5, groups={"weather": 0.5}, table={"fog": [0.5] * 5}
        ),
    )
    console = Console(file=io.StringIO(), width=width)
    console.print(evaluated(result, width))
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert max(len(line) for line in text.splitlines()) <= width
    assert "FAIL" in text and "fog" in text and "pgd 8/255" in text
    if width == 160:
        assert "3 steps of 1.5/255, 2 restarts" in text and "apgd-ce 100.00 %, square 50.00 %" in text

"""The output of ``evonas calibrate``."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.text import Text

from evonas.reporting.blocks import Blocks, Row
from evonas.tables.calibrate import Calibration
from evonas.tables.nested import CHOSEN, Estimate

OVER_GENOTYPES = "95 % interval over genotypes"
MOSTLY = "mostly"  # the column of what held-out folds chose


def calibration_tables(result: Calibration) -> RenderableType:
    """Every proxy over all architectures, then the ways to choose on held-out ones, then the verdict."""
    return Group(
        Text(f"Spearman's rho with {result.target.name} over {result.architectures} architectures", style="bold"),
        _singles(result),
        Text(
            f"on held-out architectures: {result.nested.folds} folds, {result.nested.repeats} times", style="bold"
        ),
        _held(result),
        Text(result.verdict, style="bold"),
        *(Text(note, "dim") for note in result.notes),
    )


def _singles(result: Calibration) -> Blocks:
    rows = []
    order = sorted(result.singles.items(), key=lambda item: -abs(item[1].rho or 0))
    for name, one in order:
        missing = f" ({one.missing} without a score)" if one.missing else ""
        numbers = _number(one.rho), _bounds(one.rho_ci95), _number(one.partial), _bounds(one.partial_ci95)
        rows.append(Row(name + missing, numbers))
    return Blocks("proxy", ("rho", OVER_GENOTYPES, "given params", OVER_GENOTYPES), rows, gap=2)


def _held(result: Calibration) -> Blocks:
    percent = 100 if result.target.is_accuracy else 1
    unit = " (%)" if result.target.is_accuracy else ""
    against, value_of = f"against params, {OVER_GENOTYPES}", f"{result.target.name} of the best tenth{unit}"
    names = "rho", OVER_GENOTYPES, against, value_of, MOSTLY
    rows = []
    value = result.target.sign * percent
    for way, held in result.nested.held.items():
        gain = "" if held.gain is None else f"{held.gain.mean:+.2f} [{held.gain.low:+.2f}, {held.gain.high:+.2f}]"
        mostly = sorted(held.picked.items(), key=lambda item: -item[1])[:1]
        often = ", ".join(f"{text} ({count})" for text, count in mostly)
        numbers = _number(held.rho.mean), _interval(held.rho), gain, f"{value * held.value:.2f}", often
        rows.append(Row(Text(way, "bold" if way == CHOSEN else ""), numbers))
    rows.append(Row("at random", ("0.00", "", "", f"{value * result.nested.random:.2f}", "")))
    rows.append(Row("the truth", ("1.00", "", "", f"{value * result.nested.best:.2f}", "")))
    return Blocks("choice", names, rows, gap=2, left=(MOSTLY,))


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _bounds(pair: list[float] | None) -> str:
    return "" if pair is None else f"[{pair[0]:.2f}, {pair[1]:.2f}]"


def _interval(estimate: Estimate) -> str:
    return _bounds([estimate.low, estimate.high])

"""A winner against random genotypes of its size: the result, its form in JSON, and its words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

from evonas.core.files import read_json
from evonas.core.quantities import count, percent, plural
from evonas.evaluation.columns import label_of
from spaces.errors import EvonasError, shorten

FILE, TABLE = "controls.json", "controls.csv"
NO_GAIN = "the search has shown no gain over random genotypes of this size"


@dataclass(frozen=True)
class Column:
    """One accuracy of the winner and of the controls, from 0 to 1; None for what too few controls do not give."""

    winner: float  # mean over its trainings
    controls: tuple[float, ...]  # means over the trainings of each
    mean: float | None
    sd: float | None  # over genotypes
    below: int  # controls with a lower mean
    equal: int
    difference: float | None
    interval: tuple[float, float] | None  # of the difference, 95 %, over genotypes and retrainings

    @property
    def percentile(self) -> float | None:
        """The share of controls below, plus half of the equal ones, in percent."""
        return 100 * (self.below + self.equal / 2) / len(self.controls) if self.controls else None

    @property
    def improvement(self) -> float | None:
        """The relative improvement over random search in percent."""
        return 100 * self.difference / self.mean if self.difference is not None and self.mean else None

    @property
    def gain(self) -> bool | None:
        """Whether the interval is above 0; None without one."""
        return None if self.interval is None else self.interval[0] > 0

    @property
    def in_words(self) -> str:
        """``better than 12 of 16 controls; difference +1.5 points (95 % interval ...)``."""
        if self.difference is None:
            return "no control to compare with"
        equal = f", equal to {self.equal}" if self.equal else ""
        text = f"better than {self.below} of {plural(len(self.controls), 'control')}{equal}"
        text += f"; difference {100 * self.difference:+.1f} points"
        if self.interval is None:
            return f"{text}, without an interval: it needs two finished controls"
        low, high = (f"{100 * end:+.1f}" for end in self.interval)
        text += f" (95 % interval {low} to {high}, over genotypes and retrainings)"
        return text if self.improvement is None else f"{text}, {self.improvement:+.1f} % relative to the controls"

    def as_json(self) -> dict[str, Any]:
        """The input of `from_json`, and what follows from it."""
        found = asdict(self) | {"controls": list(self.controls)}
        ends = found.pop("interval")
        found["ci95"] = None if ends is None else list(ends)
        return found | {"percentile": self.percentile, "relative_improvement": self.improvement}

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Column:
        """The inverse of `as_json`."""
        ends = found["ci95"]
        return cls(
            winner=float(found["winner"]),
            controls=tuple(float(value) for value in found["controls"]),
            mean=_number(found["mean"]),
            sd=_number(found["sd"]),
            below=int(found["below"]),
            equal=int(found["equal"]),
            difference=_number(found["difference"]),
            interval=None if ends is None else (float(ends[0]), float(ends[1])),
        )


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


class Control(NamedTuple):
    """A random genotype with the seeds of its finished trainings, and the reasons of the others."""

    genotype: str
    params: int
    seeds: Sequence[int]
    failed: Mapping[str, str]  # by seed


@dataclass(frozen=True)
class Comparison:
    """A winner against its controls."""

    genotype: str
    params: int
    seeds: tuple[int, ...]  # of the trainings of the winner
    trainings: int  # of each control, as planned
    group: tuple[Control, ...]
    columns: Mapping[str, Column]

    @property
    def finished(self) -> list[Control]:
        """Those with a finished training, in the order of the accuracies."""
        return [one for one in self.group if one.seeds]

    @property
    def head(self) -> str:
        """What is compared."""
        sizes = [one.params for one in self.group]
        size = f"{count(min(sizes))} to {count(max(sizes))} params, winner {count(self.params)}"
        trained = plural(self.trainings, "training")
        return f"against {plural(len(self.group), 'random genotype')} of its size ({size}; {trained} each)"

    @property
    def notes(self) -> list[str]:
        """What is missing, a line each."""
        reasons: dict[str, int] = {}
        for one in self.group:
            for reason in one.failed.values():
                reasons[reason] = reasons.get(reason, 0) + 1
        lines = [
            f"{plural(number, 'training')} of controls failed: {reason}" for reason, number in reasons.items()
        ]
        lost = len(self.group) - len(self.finished)
        return lines + ([f"{lost} of {plural(len(self.group), 'control')} left out"] if lost else [])

    @property
    def verdict(self) -> str:
        """What the intervals say, in one sentence."""
        judged = {name: one for name, one in self.columns.items() if one.interval is not None}
        if not judged:
            return (
                f"{plural(len(self.finished), 'finished control')}: an interval needs at least two, so nothing "
                "can be said about a gain"
            )
        gains = [label_of(name) for name, one in judged.items() if one.gain]
        losses = [
            label_of(name) for name, one in judged.items() if one.interval is not None and one.interval[1] < 0
        ]
        rest = [label_of(name) for name, one in judged.items() if label_of(name) not in gains + losses]
        if not gains and not losses:
            return NO_GAIN
        parts = [f"a gain over random genotypes of this size for {', '.join(gains)}"] if gains else []
        parts += [f"worse than random genotypes of this size for {', '.join(losses)}"] if losses else []
        parts += [f"{NO_GAIN} for {', '.join(rest)}"] if rest else []
        return "; ".join(parts)

    @property
    def lines(self) -> list[str]:
        """Everything in words."""
        said = [f"{label_of(name)} {percent(one.winner)}: {one.in_words}" for name, one in self.columns.items()]
        return [self.head, *said, *self.notes]

    def as_json(self) -> dict[str, Any]:
        """The input of `from_json`."""
        return {
            "genotype": self.genotype,
            "params": self.params,
            "seeds": list(self.seeds),
            "trainings": self.trainings,
            "controls": [{**one._asdict(), "seeds": list(one.seeds)} for one in self.group],
            "columns": {name: one.as_json() for name, one in self.columns.items()},
            "verdict": self.verdict,
        }

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Comparison:
        """The inverse of `as_json`. Raises `ValueError` if it is not that."""
        try:
            names = Control._fields
            group = tuple(Control(**{name: one[name] for name in names}) for one in found["controls"])
            columns = {str(name): Column.from_json(one) for name, one in found["columns"].items()}
            about = str(found["genotype"]), int(found["params"]), tuple(map(int, found["seeds"]))
            result = cls(*about, int(found["trainings"]), group, columns)
            _ = [result.head, *result.lines] if group else []
        except (KeyError, TypeError, AttributeError, IndexError) as error:
            raise ValueError(f"it is not a comparison with controls: {error}") from None
        return result


def controls_in(run: Path) -> Comparison | None:
    """The stored comparison of a run, if there is one. Raises `EvonasError` if it cannot be read."""
    found = read_json(run / FILE)
    try:
        return None if found is None else Comparison.from_json(found)
    except ValueError as error:
        raise EvonasError(f"{run / FILE} cannot be read: {shorten(str(error), 200)}") from None

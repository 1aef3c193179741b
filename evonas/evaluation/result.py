"""The result of an evaluation: one form in memory, one in JSON."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from evonas.evaluation.certificates.certified import Certified
from evonas.evaluation.certificates.smoothed import Smoothed, methods
from evonas.evaluation.outcomes import (
    Attacked,
    Check,
    Checked,
    CorruptionTable,
    Outcome,
    listed,
    object_in,
    text_in,
)
from evonas.evaluation.rates import Rate, hrs
from evonas.evaluation.retrained import KEY as RETRAININGS
from evonas.evaluation.retrained import Retrained
from evonas.training.data_check import remark
from evonas.training.data_identity import SplitIdentity

ASSESSMENTS = "assessments"
GAPS = "gap_to_pgd"
# keys that are not facts
_OURS = (
    *("clean", "corruptions", "hrs", "epsilons", "checks", "protocol", "versions"),
    *(ASSESSMENTS, GAPS, RETRAININGS),
)


@dataclass(frozen=True)
class Protocol:
    """How the accuracies were measured; None for what an older version did not record."""

    split: str | None = None
    of: int | None = None  # images of the split
    images: int | None = None  # those that were evaluated
    norm: str | None = None
    pixels: str | None = None
    precision: str | None = None
    attacked: str | None = None  # which images an attack is tried on
    seed: int | None = None
    batch_size: int | None = None
    device: str | None = None
    checks: int | None = None  # images of the sanity checks

    @property
    def drawn(self) -> int | None:
        """The number of evaluated images if they are a part of the split."""
        return None if self.images == self.of else self.images

    def as_json(self) -> dict[str, Any]:
        """The input of `from_json`."""
        return {name: value for name, value in dataclasses.asdict(self).items() if value is not None}

    @classmethod
    def from_json(cls, values: Any) -> Protocol:
        """The inverse of `as_json`; unknown keys are ignored. Raises `ValueError` if it is not that."""
        found = object_in(values, "protocol")
        names = {one.name: int if "int" in str(one.type) else str for one in dataclasses.fields(cls)}
        for name, kind in names.items():
            if name in found and type(found[name]) is not kind:
                raise ValueError(f"{name} of the protocol is not {'a whole number' if kind is int else 'text'}")
        return cls(**{name: found[name] for name in names if name in found})


@dataclass(frozen=True)
class Evaluation:
    """Accuracies on clean, attacked and corrupted images, from 0 to 1; epsilons in 1/255."""

    clean: Rate
    epsilons: tuple[float, ...] = ()  # the first is the headline
    attacks: Mapping[str, Mapping[float, Attacked]] = field(default_factory=dict)
    checks: tuple[Check, ...] = ()
    protocol: Protocol = Protocol()
    corruptions: CorruptionTable | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)  # of the network
    versions: Mapping[str, str] = field(default_factory=dict)
    assessments: Mapping[str, Outcome] = field(default_factory=dict)  # others, by name
    retrained: Retrained | None = None  # over further trainings of the genotype, if there are any
    path: Path | None = None  # path of the saved result

    def including(self, name: str, identity: Mapping[str, Any], outcome: Outcome) -> Evaluation:
        """The evaluation with one more outcome, of the assessment ``name`` with ``identity``."""
        if isinstance(outcome, Attacked):
            at = {**self.attacks.get(outcome.attack, {}), outcome.epsilon: outcome}
            return dataclasses.replace(self, attacks={**self.attacks, outcome.attack: at})
        if isinstance(outcome, CorruptionTable):
            return dataclasses.replace(self, corruptions=outcome)
        if isinstance(outcome, Checked):
            return dataclasses.replace(self, checks=outcome.checks)
        found = dataclasses.replace(outcome, identity=identity)
        return dataclasses.replace(self, assessments={**self.assessments, name: found})

    @property
    def assessed(self) -> list[str]:
        """What was measured in addition to clean images, as sections of a report name it."""
        kinds = ["attacks"] * bool(self.attacks or self.certified) + ["corruptions"] * (
            self.corruptions is not None
        )
        return [*kinds, *methods(self.assessments, self.smoothed)]

    @property
    def headline(self) -> dict[str, Attacked]:
        """Each attack at the first epsilon."""
        return self.at(self.epsilons[0]) if self.epsilons else {}

    def at(self, epsilon: float) -> dict[str, Attacked]:
        """Each attack at one epsilon."""
        return {name: found[epsilon] for name, found in self.attacks.items() if epsilon in found}

    def against_epsilon(self, name: str) -> list[tuple[float, Rate]]:
        """Epsilons in ascending order, each with the accuracy under one attack; 0 is the clean accuracy."""
        return [(0.0, self.clean), *((e, self.attacks[name][e].rate) for e in sorted(self.attacks[name]) if e > 0)]

    @property
    def hrs(self) -> dict[str, float]:
        """For each attack at the first epsilon."""
        return {name: self.hrs_of(found) for name, found in self.headline.items()}

    def rate_of(self, column: str) -> Rate | None:
        """The accuracy in a column such as ``pgd@Linf.eps8``; None for a mean over corruptions."""
        name, _, epsilon = column.partition("@Linf.eps")
        if not epsilon:
            return self.clean if column == "clean" else None
        found = self.attacks.get(name, {})
        return next((one.rate for size, one in found.items() if f"{size:g}" == epsilon), None)

    def hrs_of(self, attacked: Attacked) -> float:
        """Harmonic mean of clean and robust accuracy."""
        return hrs(self.clean.accuracy, attacked.rate.accuracy)

    @property
    def certified(self) -> dict[str, Certified]:
        """The certificates among the assessments."""
        found = {name: Certified.of(name, outcome) for name, outcome in self.assessments.items()}
        return {name: one for name, one in found.items() if one is not None}

    @property
    def smoothed(self) -> dict[str, Smoothed]:
        """The results of randomised smoothing among the assessments."""
        found = {name: Smoothed.of(outcome) for name, outcome in self.assessments.items()}
        return {name: one for name, one in found.items() if one is not None}

    @property
    def certificates(self) -> list[str]:
        """The names of all certificates among the assessments."""
        return [name for name in self.assessments if name in self.certified or name in self.smoothed]

    @property
    def certify(self) -> list[str]:
        """The names of the certificates as `evaluate` takes them."""
        return methods(self.certificates, self.smoothed)

    @property
    def gaps(self) -> dict[str, dict[float, float]]:
        """For each certificate, the accuracy under pgd minus the certified one, at each epsilon."""
        pgd = self.attacks.get("pgd", {})
        return {
            name: {epsilon: found.gap(pgd[epsilon]) for epsilon in found.rates if epsilon in pgd}
            for name, found in self.certified.items()
        }

    @property
    def notes(self) -> list[str]:
        """What must be known about certificates that certify nothing."""
        notes = [one.note for one in self.certified.values()] + [one.note for one in self.smoothed.values()]
        return [note for note in notes if note]

    @property
    def failed(self) -> list[str]:
        """The names of the checks that failed."""
        return [check.name for check in self.checks if not check.passed]

    @property
    def weights(self) -> str | None:
        """The digest of the weights; None in files of older versions."""
        return self.facts.get("weights")

    @property
    def dataset(self) -> str | None:
        """The name of the data set; None in files of older versions."""
        return self.facts.get("dataset")

    @property
    def settings(self) -> Mapping[str, Any] | None:
        """The input of `EvaluateSettings.from_dict`; None in files of older versions."""
        return self.facts.get("settings")

    @property
    def data(self) -> Mapping[str, Any] | None:
        """The test images, and whether they are those of the training; None in files of older versions."""
        return self.facts.get("data")

    @property
    def test(self) -> SplitIdentity | None:
        """The identity of the test images; None in files of older versions."""
        return None if self.data is None else SplitIdentity.from_json(self.data["test"])

    @property
    def remark(self) -> str:
        """One line if the test images are not those of the training; otherwise empty."""
        return remark(self.data)

    def as_json(self) -> dict[str, Any]:
        """Each attack at the first epsilon under its name, all epsilons under ``epsilons``."""
        others = {name: found.as_json() for name, found in self.assessments.items()}
        return {
            **self.facts,
            "clean": self.clean.as_json(),
            **{name: found.as_json() for name, found in self.headline.items()},
            "corruptions": None if self.corruptions is None else self.corruptions.as_json(),
            "hrs": self.hrs,
            "epsilons": {
                f"{epsilon:g}": {name: found.as_json() for name, found in self.at(epsilon).items()}
                for epsilon in self.epsilons
            },
            "checks": [check.as_json() for check in self.checks],
            "protocol": self.protocol.as_json(),
            "versions": dict(self.versions),
            **({ASSESSMENTS: others} if others else {}),
            **({} if self.retrained is None else {RETRAININGS: self.retrained.as_json()}),
            **({GAPS: self._gaps_as_json()} if any(self.gaps.values()) else {}),
        }

    def _gaps_as_json(self) -> dict[str, dict[str, float]]:
        return {name: {f"{epsilon:g}": gap for epsilon, gap in one.items()} for name, one in self.gaps.items()}

    @classmethod
    def from_json(cls, values: Any) -> Evaluation:
        """The inverse of `as_json`, also for files of older versions. Raises `ValueError` if it is not that."""
        found = object_in(values, "an evaluation")
        if "clean" not in found:
            raise ValueError("clean is missing")
        clean, by_epsilon = Rate.from_json(found["clean"]), _by_epsilon(found)
        names = dict.fromkeys(name for attacked in by_epsilon.values() for name in attacked)
        versions = object_in(found.get("versions", {}), "versions")
        facts = {name: value for name, value in found.items() if name not in _OURS and name not in names}
        _check_facts(facts)
        corruptions, others = found.get("corruptions"), object_in(found.get(ASSESSMENTS, {}), ASSESSMENTS)
        evaluation = cls(
            clean=clean,
            epsilons=tuple(by_epsilon),
            attacks={name: {e: one[name] for e, one in by_epsilon.items() if name in one} for name in names},
            checks=tuple(Check.from_json(check) for check in listed(found, "checks")),
            protocol=Protocol.from_json(found.get("protocol", {})),
            corruptions=None if corruptions is None else CorruptionTable.from_json(corruptions, clean.n),
            facts=facts,
            versions={name: text_in(versions, name) for name in versions},
            assessments={name: Outcome.from_json(one) for name, one in others.items()},
            retrained=Retrained.from_json(found[RETRAININGS]) if RETRAININGS in found else None,
        )
        _ = evaluation.certified, evaluation.smoothed  # refuses invalid ones
        return evaluation


def _by_epsilon(found: Mapping[str, Any]) -> dict[float, dict[str, Attacked]]:
    """The attacks at each epsilon; a file of an older version has them at one epsilon only."""
    attacks: dict[float, dict[str, Attacked]] = {}
    if "epsilons" not in found:
        for name, one in found.items():
            if isinstance(one, Mapping) and {"accuracy", "epsilon"} <= one.keys():
                attacked = Attacked.from_json(one, name)
                attacks.setdefault(attacked.epsilon, {})[name] = attacked
        return attacks
    for text, entries in object_in(found["epsilons"], "epsilons").items():
        attacked_by = {name: Attacked.from_json(one, name) for name, one in object_in(entries, text).items()}
        epsilons = {one.epsilon for one in attacked_by.values()}  # the key has six digits only
        if len(epsilons) > 1 or any(f"{epsilon:g}" != text for epsilon in epsilons):
            raise ValueError(f"an attack under epsilon {text[:20]} has another epsilon")
        attacks[epsilons.pop() if epsilons else float(text)] = attacked_by
    return attacks


def _check_facts(facts: Mapping[str, Any]) -> None:
    """Raises `ValueError` for a fact of another type than readers expect."""
    for name in ("weights", "dataset"):
        if not isinstance(facts.get(name), str | None):
            raise ValueError(f"{name} is not text")
    for name in ("data", "settings"):
        if not isinstance(facts.get(name), Mapping | None):
            raise ValueError(f"{name} is not a JSON object")
    data = facts.get("data")
    if data is not None:
        try:
            text_in(data, "status")
            if not all(isinstance(name, str) for name in listed(data, "classes")):
                raise ValueError("a class of the data is not text")
            SplitIdentity.from_json(data["test"])
        except (KeyError, TypeError) as error:
            raise ValueError(f"the identity of the test images cannot be read: {error}") from None

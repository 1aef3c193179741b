"""Successive halving: the best genotypes of a search compete in short trainings before one is trained in full."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evonas.core.atomic_files import make_directory
from evonas.core.events import Message, Observer
from evonas.core.files import write_json
from evonas.core.shell import elsewhere, resuming
from evonas.store.individual import Individual
from evonas.store.queries import Records
from evonas.training import checkpoint
from evonas.training.data_check import require_training
from evonas.training.images import TrainingData, split
from evonas.training.images import known as known_data
from evonas.training.measure import robust_accuracy
from evonas.training.parallel import Group, alone
from evonas.training.paths import LAST
from evonas.training.settings import TrainSettings
from evonas.training.standings import JOURNAL, recorded
from evonas.training.training import Training
from spaces.errors import UsageError

STANDARD_EPS = 1.0  # in 1/255; networks without adversarial training are broken by larger ones


@dataclass(frozen=True)
class Finalist:
    """An individual of the search and its result in its last round."""

    individual: Individual
    place: int  # among the best of the search
    robust: float = 0.0
    validation: float = 0.0


def rounds(count: int, epochs: int, before: int = 0) -> list[tuple[int, int]]:
    """(finalists, epochs) of each round: half of them advance to twice as many epochs.

    All rounds cost the same, together about one training of ``epochs``. If the search has trained them for
    ``before`` epochs, that was a round: the first one has at least twice as many, and none more than ``epochs``.
    """
    number = max(1, (count - 1).bit_length())
    first = max(1, epochs // (count * number), 2 * before)
    plan = [(-(-count // 2**i), first * 2**i) for i in range(number)]
    if not before:
        return plan
    shorter = [(some, few) for some, few in plan if few < epochs]
    return plan if len(shorter) == number else [*shorter, (plan[len(shorter)][0], epochs)]


def epochs_before(store: Records) -> int:
    """Epochs for which the search has trained each genotype, as its fitness `trained` does; otherwise 0."""
    recipes = [known.get("recipe") for known in store.fact("proxies").values() if isinstance(known, dict)]
    return max((int(recipe["epochs"]) for recipe in recipes if isinstance(recipe, dict)), default=0)


def compete(
    run: Path, individuals: list[Individual], options: Mapping[str, Any], observer: Observer, before: int = 0
) -> Individual:
    """The winner among the finalists of a run; trainings and results are stored in ``run``/finalists.

    In each round every competitor is trained from its initial weights, for twice as many epochs as in the round
    before, and ranked by its accuracy on the images held out under PGD-10 (with the recipe's eps, or with 1/255
    for a recipe without an adversary), then by clean accuracy, then by score (Jamieson, Talwalkar 2016). Raises
    `UsageError` if one of them has to be trained while there are several processes.
    """
    standing = [Finalist(individual, place) for place, individual in enumerate(individuals)]
    full = TrainSettings(str(individuals[0].genotype), **options).resolve()
    plan = rounds(len(standing), full.chosen.epochs, before)
    cost = sum(count * epochs for count, epochs in plan)
    observer(
        Message(
            f"{len(standing)} finalists, {len(plan)} rounds, {cost} epochs in all: "
            f"{cost / full.chosen.epochs:.1f} times the training that follows"
        )
    )
    known = recorded(run)
    _require_data(run, known, full)
    for number, (count, epochs) in enumerate(plan, start=1):
        contest = standing[:count]
        for i, finalist in enumerate(contest):
            numbers = {**options.get("overrides", {}), "epochs": epochs}
            one = finalist.individual
            settings = TrainSettings(str(one.genotype), **{**options, "overrides": numbers}).resolve()
            key, former = (f"{number}-{one.birth}-{digest}" for digest in settings.digests)
            key = former if former in known or (run / "finalists" / former).exists() else key
            if key not in known:
                _require_alone()
                known[key] = short_training(run / "finalists" / key, settings, observer)
                write_json(run / JOURNAL, known, resuming(run))
            found = contest[i] = Finalist(one, finalist.place, **known[key])
            observer(
                Message(
                    f"round {number}, birth {one.birth}: {100 * found.robust:.2f} % under PGD-10, "
                    f"{100 * found.validation:.2f} % clean, after {epochs} epochs"
                )
            )
        contest.sort(key=lambda one: (-one.robust, -one.validation, one.place))
        standing[:count] = contest
    return standing[0].individual


def _require_data(run: Path, keys: Iterable[str], settings: TrainSettings) -> None:
    """Raises `EvonasError` if the data differ from those of the earlier rounds."""
    for key in keys:
        last = run / "finalists" / key / LAST
        if not last.is_file():
            continue
        data = checkpoint.load(last).data
        if data is not None:
            now = known_data(settings)[1]
            require_training(data, now, str(last), settings.dataset, elsewhere(run))
        return


def _require_alone() -> None:
    """Several processes would train every finalist into the same files."""
    if not alone():
        raise UsageError(
            "finalists compete in one process: run the command without torchrun; afterwards the training of the "
            "winner can be interrupted and resumed with torchrun"
        )


def short_training(
    directory: Path,
    settings: TrainSettings,
    observer: Observer,
    eps: float | None = None,
    data: TrainingData | None = None,  # by default read here
) -> dict[str, float]:
    """Train in ``directory``; accuracies of the best epoch on the held-out images, clean and under PGD-10.

    ``eps`` of the attack is in 1/255, by default that of the recipe, or 1 for a recipe without an adversary; with
    0 there is no attack.
    """
    make_directory(directory)
    result = Training(directory, settings, observer, Group(), data).run()
    validation = result.best.validation
    if eps is None:
        recipe = settings.chosen
        eps = recipe.eps if recipe.uses_eps else STANDARD_EPS
    if eps == 0:
        return {"robust": validation, "validation": validation}
    model = checkpoint.load(result.checkpoint).model(settings.device)
    _, held_out = split(settings, None if data is None else data.images)
    return {"robust": robust_accuracy(model, held_out, eps, settings.seed), "validation": validation}

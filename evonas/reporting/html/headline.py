"""The headline numbers of the result."""

from __future__ import annotations

from html import escape

from evonas.core.quantities import count, number
from evonas.evaluation.outcomes import Attacked, CorruptionTable
from evonas.evaluation.rates import Rate, hrs, wilson
from evonas.evaluation.result import Evaluation
from evonas.reporting.facts import Facts, TrainingFacts
from evonas.reporting.summary import Summary
from evonas.reporting.training_summary import TrainingSummary
from evonas.store.headline import picked_in_words
from evonas.store.individual import Individual

Z_BOTH = 2.241402727604947  # two-sided 97.5 %: two such intervals hold together with 95 %


def headline(facts: TrainingFacts) -> str:
    """Tiles: score and size of the network, then its robustness."""
    summary = facts.summary
    if isinstance(facts, Facts):
        if not facts.lineage:
            return '<p class="note">No individual has a score yet.</p>'
        winner = facts.lineage[-1].individual
        flops, params, text = winner.flops, winner.params, str(winner.genotype)
        tiles = _scores(facts.summary, winner)
    else:
        assert isinstance(summary, TrainingSummary)
        flops, params, text = summary.flops, summary.params, summary.settings.genotype
        tiles = []
    tiles += [_tile("params", count(params), f"{params:,}"), _tile("FLOPs", count(flops), "one image")]
    found = facts.evaluation
    if found is not None:
        tiles.append(_rate("clean", found.clean))
        tiles += [_rate(f"{name} {one.epsilon:g}/255", one.rate) for name, one in found.headline.items()]
        if found.corruptions is not None:
            tiles.append(_corruptions(found.corruptions))
        tiles += [_hrs(name, found, one) for name, one in found.headline.items()]
    elif summary.trained is not None:
        test = summary.trained["test"]
        tiles.append(_rate("clean", Rate.of(round(test["accuracy"] * test["n"]), test["n"])))
    note = summary.note
    outdated = f'<p class="note"><strong class="bad">{escape(note)}.</strong></p>' if note else ""
    genotype = f'<details class="genotype"><summary>genotype</summary><code>{escape(text)}</code></details>'
    return f'<div class="tiles">{"".join(tiles)}</div>{_notes(found)}{outdated}{genotype}'


def _scores(summary: Summary, winner: Individual) -> list[str]:
    """The score, or every objective of several but the sizes that have tiles of their own."""
    birth = f"birth {winner.birth}"
    if len(summary.objectives) < 2:
        return [_tile(f"score ({summary.settings.proxy})", number(winner.score), birth)]
    is_best = summary.best is not None and summary.best.birth == winner.birth
    first = f"{birth}, {picked_in_words(summary.objectives, summary.settings.pick)}" if is_best else birth
    names = [one.name for one in summary.objectives]
    return [_tile(names[0], number(winner.score), first)] + [
        _tile(name, number(winner.values[name]), "") for name in names[1:] if name not in ("params", "flops")
    ]


def hrs_interval(clean: Rate, robust: Rate) -> tuple[float, float]:
    """A bound with at least 95 % confidence: HRS increases with both accuracies, with intervals of 97.5 % each."""
    ends = [wilson(one.right, one.n, Z_BOTH) for one in (clean, robust)]
    return hrs(ends[0][0], ends[1][0]), hrs(ends[0][1], ends[1][1])


def corruptions_interval(mean: float, n: int) -> tuple[float, float]:
    """Wilson's interval for n images: the share of an image is in [0, 1], so its variance is at most p (1 - p)."""
    return wilson(mean * n, n)


def _tile(name: str, value: str, below: str, bar: str = "", kind: str = "") -> str:
    return (
        f'<div class="tile {kind}"><span class="name">{escape(name)}</span><b>{escape(value)}</b>'
        f'{bar}<span class="below">{escape(below)}</span></div>'
    )


def _rate(name: str, rate: Rate) -> str:
    return _share(name, rate.accuracy, rate.interval)


def _share(name: str, value: float, interval: tuple[float, float]) -> str:
    low, high = interval
    bar = (
        f'<span class="bar"><i style="left:{100 * low:.2f}%;width:{100 * (high - low):.2f}%"></i>'
        f'<u style="left:{100 * value:.2f}%"></u></span>'
    )
    return _tile(name, f"{100 * value:.2f} %", f"{100 * low:.1f} to {100 * high:.1f} %", bar, "rate")


def _corruptions(found: CorruptionTable) -> str:
    return _share("corruptions", found.mean, corruptions_interval(found.mean, found.n))


def _hrs(name: str, found: Evaluation, one: Attacked) -> str:
    return _share(f"HRS ({name})", found.hrs_of(one), hrs_interval(found.clean, one.rate))


def _notes(found: Evaluation | None) -> str:
    if found is None:
        return ""
    protocol = found.protocol
    images = f"{found.clean.n:,} of {protocol.of:,}" if protocol.of is not None else f"{found.clean.n:,}"
    words = [
        f"{images} test images, {escape(protocol.norm or 'L-infinity')}. Bars are 95 % "
        "confidence intervals over test images: Wilson's for accuracies, conservative bounds for corruptions "
        "and HRS."
    ]
    if found.corruptions is not None:
        words.append(f"Corruptions: {escape(found.corruptions.source)}.")
    words.append(
        f"{len(found.checks)} sanity checks passed."
        if not found.failed
        else f'<strong class="bad">Failed sanity checks: {escape("; ".join(found.failed))}.</strong>'
    )
    return f'<p class="note">{" ".join(words)}</p>'

"""The headline numbers of the result."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from evonas.core.quantities import count, number
from evonas.evaluation.rates import hrs, wilson
from evonas.reporting.html.facts import Facts, TrainingFacts
from evonas.reporting.training_summary import TrainingSummary

Z_BOTH = 2.241402727604947  # two-sided 97.5 %: two such intervals hold together with 95 %


def headline(facts: TrainingFacts) -> str:
    """Tiles: score and size of the network, then its robustness."""
    summary = facts.summary
    if isinstance(facts, Facts):
        if not facts.lineage:
            return '<p class="note">No individual has a score yet.</p>'
        winner = facts.lineage[-1]
        flops, params, text = int(facts.births.flops[winner.birth]), winner.params, winner.genotype
        score = f"score ({facts.summary.settings.proxy})"
        tiles = [_tile(score, number(winner.score), f"birth {winner.birth}")]
    else:
        assert isinstance(summary, TrainingSummary)
        flops, params, text = summary.flops, summary.params, summary.settings.genotype
        tiles = []
    tiles += [_tile("params", count(params), f"{params:,}"), _tile("FLOPs", count(flops), "one image")]
    found = facts.evaluation
    if found is not None:
        tiles.append(_rate("clean", found["clean"]))
        tiles += [_rate(f"{name} {one['epsilon']:g}/255", one) for name, one in headline_attacks(found).items()]
        if found.get("corruptions"):
            tiles.append(_corruptions(found["corruptions"], found["clean"]["n"]))
        tiles += [_hrs(name, found, one) for name, one in headline_attacks(found).items()]
    elif summary.trained is not None:
        test = summary.trained["test"]
        tiles.append(_rate("clean", {**test, "ci95": wilson(round(test["accuracy"] * test["n"]), test["n"])}))
    note = summary.note
    outdated = f'<p class="note"><strong class="bad">{escape(note)}.</strong></p>' if note else ""
    genotype = f'<details class="genotype"><summary>genotype</summary><code>{escape(text)}</code></details>'
    return f'<div class="tiles">{"".join(tiles)}</div>{_notes(found)}{outdated}{genotype}'


def headline_attacks(found: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The attacks at the first epsilon of an evaluation."""
    return dict(next(iter(found["epsilons"].values()), {}))


def hrs_interval(clean: Mapping[str, Any], robust: Mapping[str, Any]) -> tuple[float, float]:
    """A bound with at least 95 % confidence: HRS increases with both accuracies, with intervals of 97.5 % each."""
    ends = [wilson(round(one["accuracy"] * one["n"]), one["n"], Z_BOTH) for one in (clean, robust)]
    return hrs(ends[0][0], ends[1][0]), hrs(ends[0][1], ends[1][1])


def corruptions_interval(mean: float, n: int) -> tuple[float, float]:
    """Wilson's interval for n images: the share of an image is in [0, 1], so its variance is at most p (1 - p)."""
    return wilson(mean * n, n)


def _tile(name: str, value: str, below: str, bar: str = "", kind: str = "") -> str:
    return (
        f'<div class="tile {kind}"><span class="name">{escape(name)}</span><b>{escape(value)}</b>'
        f'{bar}<span class="below">{escape(below)}</span></div>'
    )


def _rate(name: str, found: Mapping[str, Any]) -> str:
    return _share(name, found["accuracy"], tuple(found["ci95"]))


def _share(name: str, value: float, interval: tuple[float, float]) -> str:
    low, high = interval
    bar = (
        f'<span class="bar"><i style="left:{100 * low:.2f}%;width:{100 * (high - low):.2f}%"></i>'
        f'<u style="left:{100 * value:.2f}%"></u></span>'
    )
    return _tile(name, f"{100 * value:.2f} %", f"{100 * low:.1f} to {100 * high:.1f} %", bar, "rate")


def _corruptions(found: Mapping[str, Any], n: int) -> str:
    return _share("corruptions", found["mean"], corruptions_interval(found["mean"], found.get("n", n)))


def _hrs(name: str, found: Mapping[str, Any], one: Mapping[str, Any]) -> str:
    return _share(f"HRS ({name})", found["hrs"][name], hrs_interval(found["clean"], one))


def _notes(found: Mapping[str, Any] | None) -> str:
    if found is None:
        return ""
    protocol = found["protocol"]
    failed = [check["name"] for check in found["checks"] if not check["passed"]]
    words = [
        f"{protocol['images']:,} of {protocol['of']:,} test images, {escape(protocol['norm'])}. Bars are 95 % "
        "confidence intervals: Wilson's for accuracies, conservative bounds for corruptions and HRS."
    ]
    if found.get("corruptions"):
        words.append(f"Corruptions: {escape(found['corruptions']['source'])}.")
    words.append(
        f"{len(found['checks'])} sanity checks passed."
        if not failed
        else f'<strong class="bad">Failed sanity checks: {escape("; ".join(failed))}.</strong>'
    )
    return f'<p class="note">{" ".join(words)}</p>'

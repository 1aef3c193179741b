"""The series of every figure, computed once; what draws them computes none."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest

from evonas.reporting.facts import Facts, gather
from evonas.reporting.figures.pareto import sizes
from evonas.reporting.figures.scores import scores
from evonas.reporting.html.evolution import evolution
from tests.conftest import REPOSITORY

SCORES = [math.nan, 2.0, 1.0, math.nan, 3.0, 3.0]
PARAMS = [10, 30, 10, 10, 30, 20]


@pytest.fixture
def facts(searched_run: Path) -> Facts:
    """Six births in two generations, of which two have no score."""
    found = gather(searched_run)
    assert isinstance(found, Facts)
    births = dataclasses.replace(
        found.births,
        generation=np.array([0, 0, 0, 0, 1, 1]),
        parent=np.array([-1, -1, -1, -1, 0, 0]),
        cached=np.array([False] * 6),
        params=np.array(PARAMS),
        flops=np.array(PARAMS),
        score=np.array(SCORES),
    )
    return dataclasses.replace(found, births=births, winner=4)


def test_the_best_score_so_far_rises_at_the_births_that_are_better(facts: Facts) -> None:
    found = scores(facts)
    assert found is not None
    assert np.array_equal(found.best, [math.nan, 2, 2, 2, 3, 3], equal_nan=True)
    assert found.rises.tolist() == [1, 4] and found.lost == 2 and found.last == 1
    assert found.every.tolist() == [-0.75, -0.5, -0.25, 0, 0.5, 1] and found.winner == (4, 0.5, 3.0)
    assert "2 births have no score" in evolution(facts)


def test_a_winner_without_a_score_is_not_marked(facts: Facts) -> None:
    unscored = dataclasses.replace(facts, winner=3)
    for found in (scores(unscored), sizes(unscored)):
        assert found is not None and found.winner is None


def test_the_front_holds_networks_that_none_is_smaller_and_better_than(facts: Facts) -> None:
    found = sizes(facts)
    assert found is not None and found.front == [2, 5]
    assert found.front_params.tolist() == [10, 20] and found.front_score.tolist() == [1, 3]
    assert found.params.tolist() == [30, 10, 30, 20] and found.winner == (4, 30.0, 3.0)


@pytest.mark.parametrize("room", ["html", "plots"])
def test_what_draws_looks_at_no_birth_epoch_or_rate_itself(room: str) -> None:
    drawn = {"evolution", "pareto", "history", "epsilon", "corruptions"}
    files = [path for path in (REPOSITORY / "evonas" / "reporting" / room).glob("*.py") if path.stem in drawn]
    assert len(files) >= 3
    for path in files:
        for name in ("facts.births", "facts.epochs", "facts.evaluation.", "against_epsilon"):
            assert name not in path.read_text(), (path, name)

"""The interval of the difference between a winner and its controls."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from evonas.controls.statistics import column, interval
from evonas.evaluation.controls import NO_GAIN, Column, Comparison, Control

CONTROLS = [[0.50], [0.60], [0.55], [0.65]]


def test_one_training_each_gives_a_prediction_interval() -> None:
    found = column([0.70], CONTROLS)
    sd = np.std([0.50, 0.60, 0.55, 0.65], ddof=1)
    half = stats.t.ppf(0.975, 3) * sd * np.sqrt(1.25)
    assert found.mean == pytest.approx(0.575) and found.sd == pytest.approx(sd) and sd == pytest.approx(0.0645497)
    assert found.interval == pytest.approx((0.125 - half, 0.125 + half)) and half == pytest.approx(
        0.2296733, abs=1e-6
    )
    assert found.improvement == pytest.approx(100 * 0.125 / 0.575)
    assert not found.gain and found.percentile == 100


def test_several_trainings_separate_the_noise_of_retrainings() -> None:
    winner, controls = [0.70, 0.72], [[0.50, 0.54], [0.60, 0.60], [0.57, 0.55]]
    within = (0.0002 + 0.0008 + 0.0 + 0.0002) / 4
    between = np.var([0.52, 0.60, 0.56], ddof=1)
    square = within / 2 + between / 3
    freedom = square**2 / ((within / 2) ** 2 / 4 + (between / 3) ** 2 / 2)
    half = stats.t.ppf(0.975, freedom) * np.sqrt(square)
    found = interval(winner, controls)
    assert found == pytest.approx((0.15 - half, 0.15 + half))
    assert column(winner, controls).gain and half == pytest.approx(0.0808815, abs=1e-6)


def test_the_percentile_counts_half_of_the_ties() -> None:
    found = column([0.6], [[0.5], [0.6], [0.6], [0.7]])
    assert (found.below, found.equal, found.percentile) == (1, 2, 50)
    assert found.in_words.startswith(
        "better than 1 of 4 controls, equal to 2; difference +0.0 points (95 % interval "
    )


@pytest.mark.parametrize("count", [0, 1])
def test_fewer_than_two_controls_have_no_interval(count: int) -> None:
    found = column([0.6], [[0.5]] * count)
    assert found.interval is None and found.gain is None
    assert ("needs two finished controls" if count else "no control to compare with") in found.in_words
    group = tuple(Control(str(number), 10, [0], {}) for number in range(count))
    assert "needs at least two" in Comparison("g", 10, (0,), 1, group, {"clean": found}).verdict


def test_equal_controls_have_an_interval_without_width() -> None:
    assert interval([0.5, 0.5], [[0.25, 0.25], [0.25, 0.25]]) == (0.25, 0.25)
    assert column([0.0], [[0.0], [0.0]]).improvement is None


@pytest.mark.parametrize("trainings", [1, 3])
def test_an_interval_covers_what_it_says_in_about_95_of_100_experiments(trainings: int) -> None:
    """One training: that of a further member of the controls. Several: that of the true difference."""
    rng, covered, repeats = np.random.default_rng(0), 0, 1500
    for _ in range(repeats):
        genotypes = rng.normal(0.5, 0.05, 8)
        winner = rng.normal(0.5, 0.05) if trainings == 1 else 0.6
        controls = [rng.normal(one, 0.04, trainings).tolist() for one in genotypes]
        found = interval(rng.normal(winner, 0.04, trainings).tolist(), controls)
        assert found is not None
        truth = 0.0 if trainings == 1 else 0.1
        covered += found[0] <= truth <= found[1]
    assert 0.93 < covered / repeats < 0.97


def test_the_verdict_names_gains_losses_and_the_rest() -> None:
    group = (Control("a", 10, [0], {}), Control("b", 11, [0], {"1": "lost"}))
    better, worse = column([0.9], [[0.5], [0.51]]), column([0.1], [[0.5], [0.51]])
    same = column([0.5], [[0.4], [0.6]])

    def verdict(**columns: Column) -> str:
        return Comparison("g", 10, (0,), 2, group, columns).verdict

    assert verdict(clean=same, noise=same) == NO_GAIN
    assert verdict(clean=better, noise=worse, blur=same) == (
        "a gain over random genotypes of this size for clean; worse than random genotypes of this size for noise; "
        f"{NO_GAIN} for blur"
    )
    found = Comparison("g", 10, (0,), 2, group, {"clean": same})
    assert Comparison.from_json(found.as_json()) == found
    assert found.notes == ["1 training of controls failed: lost"]
    with pytest.raises(ValueError, match="not a comparison"):
        Comparison.from_json({**found.as_json(), "columns": {"clean": {}}})

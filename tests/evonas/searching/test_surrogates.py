"""The models that predict values from encodings, each against what it must compute."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from evonas.searching.algorithms.archive import rank_weights
from evonas.searching.surrogates.boosting import Boosting
from evonas.searching.surrogates.gaussian_process import (
    GaussianProcess,
    euclidean,
    expected_improvement,
    hamming,
)
from evonas.searching.surrogates.generator import Fitting, Generator
from evonas.searching.surrogates.labels import LabelHistogram
from evonas.searching.surrogates.mlp import Ensemble, Training
from evonas.searching.surrogates.paths import PathStatistics
from spaces import spaces


def test_the_hamming_distance_counts_edges_that_differ() -> None:
    codes = np.eye(5)[np.random.default_rng(0).integers(5, size=(4, 6))]  # (4, 6, 5)
    naive = [[(a.argmax(1) != b.argmax(1)).sum() for b in codes] for a in codes]
    flat = codes.reshape(4, 30)
    assert np.array_equal(hamming(flat, flat), naive)


def test_the_posterior_is_that_of_the_textbook() -> None:
    rng = np.random.default_rng(1)
    points, values, new = rng.normal(size=(12, 3)), rng.normal(size=12), rng.normal(size=(4, 3))
    process = GaussianProcess.fit(points, values, euclidean, [2.0])
    mean, deviation = process.predict(new)
    noisy = process.factor @ process.factor.T  # K + noise I
    cross = np.exp(-np.linalg.norm(new[:, None] - points, axis=2) / 2.0)
    assert np.allclose(mean, values.mean() + cross @ np.linalg.solve(noisy, values - values.mean()))
    variance = 1 - np.einsum("mn,nm->m", cross, np.linalg.solve(noisy, cross.T))
    assert np.allclose(deviation, process.scale * np.sqrt(variance))
    standard = (values - values.mean()) / values.std()
    assert process.scale == pytest.approx(
        values.std() * np.sqrt(standard @ np.linalg.solve(noisy, standard) / len(values))
    )


def test_the_shares_of_a_mixture_are_those_of_the_likelihood_and_the_largest_is_the_fit() -> None:
    rng = np.random.default_rng(1)
    points, values = rng.normal(size=(12, 3)), rng.normal(size=12)
    parts = GaussianProcess.mixture(points, values, euclidean, [1.0, 2.0, 4.0])
    assert 1 < len(parts) <= 12 and 0.7 < sum(share for share, _ in parts) <= 1.0 + 1e-12
    _, best = max(parts, key=lambda part: part[0])
    fit = GaussianProcess.fit(points, values, euclidean, [1.0, 2.0, 4.0])
    assert best.length == fit.length and np.array_equal(best.factor, fit.factor)
    standard = (values - values.mean()) / values.std()

    def likelihood(one: GaussianProcess) -> float:  # of the standardised values, with the best variance
        noisy = one.factor @ one.factor.T
        variance = standard @ np.linalg.solve(noisy, standard) / len(values)
        return float(stats.multivariate_normal(cov=variance * noisy).logpdf(standard))

    (first, a), (second, b) = parts[0], parts[-1]
    assert np.log(first / second) == pytest.approx(likelihood(a) - likelihood(b))


def test_expected_improvement_is_the_mean_of_the_improvement() -> None:
    mean, deviation, best = np.array([0.0, 1.0, -1.0]), np.array([1.0, 0.5, 2.0]), 0.7
    draws = np.random.default_rng(0).normal(mean, deviation, size=(400_000, 3))
    assert np.allclose(
        expected_improvement(mean, deviation, best), np.maximum(draws - best, 0).mean(axis=0), atol=0.01
    )


def test_the_gradient_of_an_ensemble_is_that_of_its_loss() -> None:
    rng = np.random.default_rng(2)
    codes, values = rng.random((8, 4)), rng.random(8)
    ensemble = Ensemble(Training(networks=2, layers=2, width=5, epochs=1), rng).fit(codes, values)
    inputs, targets = np.stack([codes, codes]), np.stack([values, values])

    def loss() -> float:
        return float(sum(np.abs(ensemble._forward(inputs)[-1][k, :, 0] - targets[k]).mean() for k in range(2)))

    by_weight, by_bias = ([np.zeros_like(part) for part in parts] for parts in (ensemble.weights, ensemble.biases))
    ensemble._backward(inputs, targets, by_weight, by_bias)
    for parts, gradients in ((ensemble.weights, by_weight), (ensemble.biases, by_bias)):
        for part, gradient in zip(parts, gradients, strict=True):
            index = np.unravel_index(np.abs(gradient).argmax(), gradient.shape)
            part[index] += 1e-6
            above = loss()
            part[index] -= 2e-6
            assert (above - loss()) / 2e-6 == pytest.approx(gradient[index], rel=1e-4)
            part[index] += 1e-6


def test_an_ensemble_learns_what_its_data_say() -> None:
    rng = np.random.default_rng(3)
    codes = rng.integers(2, size=(120, 10)).astype(float)
    values = 90 + codes @ np.arange(10)
    ensemble = Ensemble(Training(epochs=60), np.random.default_rng(0)).fit(codes[:100], values[:100])
    assert stats.spearmanr(ensemble.predict(codes[100:]).mean(axis=0), values[100:])[0] > 0.9


@pytest.mark.parametrize("loss", ["squared", "ranking"])
def test_boosted_trees_rank_what_they_have_not_seen(loss: str) -> None:
    rng = np.random.default_rng(4)
    codes = rng.integers(2, size=(150, 8)).astype(float)
    values = np.exp(codes @ np.arange(8) / 8)
    trees = Boosting(loss, rounds=60, rng=rng).fit(codes[:120], values[:120], np.ones(120))  # type: ignore[arg-type]
    assert stats.spearmanr(trees.predict(codes[120:]), values[120:])[0] > 0.9


def test_the_ranking_loss_reaches_the_trees_and_ignores_the_scale() -> None:
    codes = np.eye(6)
    values = np.array([0.0, 1.0, 2.0, 3.0, 4.0, 5.0])
    first, second = (
        Boosting("ranking", rounds=5, rng=np.random.default_rng(0)).fit(codes, scaled, np.ones(6)).predict(codes)
        for scaled in (values, np.exp(values))
    )
    assert np.array_equal(first, second) and np.array_equal(np.argsort(first), np.arange(6))


def test_rank_weights_are_those_of_weighted_retraining() -> None:
    weights = rank_weights([3.0, 9.0, 3.0, 1.0], k=0.5)
    expected = np.array([1 / (2 + 1), 1 / (2 + 0), 1 / (2 + 1), 1 / (2 + 3)])
    assert np.allclose(weights, expected / expected.sum())


def test_path_statistics_count_operations_along_live_paths() -> None:
    space = spaces["nasbench201"]
    text = "|nor_conv_3x3~0|+|none~0|avg_pool_3x3~1|+|skip_connect~0|none~1|nor_conv_1x1~2|"
    #  input -> output by skip; input -> 1 -> 2 -> output by conv 3x3, average pooling, conv 1x1
    paths, *counts = PathStatistics(space).of(space.parse(text)).tolist()
    assert paths == pytest.approx(np.log1p(2))
    assert counts == [2, 1, 1, 0, 0, 0, 1, 0.5, 0.5]  # largest, smallest, mean of weighted, 3x3, pooling


@pytest.mark.parametrize("name", list(spaces))
def test_path_statistics_tell_random_genotypes_apart(name: str) -> None:
    space, rng = spaces[name], np.random.default_rng(0)
    statistics = PathStatistics(space)
    found = {tuple(statistics.of(space.random(rng))) for _ in range(30)}
    assert len(found) > 15


def test_a_generator_pairs_codes_with_graphs_and_continues_from_its_state() -> None:
    space, rng = spaces["nasbench201"], np.random.default_rng(0)
    codes = np.stack([space.encode(space.random(rng)) for _ in range(64)])
    generator = Generator(codes.shape[1], Fitting(rate=3e-3), seed=1)
    generator.pretrain(codes, 60, seed=2)
    decoded = np.stack(list(generator.draw(codes[:8], ascent=0, seed=3))[:8])  # from latent codes near these
    distance = np.abs(decoded[:, None] - codes[None]).sum(axis=2)  # (8, 64)
    assert (distance.argmin(axis=1) == np.arange(8)).sum() >= 6

    copy = Generator(codes.shape[1], Fitting(rate=3e-3), seed=9)
    copy.load_state_dict(generator.state_dict())
    values, weights = codes @ rng.random(codes.shape[1]), np.ones(64) / 64
    for each in (generator, copy):
        each.fit(codes, values, weights, 2, seed=4)
    assert np.array_equal(generator.predict(codes), copy.predict(codes))
    assert np.array_equal(*(list(each.draw(codes[:2], 3, seed=5)) for each in (generator, copy)))


def labels_of(cell: str) -> list[str]:
    space = spaces["nasbench201"]
    (graph,) = space.graphs(space.parse(cell))
    return sorted(LabelHistogram(space)._labels(graph))


def test_a_label_is_an_operation_with_those_before_it_on_live_arrows() -> None:
    cell = "|nor_conv_3x3~0|+|none~0|avg_pool_3x3~1|+|skip_connect~0|none~1|nor_conv_1x1~2|"
    assert labels_of(cell) == sorted(
        [
            *("nor_conv_3x3", "avg_pool_3x3", "skip_connect", "nor_conv_1x1"),
            *("nor_conv_3x3 after input", "skip_connect after input"),
            *("avg_pool_3x3 after nor_conv_3x3", "nor_conv_1x1 after avg_pool_3x3"),
        ]
    )
    dead = "|nor_conv_3x3~0|+|nor_conv_1x1~0|none~1|+|skip_connect~0|none~1|none~2|"  # nodes 1 and 2 lead nowhere
    assert labels_of(dead) == ["skip_connect", "skip_connect after input"]
    unfed = "|none~0|+|none~0|nor_conv_3x3~1|+|skip_connect~0|none~1|nor_conv_1x1~2|"  # no path from the input
    assert labels_of(unfed) == labels_of(dead)
    assert labels_of("|none~0|+|none~0|none~1|+|none~0|none~1|none~2|") == []


@pytest.mark.parametrize("name", sorted(spaces))
def test_isomorphic_genotypes_have_the_same_labels_and_others_differ(name: str) -> None:
    space, rng = spaces[name], np.random.default_rng(0)
    histogram = LabelHistogram(space)
    drawn = [space.random(rng) for _ in range(200)]
    assert len({histogram.of(genotype).tobytes() for genotype in drawn}) > 0.8 * len(set(map(space.key, drawn)))
    for genotype in drawn[:50]:
        assert np.array_equal(histogram.of(genotype), histogram.of(space.canonical(genotype)))

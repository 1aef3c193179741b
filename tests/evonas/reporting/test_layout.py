"""Drawn cells: nothing lies on top of something else, and every line ends where it should."""

from __future__ import annotations

import numpy as np
import pytest

from evonas.reporting.layout import PILL, RADIUS, Drawing, lay_out
from evonas.store.ancestry import Births
from spaces import Space


def drawings(space: Space) -> list[Drawing]:
    rng = np.random.default_rng(0)
    genotypes = [space.random(rng) for _ in range(40)] + [entry.genotype for entry in space.published().values()]
    return [lay_out(graph, space) for genotype in genotypes for graph in space.graphs(genotype)]


def test_no_operation_covers_another_or_a_state(space: Space) -> None:
    for drawing in drawings(space):
        boxes = [(pill.x, pill.y, pill.width, PILL) for pill in drawing.pills]
        boxes += [(disc.x, disc.y, 2 * RADIUS, 2 * RADIUS) for disc in drawing.discs]
        for i, (x, y, width, height) in enumerate(boxes):
            assert drawing.left <= x - width / 2 and x + width / 2 <= drawing.right
            assert y - height / 2 >= 0 and y + height / 2 <= drawing.height
            for a, b, other_width, other_height in boxes[:i]:
                assert abs(x - a) >= (width + other_width) / 2 or abs(y - b) >= (height + other_height) / 2


def test_every_operation_has_one_line_in_and_one_out(space: Space) -> None:
    rng = np.random.default_rng(1)
    for graph in space.graphs(space.random(rng)):
        drawing = lay_out(graph, space)
        live = [arrow for arrow in graph.arrows if not space.operation(arrow.operation).silent]
        assert len(drawing.pills) == len(live) and len(drawing.ways) == 2 * len(live)
        assert drawing.silent == len(graph.arrows) - len(live)
        for pill, into, out in zip(drawing.pills, drawing.ways[::2], drawing.ways[1::2], strict=True):
            x, y = into.commands[-1][1][-2:]
            assert abs(x - pill.x) <= pill.width / 2 + 1e-9 and abs(y - pill.y) <= PILL / 2 + 1e-9
            assert out.commands[0][1][0] == pill.x and out.colour == pill.colour


def births(params: list[int], score: list[float], cached: list[bool]) -> Births:
    n = len(params)
    zeros = np.zeros(n, dtype=np.int64)
    return Births(zeros, zeros - 1, np.array(cached), np.array(params), zeros, np.array(score))


def test_the_front_is_what_none_beats_in_both() -> None:
    rng = np.random.default_rng(2)
    params, score = rng.integers(1, 30, 200), rng.integers(0, 40, 200).astype(float)
    score[::17] = np.nan
    cached = rng.random(200) < 0.2
    found = births(params.tolist(), score.tolist(), cached.tolist())
    places = [i for i in range(200) if not cached[i] and np.isfinite(score[i])]

    def beaten(i: int) -> bool:
        return any(
            params[j] <= params[i] and score[j] >= score[i] and (params[j] < params[i] or score[j] > score[i])
            for j in places
        )

    expected = {(params[i], score[i]) for i in places if not beaten(i)}
    assert {(params[i], score[i]) for i in found.front()} == expected and len(found.front()) == len(expected)


@pytest.mark.parametrize("score", [[1.0, 1.0, 1.0], [1.0, 2.0], [np.nan] * 4])
def test_there_is_no_correlation_with_size_where_it_is_not_defined(score: list[float]) -> None:
    n = len(score)
    assert births(list(range(1, n + 1)), score, [False] * n).size_correlation() is None

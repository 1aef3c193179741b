"""Two workers, two pretended cards: each scores on its own, and its scores are those of one process."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from evonas.engine.scores import Proxies, score_chunk
from tests.pretended import card
from tests.pretended.test_paths import genotypes, task
from tests.pretended.workers import CARDS, CardProcesses, score_where


def test_each_worker_scores_on_its_own_card(tmp_path: Path) -> None:
    some, names = genotypes("nasbench201", 4), Proxies(("grad-norm",))
    expected = [one["grad-norm"].value for one in score_chunk(some, names, task("cpu", "nasbench201"))]
    work = partial(score_where, fitness=names, task=task("cuda", "nasbench201"), place=tmp_path)
    with card(CARDS):
        engine = CardProcesses()
        with engine.opened("cuda", lambda text: None):
            assert engine.most_workers == CARDS
            engine.share(len(some), 1)
            found = list(engine.map(work, some, lambda genotype, reason: (None, {"grad-norm": None})))
    assert {where for where, _ in found} == {0, 1}
    assert [scores["grad-norm"] for _, scores in found] == pytest.approx(expected, rel=1e-5)

"""Where scores are computed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from evonas import EvonasError
from evonas.engine.scores import Proxies, score_chunk
from fitness import Task, proxies
from fitness.base import Proxy
from spaces import NetworkSize, spaces


@pytest.mark.parametrize("error", [RuntimeError("CUDA error: no\nmore lines"), MemoryError()])
def test_a_failing_device_is_reported_with_the_genotype_it_failed_on(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    space, rng = spaces["nasbench201"], np.random.default_rng(0)
    given = [space.random(rng) for _ in range(3)]

    def failing(genotype: Any, task: Task) -> float:
        if genotype == space.canonical(given[1]):
            raise error
        return 1.0

    monkeypatch.setitem(proxies._entries, "failing", Proxy("failing", failing, "", "", "", False))
    with pytest.raises(EvonasError) as caught:
        list(score_chunk(given, Proxies(("params", "failing")), Task(space, NetworkSize(2, 1))))
    cause = str(error).split("\n")[0] or "MemoryError"
    advice = "; free memory, or use fewer --workers or another --device, and resume; computed scores are saved"
    expected = f"scoring failed on cpu: {cause} (genotype {given[1]})" + advice * isinstance(error, MemoryError)
    assert str(caught.value) == expected

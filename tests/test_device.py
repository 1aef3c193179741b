"""Tests on a GPU: one message where there is none."""

from __future__ import annotations

import pytest
import torch

from tests.device import problem, share_apart


def test_a_gpu_that_is_missing_is_one_message(monkeypatch: pytest.MonkeyPatch, device: str) -> None:
    assert problem("cpu") is None and problem(device) is None
    for available in (False, True):
        monkeypatch.setattr(torch.cuda, "is_available", lambda available=available: available)
        assert (problem("cuda") is None) == available
    assert "must be cpu or cuda, not gpu" in (problem("gpu") or "")


def test_the_share_of_pixels_that_differ() -> None:
    found, expected = torch.tensor([0.0, 1.0, 2.0, 3.0]), torch.tensor([0.0, 1.01, 2.5, 3.0])
    assert share_apart(found, expected, 0.1) == 0.25 and share_apart(found, expected, 0) == 0.5

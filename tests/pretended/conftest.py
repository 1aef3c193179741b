"""On a real GPU only those tests run that do not ask what a pretended card has seen."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from tests.device import REAL, VARIABLE

ON_A_GPU = {"test_paths.py", "test_certificates.py", "test_single.py"}
COMMANDS_ON_A_GPU = {
    "test_a_search_is_trained_evaluated_verified_and_reported",
    "test_a_benchmark_measures_what_the_first_hour_on_a_gpu_needs",
    "test_memory_formats",
}


@pytest.fixture(autouse=True)
def of_a_pretended_card_only(request: pytest.FixtureRequest) -> None:
    """Skips what a real GPU cannot answer."""
    if REAL and request.path.name not in ON_A_GPU and request.node.name not in COMMANDS_ON_A_GPU:
        pytest.skip(f"about the pretended card itself, not about a GPU ({VARIABLE})")


@pytest.fixture(autouse=True)
def leaves_no_card() -> Iterator[None]:
    """What a test replaces within a card must be put back within it, else later tests believe in a GPU."""
    before = dict(vars(torch.cuda))
    yield
    changed = [
        name for name, value in before.items() if callable(value) and vars(torch.cuda).get(name) is not value
    ]
    assert not changed, changed

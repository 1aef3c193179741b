"""docs/latency.py measures and prints its tables, at a small size, by one backend and with a pretended clock."""

from __future__ import annotations

import importlib.util
import itertools
import json
from pathlib import Path

import pytest

from evonas.searching.latency.clock import Timing
from evonas.searching.objectives import latency

SCRIPT = Path(__file__).parents[1] / "docs" / "latency.py"


def test_the_tables_of_the_page_are_measured_once_and_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = importlib.util.spec_from_file_location("latency", SCRIPT)
    assert spec is not None and spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    measured = itertools.count()
    monkeypatch.setattr(latency, "timing", lambda *_: Timing(10.0 + next(measured) % 3, 20.0))
    script.SIZE = {"space": "darts", "channels": 2, "layers": 1, "image_size": 8}
    script.KINDS = {"latency_ms.torch": "latency"}
    script.MEASURED, script.FITTED, script.REPEATED, script.TIMES = 12, 8, 2, 1
    script.main(tmp_path)
    first, second = (text.splitlines() for text in capsys.readouterr().out.split("\n\n"))
    assert first[2].startswith("| `latency_ms.torch` | 8 | 4 | ") and len(first) == 3
    assert [line.count("|") for line in second[:4]] == [6] * 4
    assert second[2].startswith("| 1 | ") and " | 20 | " in second[3]
    assert second[4].startswith("latency_ms.torch: run-to-run spread ") and len(second) == 5
    assert json.loads((tmp_path / "latency_ms.torch.json").read_text())
    count = next(measured)
    script.main(tmp_path)
    assert next(measured) == count + 1 + 2  # the networks of the table are not measured again

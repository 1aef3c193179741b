"""Measures the numbers of docs/latency.md and prints its tables; two minutes on one thread.

``python docs/latency.py DIRECTORY`` keeps what it measures in ``DIRECTORY``; repeat it to continue.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import evonas

SIZE: dict[str, Any] = {"space": "darts", "channels": 16, "layers": 8}
KINDS = {"latency_ms.torch": "latency", "latency_ms.onnx": "latency:onnx"}
MEASURED, FITTED, REPEATED, TIMES = 55, 35, 10, 3


def main(directory: Path) -> None:
    """Measure genotypes, fit both models, and measure ten genotypes again."""
    directory.mkdir(parents=True, exist_ok=True)
    table = directory / "latencies.csv"
    backends = [column.removeprefix("latency_ms.") for column in KINDS]
    settings = evonas.TabulateSettings(latency=backends, **SIZE)
    lines = ["| column | fitted on | others | mean error | largest | standard deviation |", "|---|" + "---:|" * 5]
    for column in KINDS:
        path = directory / f"{column}.json"
        found = evonas.fit_latency(table, column, path, measure=MEASURED, sample=FITTED, settings=settings)
        error = found.error
        numbers = f"{error.mean:.3g} | {error.largest:.3g} | {error.spread:.3g}"
        lines.append(f"| `{column}` | {found.networks} | {error.networks} | {numbers} |")
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))[:REPEATED]
    again = [evonas.score([row["genotype"] for row in rows], [*KINDS.values()], **SIZE) for _ in range(TIMES)]
    names = "".join(f" {backend} median | p95 | spread |" for backend in backends)
    lines += ["", f"| genotype | params |{names}", "|" + "---:|" * (2 + 3 * len(backends))]
    spreads: dict[str, list[float]] = {column: [] for column in KINDS}
    for i, row in enumerate(rows):
        cells = [str(i + 1), row["params"]]
        for column, name in KINDS.items():
            values = [float(row[column]), *(scores[i].scores[name] for scores in again)]
            spreads[column].append(100 * stdev(values) / fmean(values))
            cells += [f"{fmean(values):.3g}", f"{float(row[f'{column}.p95']):.3g}", f"{spreads[column][-1]:.1f} %"]
        lines.append(f"| {' | '.join(cells)} |")
    for column, found in spreads.items():
        values = [float(row[column]) for row in rows]
        apart = 100 * stdev(values) / fmean(values)
        lines.append(
            f"{column}: run-to-run spread {fmean(found):.1f} % on average, the ten differ by {apart:.1f} %"
        )
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "latency"))

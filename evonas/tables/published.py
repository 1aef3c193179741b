"""Published correlations, to compare with the measured ones.

Source: Ha, Kim, Hwang 2023 (arXiv:2306.05031), Table 1a: Spearman's rho on CIFAR-10 over the NAS-Bench-201 space.
"""

from __future__ import annotations

from collections.abc import Sequence

from evonas.tables.correlate import Correlation

COLUMNS = ("clean", "fgsm-8", "fgsm-4", "fgsm-2", "weather", "noise", "blur", "digital")

TABLE_1A: dict[str, tuple[float, ...]] = {
    "flops": (0.726, 0.753, 0.740, 0.716, 0.665, 0.138, 0.219, 0.473),
    "params": (0.747, 0.756, 0.739, 0.713, 0.674, 0.131, 0.215, 0.489),
    "plain": (-0.073, -0.059, -0.055, -0.029, -0.041, 0.048, 0.035, -0.032),
    "grasp": (0.440, 0.547, 0.563, 0.541, 0.459, 0.217, 0.164, 0.327),
    "fisher": (0.356, 0.457, 0.491, 0.498, 0.407, 0.217, 0.221, 0.240),
    "grad-norm": (0.598, 0.750, 0.766, 0.743, 0.641, 0.246, 0.227, 0.423),
    "synflow": (0.737, 0.778, 0.750, 0.727, 0.673, 0.188, 0.165, 0.554),
    "naswot": (0.660, 0.511, 0.507, 0.435, 0.466, -0.066, -0.005, 0.413),
    "croze": (0.823, 0.826, 0.801, 0.780, 0.743, 0.190, 0.224, 0.566),
}


def beyond_interval(result: Correlation) -> dict[str, list[str]]:
    """Targets by proxy where the published rho lies outside the measured 95 % interval."""
    found: dict[str, list[str]] = {}
    for name, row in TABLE_1A.items():
        for target, figure in zip(COLUMNS, row, strict=True):
            interval = result.ci95.get(name, {}).get(target)
            if interval is not None and not interval[0] <= figure <= interval[1]:
                found.setdefault(name, []).append(target)
    return found


def markdown(result: Correlation, names: Sequence[str] | None = None) -> str:
    """A Markdown table: rho of every proxy, published values in parentheses, best average first.

    A figure outside the measured interval is in bold. ``avg`` is the mean over the published columns.
    """
    shared = [target for target in COLUMNS if target in result.target]
    order = sorted(names or result.spearman, key=lambda name: -(_average(result, name, shared) or -2.0))
    lines = [f"| proxy | {' | '.join(result.target)} | avg |", f"|---{'|---:' * (len(result.target) + 1)}|"]
    outside = beyond_interval(result)
    for name in order:
        cells = []
        for target in result.target:
            published = dict(zip(COLUMNS, TABLE_1A[name], strict=True)).get(target) if name in TABLE_1A else None
            cells.append(_cell(result.spearman[name][target], published, target in outside.get(name, [])))
        cells.append(_number(_average(result, name, shared)))
        lines.append(f"| `{name}` | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _average(result: Correlation, name: str, shared: Sequence[str]) -> float | None:
    values = [result.spearman[name][target] for target in shared]
    return sum(values) / len(values) if values and None not in values else None


def _cell(measured: float | None, published: float | None, outside: bool) -> str:
    if published is None:
        return _number(measured)
    published_text = f"**{_number(published)}**" if outside else _number(published)
    return f"{_number(measured)} ({published_text})"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}".replace("0.", ".", 1)

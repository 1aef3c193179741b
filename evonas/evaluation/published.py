"""Published results, to compare with measured ones.

Source: Ha, Kim, Hwang 2023 (arXiv:2306.05031), Table 3: networks of the DARTS space at C=36, L=20 after standard
training, one run each, no intervals; search seconds on one RTX 3090.
"""

from __future__ import annotations

from typing import NamedTuple

PROTOCOL = "CRoZe paper, Table 3: 200 epochs (croze200), whole test set, CIFAR-C as published, FGSM, one run"


class PublishedRow(NamedTuple):
    """Accuracies and HRS in percent, params in millions, search in GPU seconds."""

    method: str
    params: float
    seconds: int
    clean: float
    corruptions: float
    fgsm: float
    hrs: float


TABLE_3: dict[str, tuple[PublishedRow, ...]] = {
    "cifar10": (
        PublishedRow("PC-DARTS", 3.60, 8355, 95.35, 73.62, 14.56, 25.26),
        PublishedRow("DrNAS", 4.10, 46857, 94.64, 72.62, 13.96, 24.33),
        PublishedRow("RobNet", 5.44, 274062, 95.30, 72.51, 13.43, 23.54),
        PublishedRow("AdvRush", 4.20, 251245, 94.80, 72.00, 16.17, 27.63),
        PublishedRow("GradNorm", 4.69, 9740, 92.84, 71.82, 15.55, 26.64),
        PublishedRow("SynFlow", 5.08, 10138, 90.41, 66.93, 10.59, 18.96),
        PublishedRow("CRoZe", 5.52, 17066, 94.45, 74.63, 22.38, 36.19),
    ),
    "cifar100": (
        PublishedRow("PC-DARTS", 3.60, 8355, 76.96, 49.95, 7.93, 14.38),
        PublishedRow("DrNAS", 4.10, 46857, 77.46, 50.76, 7.87, 14.29),
        PublishedRow("RobNet", 5.44, 274062, 76.15, 49.43, 6.47, 11.93),
        PublishedRow("AdvRush", 4.20, 251245, 76.33, 49.53, 8.21, 14.83),
        PublishedRow("GradNorm", 3.83, 9554, 67.95, 42.81, 5.11, 9.51),
        PublishedRow("SynFlow", 4.42, 9776, 75.93, 48.53, 8.22, 14.83),
        PublishedRow("CRoZe", 4.72, 17457, 75.18, 49.35, 10.84, 18.95),
    ),
}

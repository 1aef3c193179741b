"""The published RobNets, each with the repository it was read from: facts for baselines."""

from __future__ import annotations

from typing import NamedTuple


class Row(NamedTuple):
    """A RobNet of the literature."""

    method: str
    source: str  # repository, commit, file, name
    codes: tuple[str, ...]
    note: str = ""

    @property
    def genotype(self) -> str:
        """The genotype as `RobNet.parse` reads it."""
        return f"RobNet(cells={list(self.codes)})"


SOURCE = "gmh14/RobNets 0fbcb0363e architecture_code.py"
LARGE = ("11|11|11|11|11|01|11|01|10|11|01|01|01|11",)

PUBLISHED: dict[str, Row] = {
    "RobNet_free": Row(
        "RobNet-free (Guo 2020)",
        f"{SOURCE} robnet_free",
        (
            "11|10|11|11|10|11|01|01|10|11|11|00|11|01",
            "11|00|01|10|01|00|10|10|00|01|11|10|11|00",
            "11|11|11|01|01|11|01|00|10|00|10|10|00|11",
            "10|11|10|01|01|10|10|01|10|11|00|00|01|10",
            "11|11|01|00|10|10|10|01|10|01|00|10|01|11",
            "11|10|11|11|11|01|10|11|00|10|01|11|01|11",
            "11|11|11|10|10|01|11|10|01|10|10|10|01|10",
            "01|11|11|11|01|11|11|11|01|11|01|11|10|00",
            "11|11|11|11|11|01|01|11|10|01|00|10|01|11",
            "10|11|01|00|11|11|10|11|01|11|11|11|11|00",
            "11|10|11|00|00|00|11|00|01|10|00|01|10|11",
            "01|11|01|11|11|10|10|11|10|11|01|11|10|00",
            "11|11|10|10|01|00|10|11|11|01|10|10|00|01",
            "01|11|11|11|01|01|11|01|01|11|11|01|10|10",
            "01|11|11|11|11|01|00|01|10|10|11|10|10|11",
            "11|11|00|11|11|01|00|01|10|00|11|01|11|11",
            "11|11|01|11|11|10|11|10|10|10|10|10|11|11",
            "10|11|01|11|11|01|11|00|11|11|00|10|00|01",
            "11|10|11|11|11|11|11|10|11|00|11|01|11|11",
            "11|11|01|01|11|11|01|00|00|10|00|01|01|11",
        ),
        "a code for each of 20 cells",
    ),
    "RobNet_large_v1": Row(
        "RobNet-large v1 (Guo 2020)", f"{SOURCE} robnet_large_v1", LARGE, "one code for all cells"
    ),
    "RobNet_large_v2": Row(
        "RobNet-large v2 (Guo 2020)",
        f"{SOURCE} robnet_large_v2",
        LARGE,
        "one code for all cells; the same code as v1",
    ),
}

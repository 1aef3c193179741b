"""DSRNA: differentiable search that also maximises a bound of robustness.

Source: Hosseini, Yang, Xie, "DSRNA: Differentiable Search of Robust Neural Architectures", CVPR 2021
(arXiv:2012.06122): the architecture parameters minimise L_val - gamma R, R a certified lower bound, a bound of the
Jacobian norm, or both. This project was written from the abstract and from what others report of the paper. It
decides what these leave open:

* ``certified``: R is the mean over images of the smallest margin f_y - f_k that is certified within ``eps``,
  through the mixed operations, with the batch's statistics in BatchNorm: by intervals, or with
  ``bounds=linear`` by CROWN-IBP. The paper composes linear bounds of convolution blocks (as CNN-Cert does).
* ``jacobian``: R is minus the mean over images and cells of an upper bound of |J_k|_inf, J_k the Jacobian of the
  output of cell k by its inputs, at the image.
* ``both``: their sum.
* ``scale``: in both, logarithms: log |J_k|_inf, and -log(1 - m) of a negative margin m. In a supernet of 5 cells
  the margins are about -1e30 and the norms 1e7, so that the sums of the numbers themselves (``scale=raw``)
  leave nothing of L_val; by logarithms, gamma = 0.01 gives gradients of the size of those of L_val.
* gamma is 0.01, as is reported of the paper, for each of them.

Everything else is `darts`, which it equals with gamma 0. The paper is reported to search in the space of PC-DARTS:
that is ``partial=4``, ``edge_weights=true`` and ``warmup=15``, which are off by default.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Literal

from evonas.core.options import bounded
from evonas.searching.algorithms import algorithms
from evonas.searching.algorithms.darts import Darts
from evonas.searching.algorithms.darts import Options as DartsOptions
from evonas.searching.differentiable import robustness
from evonas.searching.differentiable.robustness import Certificate, Robustness


@dataclass(frozen=True)
class Options(DartsOptions):
    """Those of `darts`. ``gamma`` weighs R, ``robustness`` names it; ``eps`` (1/255) is of the certified one.

    That one is of the first ``certified_images`` of each batch, by default of all. With ``scale`` raw, R has the
    numbers themselves instead of logarithms.
    """

    gamma: float = bounded(0.01, 0, 1e6)
    robustness: Literal["certified", "jacobian", "both"] = "both"
    eps: float = bounded(1.0, 0, 255)
    bounds: Literal["intervals", "linear"] = "intervals"
    certified_images: int | None = bounded(None, 1, 100_000)
    scale: Literal["log", "raw"] = "log"


@algorithms.register("dsrna")
class Dsrna(Darts):
    """`darts` whose architecture parameters also maximise a certified margin or minimise Jacobians of cells."""

    Options = Options

    def robustness(self) -> tuple[float, Robustness | None]:
        options, raw = self.options, self.options.scale == "raw"
        how = Certificate(options.eps, options.bounds == "linear", options.certified_images)
        kinds: dict[str, Robustness] = {
            "certified": partial(robustness.certified, how=how, raw=raw),
            "jacobian": partial(robustness.jacobian, raw=raw),
            "both": partial(robustness.both, how=how, raw=raw),
        }
        return options.gamma, kinds[options.robustness]

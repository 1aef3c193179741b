"""The error of a training whose loss is not finite."""

from __future__ import annotations

from pathlib import Path

from spaces.errors import EvonasError


class NotFinite(EvonasError):
    """The loss is infinite or NaN in ``epoch``, counted from 1; the epoch before it is in ``last``."""

    def __init__(self, epoch: int, lr: float, last: Path) -> None:
        self.epoch = epoch
        kept = f"epoch {epoch - 1} is saved in {last}" if epoch > 1 else "no epoch was finished"
        super().__init__(
            f"the loss is no longer finite in epoch {epoch} (lr {lr:g}); {kept}. "
            f"Train again with a lower learning rate, such as --lr {lr / 4:.2g}, or a smaller clip"
        )

    def __reduce__(self) -> tuple[type[EvonasError], tuple[str]]:
        """As its message alone, which is what a worker sends."""
        return EvonasError, (str(self),)

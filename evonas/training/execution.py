"""How a training is computed: its precision, and whether its network is compiled."""

from __future__ import annotations

from spaces.errors import UsageError

PRECISIONS = ("auto", "float32", "bfloat16")
MIN_COMPILED_PASSES = 10_000  # forward and backward passes, for which compiling takes less time than it saves


def precision_for(asked: str, device: str, certified: bool) -> str:
    """``asked``, where auto is bfloat16 on a GPU. Raises `UsageError` for a certified training in bfloat16."""
    if certified and asked == "bfloat16":
        raise UsageError("certified training needs --precision float32: bounds in bfloat16 would be too wide")
    if asked == "auto":
        return "bfloat16" if device.startswith("cuda") and not certified else "float32"
    return asked


def compiles(asked: bool | None, device: str, passes: int, certified: bool = False) -> bool:
    """``asked``, where None is yes for a long training on a GPU. Raises `UsageError` for a certified training."""
    if certified and asked:
        raise UsageError("certified training computes with intervals, which --compile does not; leave it out")
    long = passes >= MIN_COMPILED_PASSES and not certified
    return asked if asked is not None else device.startswith("cuda") and long

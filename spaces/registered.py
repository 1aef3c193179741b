"""The registry with every space in it: each enters itself when it is imported."""

from spaces import darts, nasbench201, robnet  # noqa: F401
from spaces.base import spaces

__all__ = ["spaces"]

"""The registry of spaces; importing a space registers it."""

from spaces import darts, nasbench201, robnet  # noqa: F401
from spaces.base import spaces

__all__ = ["spaces"]

"""Errors with a message for the user; every package raises them and the command line prints them."""

from __future__ import annotations


class EvonasError(Exception):
    """A failure with one clear message: what is wrong and what is allowed."""

    exit_code = 1


class UsageError(EvonasError):
    """Wrong usage: an unknown name, a malformed genotype, contradictory settings."""

    exit_code = 2


def shorten(text: str, longest: int = 60) -> str:
    """``text`` quoted on one line and truncated to ``longest`` characters, for messages."""
    return repr(text if len(text) <= longest else text[: longest - 3] + "...")

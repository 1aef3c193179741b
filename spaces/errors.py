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


def shown(value: object, longest: int = 60) -> str:
    """Any object quoted on one line, cut to ``longest`` characters; also one whose own ``repr`` fails."""
    if isinstance(value, str):
        return shorten(str.__str__(value), longest)
    try:
        written = " ".join(repr(value).split())
    except Exception:  # of the caller's own class, or an integer of thousands of digits
        written = f"an object of {type(value).__name__}"
    return written if len(written) <= longest else written[: longest - 3] + "..."

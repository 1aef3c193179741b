"""Errors that a person can act on; every floor raises these and the command line prints them."""

from __future__ import annotations


class EvonasError(Exception):
    """A failure with one clear message: what was wrong, and what would be right."""

    exit_code = 1


class UsageError(EvonasError):
    """The request itself was wrong: an unknown name, a malformed genotype, settings that contradict."""

    exit_code = 2


def shorten(text: str, longest: int = 60) -> str:
    """``text`` quoted on one line, cut to ``longest`` characters: user input inside a message."""
    return repr(text if len(text) <= longest else text[: longest - 3] + "...")

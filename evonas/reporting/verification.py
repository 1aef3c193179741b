"""The summary of a verification."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.text import Text

from evonas.verification.finding import CLOSE, DIFFERS, KEPT, SAME, UNCHECKED

if TYPE_CHECKING:
    from evonas.verification.finding import Verification

_STYLES = {SAME: "green", CLOSE: "yellow", KEPT: "green", DIFFERS: "bold red", UNCHECKED: "bold red"}


def verified(result: Verification) -> RenderableType:
    """One line per check; below, the reasons why last digits may differ."""
    columns = [[getattr(one, name) for one in result.findings] for name in ("status", "part", "name")]
    widths = [max(map(len, column), default=0) + 2 for column in columns]
    lines = []
    for finding in result.findings:
        status = (finding.status.ljust(widths[0]), _STYLES[finding.status])
        where = finding.part.ljust(widths[1]) + finding.name.ljust(widths[2])
        lines.append(Text.assemble(status, (where, "cyan"), finding.detail))
    lines += [Text(f"note: {reason}", style="dim") for reason in result.reasons]
    return Group(*lines, _conclusion(result))


def _conclusion(result: Verification) -> Text:
    for status, text in ((DIFFERS, "cannot be reproduced"), (UNCHECKED, "could not be checked completely")):
        found = [f"{one.part} ({one.name})" for one in result.findings if one.status == status]
        if found:
            return Text(f"{result.path} {text}: {', '.join(found)}", style="bold red")
    return Text(f"{result.path} can be reproduced", style="bold green")

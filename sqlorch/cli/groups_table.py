"""The table of ``sqlorch groups``."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from sqlorch.cli import text

if TYPE_CHECKING:
    from sqlorch.app.overview import GroupRow

_WIDTH = 110
_STYLES = {"active": "", "paused": "yellow", "held": "bold red"}


def groups_table(rows: Sequence[GroupRow]) -> None:
    """Print it; what stops a group, or waits, stands below."""
    # never cut: a pipe has no width, and a narrow terminal wraps
    console = Console(highlight=False, width=max(Console().width, _WIDTH))
    table = Table(box=None, header_style="dim", pad_edge=False, padding=(0, 2, 0, 0))
    for name in ("group", "schedule", "status", "decided until", "next due", "due", "open", "last"):
        table.add_column(name, justify="right" if name in {"due", "open"} else "left", no_wrap=True)
    for row in rows:
        table.add_row(
            row.name,
            escape(row.schedule) or "[dim]by hand[/]",
            _status(row),
            _utc(row.decided_until),
            _utc(row.next_due),
            _due(row),
            str(row.open) if row.open else "",
            f"[{text.STYLES.get(row.last, '')}]{text.SYMBOLS.get(row.last, '')}[/]" if row.last else "",
        )
    console.print(table)
    for row in rows:
        if row.reason:
            console.print(f"[bold]{row.name}[/]: {escape(row.reason)}")


def _status(row: GroupRow) -> str:
    style = _STYLES[row.status]
    return f"[{style}]{row.status}[/]" if style else row.status


def _due(row: GroupRow) -> str:
    return f"{row.due:,}{'' if row.counted else '+'}" if row.due else ""


def _utc(instant: datetime | None) -> str:
    return "" if instant is None else f"{instant:%Y-%m-%d %H:%M}Z"

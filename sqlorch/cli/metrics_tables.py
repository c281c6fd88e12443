"""Trends as tables and as JSON."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from sqlorch.cli import text
from sqlorch.domain.interval import format_instant
from sqlorch.domain.trends import DayTrend, NodeTrend, flakiest, growing, percentile, slowest

if TYPE_CHECKING:
    from rich.console import Console

    from sqlorch.app.trends import Trends
    from sqlorch.domain.trends import RunSample

_DAYS = 14
_POOR, _FINE = 0.5, 1.0

Columns = Sequence[tuple[str, Callable[[NodeTrend], str]]]


def document(found: Trends) -> dict[str, Any]:
    """The JSON document of ``--json``: every node and every day, the tables in the order they are shown."""
    return {
        "since": format_instant(found.start),
        "runs": len(found.runs),
        "succeeded": sum(run.ok for run in found.runs),
        "nodes": [asdict(node) for node in found.nodes],
        "slowest": [node.unique_id for node in slowest(found.nodes)],
        "flakiest": [node.unique_id for node in flakiest(found.nodes)],
        "growing": [node.unique_id for node in growing(found.nodes)],
        "days": [asdict(day) | {"day": f"{day.day:%Y-%m-%d}", "rate": day.rate} for day in found.days],
        "queue": [
            {
                "group": group,
                "runs": len(waits),
                "p50": percentile(waits, 0.5),
                "p95": percentile(waits, 0.95),
            }
            for group, waits in _waits(found.runs).items()
        ],
    }


def print_trends(console: Console, found: Trends, *, days: int, limit: int) -> None:
    """What a person reads."""
    period = "in the last day" if days == 1 else f"in the last {days} days"
    if not found.runs and not found.nodes:
        console.print(f"nothing ran {period}")
        return
    succeeded = sum(run.ok for run in found.runs)
    rate = f", {_percent(succeeded / len(found.runs))} succeeded" if found.runs else ""
    console.print(f"{text.number(len(found.runs), 'run')} {period}{rate}", style="bold")
    _print_nodes(console, "slowest", slowest(found.nodes)[:limit], _SLOW)
    _print_nodes(console, "flakiest", flakiest(found.nodes)[:limit], _FLAKY)
    _print_nodes(console, "growing", growing(found.nodes)[:limit], _GROWING)
    _print_days(console, found.days)
    _print_queue(console, found.runs)


def _ran(node: NodeTrend) -> str:
    return f"{node.executions:,}"


def _rows(node: NodeTrend) -> str:
    return "" if node.rows is None else f"{node.rows:,}"


_SLOW: Columns = (
    ("p50", lambda node: text.seconds(node.p50)),
    ("p95", lambda node: text.seconds(node.p95)),
    ("in all", lambda node: text.seconds(node.total)),
    ("ran", _ran),
)
_FLAKY: Columns = (
    ("failed", lambda node: f"{node.failures:,}"),
    ("retries", lambda node: f"{node.retries:,}"),
    ("ran", _ran),
    ("ok", lambda node: _percent(node.successes / node.executions)),
)
_GROWING: Columns = (
    ("time", lambda node: _times(node.slowdown)),
    ("p50", lambda node: text.seconds(node.p50)),
    ("rows", lambda node: _times(node.growth)),
    ("now", _rows),
)


def _print_nodes(console: Console, title: str, nodes: Sequence[NodeTrend], columns: Columns) -> None:
    if not nodes:
        return
    table = _table(title, [name for name, _ in columns])
    for node in nodes:
        name = Text(node.name, overflow="ellipsis")
        table.add_row(name, Text(node.kind, style="dim"), *(write(node) for _, write in columns))
    console.print()
    console.print(table)


def _print_days(console: Console, days: Sequence[DayTrend]) -> None:
    if not days:
        return
    table = _table("day", ["runs", "ok", "p50", "p95"], second="group")
    for day in days[-_DAYS:]:
        table.add_row(
            f"{day.day:%Y-%m-%d} UTC",
            Text(day.group, overflow="ellipsis"),
            f"{day.runs:,}",
            Text(_percent(day.rate), style=_style(day.rate)),
            text.seconds(day.p50),
            text.seconds(day.p95),
        )
    console.print()
    console.print(table)
    if len(days) > _DAYS:
        console.print(f"[dim]and {len(days) - _DAYS} before these: --json[/]")


def _print_queue(console: Console, runs: Sequence[RunSample]) -> None:
    table = _table("waited before the start", ["p50", "p95", "longest"], second="")
    for group, waits in _waits(runs).items():
        figures = (percentile(waits, 0.5), percentile(waits, 0.95), max(waits))
        table.add_row(Text(group, overflow="ellipsis"), "", *map(text.seconds, figures))
    if table.row_count:
        console.print()
        console.print(table)


def _table(title: str, figures: Iterable[str], second: str = "kind") -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column(title, no_wrap=True)
    table.add_column(second, no_wrap=True)
    for name in figures:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def _waits(runs: Iterable[RunSample]) -> dict[str, list[float]]:
    found: dict[str, list[float]] = defaultdict(list)
    for run in runs:
        found[run.group].append(run.queued)
    return dict(sorted(found.items()))


def _percent(share: float) -> str:
    """Never 100 % of what was not all."""
    return f"{int(share * 1000) / 10:.1f}".removesuffix(".0") + " %"


def _times(factor: float | None) -> str:
    return "-" if factor is None else f"{factor:.1f}x"


def _style(rate: float) -> str:
    if rate >= _FINE:
        return "green"
    return "yellow" if rate >= _POOR else "red"

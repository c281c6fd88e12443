"""Trends as tables and as JSON."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from sqlorch.cli import text
from sqlorch.cli.metrics_deadlines import deadline_documents, deadline_rows, fresh_documents, oldest_rows
from sqlorch.domain.interval import format_instant
from sqlorch.domain.trends import DayTrend, NodeTrend, flakiest, growing, percentile, slowest, waiting

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
        "waiting": [node.unique_id for node in waiting(found.nodes)],
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
        "deadlines": deadline_documents(found),
        "freshness": fresh_documents(found),
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
    _print_nodes(console, "waited for their turn", waiting(found.nodes)[:limit], _WAITING)
    _print_days(console, found.days)
    _print_queue(console, found.runs)
    _print_deadlines(console, found)
    _print_oldest(console, found)


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

_WAITING: Columns = (
    ("p50", lambda node: text.seconds(node.queued_p50)),
    ("p95", lambda node: text.seconds(node.queued_p95)),
    ("in all", lambda node: text.seconds(node.queued_total)),
    ("ran", _ran),
)


def _print_nodes(console: Console, title: str, nodes: Sequence[NodeTrend], columns: Columns) -> None:
    if not nodes:
        return
    table = _table(title, [name for name, _ in columns])
    for node in nodes:
        kind = Text(node.kind, style="dim", no_wrap=True)
        table.add_row(_name(node.name), kind, *(write(node) for _, write in columns))
    console.print()
    console.print(table)


def _print_days(console: Console, days: Sequence[DayTrend]) -> None:
    if not days:
        return
    table = _table("day", ["runs", "ok", "p50", "p95"], second="group")
    for day in days[-_DAYS:]:
        table.add_row(
            _name(f"{day.day:%Y-%m-%d} UTC"),
            _name(day.group),
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
        table.add_row(_name(group), "", *map(text.seconds, figures))
    _print(console, table)


def _print_deadlines(console: Console, found: Trends) -> None:
    table = _table("deadline", ["runs", "met", "latest"], second="group")
    for words, group, runs, share, latest in deadline_rows(found):
        met = Text(_percent(share), style=_style(share))
        table.add_row(_name(words), _name(group), runs, met, latest)
    _print(console, table)


def _print_oldest(console: Console, found: Trends) -> None:
    table = _table("oldest data", ["until", "behind"], second="group")
    for name, group, *figures in oldest_rows(found):
        table.add_row(_name(name), _name(group), *figures)
    _print(console, table)


def _print(console: Console, table: Table) -> None:
    if table.row_count:
        console.print()
        console.print(table)


def _table(title: str, figures: Iterable[str], second: str = "kind") -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    # names are shortened where a line is too long, and never a figure
    table.add_column(title)
    table.add_column(second)
    for name in figures:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def _name(name: str) -> Text:
    return Text(name, overflow="ellipsis", no_wrap=True)


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

"""What came of an invocation, for people and as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from sqlorch.cli import text
from sqlorch.domain.describe import compact
from sqlorch.domain.history import NodeRecord, RunRecord
from sqlorch.domain.interval import format_instant
from sqlorch.domain.run import NodeState, Outcome, RunState

if TYPE_CHECKING:
    from sqlorch.app.running import Ended
    from sqlorch.domain.history import AttemptRecord

_FEW = 40  # runs listed one by one


def exit_code(runs: Iterable[RunRecord]) -> int:
    """130 when a run was cancelled, 1 when one failed, else 0."""
    states = {run.state for run in runs}
    if RunState.CANCELLED in states:
        return 130
    return 1 if RunState.FAILED in states else 0


def as_document(runs: Sequence[RunRecord], nodes: dict[str, Sequence[NodeRecord]]) -> dict[str, Any]:
    """The JSON document of ``--json``."""
    return {"runs": [run_document(run, nodes[run.run_id]) for run in runs]}


def run_document(run: RunRecord, nodes: Sequence[NodeRecord]) -> dict[str, Any]:
    """One run with its nodes, as JSON."""
    return {
        "run_id": run.run_id,
        "group": run.group,
        "interval": {"start": format_instant(run.interval.start), "end": format_instant(run.interval.end)},
        "timezone": run.timezone,
        "state": str(run.state),
        "reason": run.reason,
        "generation": run.gen,
        "seconds": run.seconds,
        "nodes": [_node_document(node) for node in nodes],
    }


def _node_document(node: NodeRecord) -> dict[str, Any]:
    return {
        "unique_id": node.unique_id,
        "kind": node.kind,
        "state": str(node.state),
        "outcome": None if node.outcome is None else str(node.outcome),
        "attempts": node.tries,
        "seconds": node.seconds,
        "rows": node.rows,
        "failures": node.failures,
        "message": node.message or node.reason,
    }


def warned(nodes: Iterable[NodeRecord]) -> int:
    """How many nodes ended with a warning."""
    return sum(1 for node in nodes if node.outcome is Outcome.WARN)


def print_ended(
    console: Console, ended: Ended, failures: Sequence[tuple[RunRecord, NodeRecord, AttemptRecord]]
) -> None:
    """The summary a person reads at a glance.

    Args:
        console: where to.
        ended: what came of the invocation.
        failures: each failed node with its last attempt.
    """
    console.print()
    console.print(runs_table(ended.runs[-_FEW:]))
    if len(ended.runs) > _FEW:
        console.print(f"[dim]and {len(ended.runs) - _FEW} runs before these: sqlorch runs list[/]")
    for run, node, attempt in failures:
        _print_failure(console, run, node, attempt)
    _print_trouble(console, ended)
    for publication in ended.published.publications:
        size = publication.size / 1_000_000
        console.print(
            f"published {len(publication.rows)} tables to [bold]{escape(_short(publication.path))}[/] ({size:.1f} MB)"
        )
    for notice in ended.published.notices:
        console.print(f"[dim]{escape(notice)}[/]")
    if ended.published.failure:
        console.print(f"[red]not published:[/] {escape(ended.published.failure)}")


def runs_table(runs: Iterable[RunRecord]) -> Table:
    """Runs, one a line."""
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for heading in ("group", "interval", "state", "nodes", "time", "run"):
        table.add_column(heading, justify="right" if heading == "time" else "left", overflow="fold")
    for run in runs:
        state = str(run.state)
        table.add_row(
            escape(run.group),
            compact(run.interval, run.timezone),
            Text(state, style=text.STYLES.get(state, "")),
            text.counts(run.node_counts),
            text.seconds(run.seconds),
            run.run_id,
        )
    return table


def _print_failure(console: Console, run: RunRecord, node: NodeRecord, attempt: AttemptRecord) -> None:
    where = f"{attempt.file or node.path}{f':{attempt.line}' if attempt.line else ''}"
    console.print()
    console.print(
        Text.assemble(
            ("✗ ", "bold red"),
            (f"{node.kind} {node.name}", "bold"),
            (f"  {run.group} {compact(run.interval, run.timezone)}", "dim"),
        )
    )
    console.print(Text(f"  {where}"), soft_wrap=True)
    console.print(Text(f"  {attempt.message}", style="red"))
    if attempt.compiled_path:
        console.print(Text(f"  compiled: {_short(Path(attempt.compiled_path))}", style="dim"), soft_wrap=True)
    console.print(
        Text(f"  log:      sqlorch runs logs {run.run_id} {node.name}", style="dim"), soft_wrap=True
    )


def _print_trouble(console: Console, ended: Ended) -> None:
    bad = [run for run in ended.runs if run.state in {RunState.FAILED, RunState.CANCELLED}]
    if not bad:
        return
    console.print()
    for run in bad:
        console.print(f"retry with: [bold]sqlorch retry {run.run_id}[/]")


def failed(nodes: Iterable[NodeRecord]) -> list[NodeRecord]:
    """The nodes that failed themselves."""
    return [node for node in nodes if node.state is NodeState.FAILED]


def _short(path: Path) -> str:
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)

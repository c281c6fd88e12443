"""What came of an invocation, for people and as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from sqlorch.cli import text
from sqlorch.domain.dag import EXPECTATIONS
from sqlorch.domain.describe import compact, describe
from sqlorch.domain.freshness import FreshnessStatus
from sqlorch.domain.history import NodeRecord, RunRecord
from sqlorch.domain.interval import format_instant
from sqlorch.domain.run import NodeState, Outcome, RunState

if TYPE_CHECKING:
    from sqlorch.app.run_hints import Unlike
    from sqlorch.app.running import Ended
    from sqlorch.domain.freshness import SourceFreshness
    from sqlorch.domain.history import AttemptRecord

Failure = tuple[RunRecord, NodeRecord, "AttemptRecord"]

_FEW = 40  # runs listed one by one
_SHOWN_FAILURES = 5
_SHOWN_RETRIES = 3
_SHOWN_SKIPPED = 10
_SHOWN_UNLIKE = 5
_WIDE = 120  # columns from which run ids and words fit
_ID = 32  # columns of a run id


def exit_code(runs: Iterable[RunRecord]) -> int:
    """130 when a run was cancelled, 1 when one failed or is in other hands now, else 0."""
    states = {run.state for run in runs}
    if RunState.CANCELLED in states:
        return 130
    return 1 if any(state is RunState.FAILED or not state.terminal for state in states) else 0


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
        "queued_seconds": node.queued,
        "rows": node.rows,
        "failures": node.failures,
        "message": node.message or node.reason,
    }


def warned(nodes: Iterable[NodeRecord]) -> int:
    """How many nodes ended with a warning."""
    return sum(1 for node in nodes if node.outcome is Outcome.WARN)


def anomaly_document(each: Unlike) -> dict[str, Any]:
    """One hint, as JSON."""
    return {
        "run_id": each.run.run_id,
        "unique_id": each.node.unique_id,
        "kind": str(each.anomaly.kind),
        "value": each.anomaly.value,
        "usual": each.anomaly.usual,
        "samples": each.anomaly.samples,
    }


def print_ended(
    console: Console, ended: Ended, failures: Sequence[Failure], unlike: Sequence[Unlike] = ()
) -> None:
    """The summary a person reads at a glance.

    Args:
        console: where to.
        ended: what came of the invocation.
        failures: each failed node with its last attempt.
        unlike: what was unusual; told, it fails nothing.
    """
    console.print()
    console.print(runs_table(ended.runs[-_FEW:], width=console.width, run_ids=console.width >= _WIDE))
    if len(ended.runs) > _FEW:
        console.print(f"[dim]and {len(ended.runs) - _FEW} runs before these: sqlorch runs list[/]")
    for run, node, attempt in failures[:_SHOWN_FAILURES]:
        _print_failure(console, run, node, attempt)
    if len(failures) > _SHOWN_FAILURES:
        console.print(
            f"\n[dim]and {len(failures) - _SHOWN_FAILURES} more failures: sqlorch runs show RUN_ID[/]"
        )
    _print_skipped(console, ended)
    _print_unlike(console, unlike)
    _print_trouble(console, ended)
    for publication in ended.published.publications:
        path, size = _short(publication.path), publication.size / 1_000_000
        console.print(f"published {len(publication.rows)} tables to [bold]{escape(path)}[/] ({size:.1f} MB)")
    for notice in ended.published.notices:
        console.print(f"[dim]{escape(notice)}[/]")
    if ended.published.failure:
        console.print(f"[red]not published:[/] {escape(ended.published.failure)}")


def runs_table(runs: Iterable[RunRecord], *, width: int, run_ids: bool) -> Table:
    """Runs, one a line, fitted to ``width`` columns: words and times give way before ids and intervals."""
    wide = width >= (_WIDE if run_ids else _WIDE - _ID)
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    headings = ["run"] * run_ids + ["group", "interval", "state" if wide else "", "nodes"] + ["time"] * wide
    for heading in headings:
        table.add_column(
            heading, justify="right" if heading == "time" else "left", no_wrap=heading != "group"
        )
    for run in runs:
        table.add_row(*([run.run_id] * run_ids), *_run_cells(run, wide=wide))
    return table


def _run_cells(run: RunRecord, *, wide: bool) -> list[str | Text]:
    state = str(run.state)
    shown = state if wide else text.SYMBOLS.get(state, "…")
    total = sum(run.node_counts.values())
    nodes = text.counts(run.node_counts) if wide else f"{run.node_counts.get('success', 0)}/{total}"
    interval = compact(run.interval, run.timezone)
    cells: list[str | Text] = [Text(run.group, overflow="fold"), interval if wide else _iso(interval)]
    cells += [Text(shown, style=text.STYLES.get(state, "")), nodes]
    return [*cells, text.seconds(run.seconds)] if wide else cells


def _iso(interval: str) -> str:
    """``2026-11-22T13:00/14:00``: as ISO 8601 writes an interval that ends on the day it began."""
    start, _, end = interval.partition("/")
    day, clock, _ = start.partition("T")
    return f"{start}/{end.removeprefix(day + clock)}" if clock and end.startswith(day + clock) else interval


def print_run(
    console: Console, run: RunRecord, nodes: Sequence[NodeRecord], sources: Sequence[SourceFreshness] = ()
) -> None:
    """All there is to say of one run; of the sources that it reads, those that are not fresh."""
    console.print(
        Text.assemble((run.run_id, "bold"), f"  {run.group}  ", (str(run.state), text.STYLES[run.state]))
    )
    console.print(f"  interval   {describe(run.interval, run.timezone)}")
    again = f", generation {run.gen}" if run.gen > 1 else ""
    console.print(
        f"  took       {text.seconds(run.seconds)}: {text.counts(run.node_counts, warned(nodes))}{again}"
    )
    if run.reason:
        console.print(Text(f"  reason     {run.reason}", style="red"))
    for source in sources:
        if source.status is not FreshnessStatus.PASS:
            style = "red" if source.status is FreshnessStatus.ERROR else "yellow"
            console.print(Text(f"  source     {source}", style=style))
    console.print()
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for heading in ("", "kind", "node", "time", "rows", "tries"):
        right = heading in {"time", "rows", "tries"}
        table.add_column(heading, justify="right" if right else "left", no_wrap=heading != "node")
    for node in nodes:
        table.add_row(*_node_cells(node))
    console.print(table)


def _node_cells(node: NodeRecord) -> list[str | Text]:
    state = "warn" if node.outcome is Outcome.WARN else str(node.state)
    style = text.STYLES.get(state, "")
    # of a success only expectations say something that is not in the other columns
    told = state in {"warn", "failed"} or node.kind == EXPECTATIONS
    said = (node.message if told else "") or node.reason
    return [
        Text(text.SYMBOLS.get(state, " "), style=style),
        node.kind,
        Text.assemble(node.name, (f"\n{said}" if said else "", style), overflow="fold"),
        text.seconds(node.seconds),
        f"{node.rows:,}" if node.rows is not None else "",
        str(node.tries or ""),
    ]


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
    console.print(Padding(Text(attempt.message, style="red"), (0, 0, 0, 2)))
    if attempt.compiled_path:
        console.print(Text(f"  compiled: {_short(Path(attempt.compiled_path))}", style="dim"), soft_wrap=True)
    console.print(
        Text(f"  log:      sqlorch runs logs {run.run_id} {quote(node.name)}", style="dim"), soft_wrap=True
    )


def _print_skipped(console: Console, ended: Ended) -> None:
    """Nodes that were passed over by their conditions and rules, with the reason."""
    skipped = [
        (run, node)
        for run in ended.runs
        for node in ended.nodes[run.run_id]
        if node.state is NodeState.SKIPPED
    ]
    if skipped:
        console.print()
    for run, node in skipped[:_SHOWN_SKIPPED]:
        where = f"  {run.group} {compact(run.interval, run.timezone)}" if len(ended.runs) > 1 else ""
        line = Text.assemble(
            (f"{text.SYMBOLS['skipped']} skipped ", text.STYLES["skipped"]),
            f"{node.kind} {node.name}: ",
            (node.reason, "dim"),
            (where, "dim"),
        )
        console.print(line, soft_wrap=True)
    if len(skipped) > _SHOWN_SKIPPED:
        console.print(f"[dim]and {len(skipped) - _SHOWN_SKIPPED} more skipped: sqlorch runs show RUN_ID[/]")


def _print_unlike(console: Console, unlike: Sequence[Unlike]) -> None:
    if unlike:
        console.print()
    for each in unlike[-_SHOWN_UNLIKE:]:
        line = Text.assemble(
            (f"{text.SYMBOLS['warn']} unusual ", text.STYLES["warn"]),
            f"{each.node.kind} {each.node.name}: {each.anomaly}",
            (f"  {each.run.group} {compact(each.run.interval, each.run.timezone)}", "dim"),
        )
        console.print(line, soft_wrap=True)
    if len(unlike) > _SHOWN_UNLIKE:
        console.print(f"[dim]and {len(unlike) - _SHOWN_UNLIKE} before these: sqlorch report RUN_ID[/]")


def _print_trouble(console: Console, ended: Ended) -> None:
    bad = [run for run in ended.runs if run.state in {RunState.FAILED, RunState.CANCELLED}]
    if not bad:
        return
    console.print()
    for run in bad[:_SHOWN_RETRIES]:
        console.print(f"retry with: [bold]sqlorch retry {run.run_id}[/]", soft_wrap=True)
    if len(bad) > _SHOWN_RETRIES:
        console.print(f"[dim]and {len(bad) - _SHOWN_RETRIES} more: sqlorch runs list --state failed[/]")


def failed(nodes: Iterable[NodeRecord]) -> list[NodeRecord]:
    """The nodes that failed themselves."""
    return [node for node in nodes if node.state is NodeState.FAILED]


def _short(path: Path) -> str:
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)

"""The newest sitting in the lineage report: its runs, its chart, and the critical path."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from sqlorch.app.report_runs import STATES, seconds_of
from sqlorch.domain.describe import compact
from sqlorch.reports.model import Bar, Gantt, ReportRun

if TYPE_CHECKING:
    from sqlorch.app.report_runs import Memory
    from sqlorch.domain.history import AttemptRecord

_MOST_BARS = 4_000


def headers(memory: Memory) -> tuple[ReportRun, ...]:
    """The runs of the newest sitting."""
    return tuple(
        ReportRun(
            run_id=run.run_id,
            group=run.group,
            interval=compact(run.interval, run.timezone),
            state=str(run.state),
            started_at=run.started_at,
            finished_at=run.finished_at,
        )
        for run in memory.sitting
    )


def gantt(memory: Memory, shown_on: Mapping[str, tuple[str, str | None]], now: datetime) -> Gantt | None:
    """When each attempt of the newest sitting ran.

    Args:
        memory: what is remembered.
        shown_on: of each executable node that is shown, the node it is drawn on and, for a test, its name.
        now: where attempts end that are under way.
    """
    attempts = [attempt for attempt in memory.attempts if attempt.unique_id in shown_on]
    if not attempts:
        return None
    kept = sorted(attempts, key=seconds_of, reverse=True)[:_MOST_BARS]
    kept.sort(key=lambda attempt: (attempt.started_at, attempt.attempt_id))
    start = min(attempt.started_at for attempt in attempts)
    end = max(attempt.finished_at or now for attempt in attempts)
    return Gantt(
        start=start,
        seconds=(end - start).total_seconds(),
        bars=tuple(_bar(attempt, *shown_on[attempt.unique_id], start, now) for attempt in kept),
        skipped_bars=len(attempts) - len(kept),
    )


def _bar(attempt: AttemptRecord, node: str, test: str | None, start: datetime, now: datetime) -> Bar:
    return Bar(
        node=node,
        test=test,
        attempt=attempt.n,
        run_id=attempt.run_id,
        start=(attempt.started_at - start).total_seconds(),
        end=((attempt.finished_at or now) - start).total_seconds(),
        state="running" if attempt.outcome is None else STATES[attempt.outcome],
    )


def critical_path(
    order: Sequence[str], parents: Mapping[str, Collection[str]], seconds: Mapping[str, float]
) -> frozenset[str]:
    """The nodes of the path that takes longest from end to end; those of which no time is known left out.

    Args:
        order: nodes, parents first.
        parents: parents of each node among them.
        seconds: how long each node takes, where it is known.
    """
    total: dict[str, float] = {}
    before: dict[str, str] = {}
    for uid in order:
        above = sorted(parent for parent in parents.get(uid, ()) if parent in total)
        total[uid] = seconds.get(uid, 0.0)
        if above:
            before[uid] = max(above, key=total.__getitem__)
            total[uid] += total[before[uid]]
    found: list[str] = []
    at = max(total, key=total.__getitem__, default=None)
    while at is not None:
        found.append(at)
        at = before.get(at)
    return frozenset(uid for uid in found if uid in seconds)

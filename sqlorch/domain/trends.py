"""What many executions say together: the slowest nodes, the flakiest, the growing, the days.

Pure functions of executions and runs. Percentiles are by the nearest rank, so that each is a figure that was
measured.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import ceil
from statistics import median

from sqlorch.domain.run import Outcome

_HALVES = 2
LEAST_TO_COMPARE = 6  # executions from which a first and a second half say something
GROWN = 1.2  # the later half has so many times the median of the earlier one
NOTICEABLE = 1.0  # seconds a node takes before it is worth saying that it grows slower, or that it waits


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """One attempt at a node.

    Attributes:
        unique_id, name, kind, group, run_id: what, and in which run.
        outcome: how it ended.
        attempt: counts from 1 within a generation of the run.
        at: when it began.
        seconds: how long it took.
        rows: rows it wrote, where the adapter tells.
        bytes_read: bytes the warehouse read for it, where the adapter tells.
        queued: seconds it waited for its turn, all it needs being done; None of a retry and where not known.
    """

    unique_id: str
    name: str
    kind: str
    group: str
    run_id: str
    outcome: Outcome
    attempt: int
    at: datetime
    seconds: float
    rows: int | None = None
    bytes_read: int | None = None
    queued: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSample:
    """A run that ended: ``queued`` are seconds from its making to its start, ``seconds`` those after it."""

    run_id: str
    group: str
    ok: bool
    at: datetime
    queued: float
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Fresh:
    """How far a node's data reaches: ``until`` ends the last interval that is done, at ``made_at``."""

    unique_id: str
    until: datetime
    made_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeTrend:
    """One node over a period.

    Attributes:
        executions: attempts, retries included.
        successes, failures: how they ended; cancelled ones are neither.
        retries: attempts after the first of a run.
        p50, p95: seconds of its successes, None without one.
        total: seconds of all its attempts.
        slowdown: median seconds of the later half of its successes, as a multiple of the earlier half; None
            with fewer than :data:`LEAST_TO_COMPARE`.
        growth: the same of rows.
        rows, bytes_read: of its newest success that tells them.
        queued_p50, queued_p95: seconds it waited for its turn, None where it is not known.
        queued_total: all of them.
    """

    unique_id: str
    name: str
    kind: str
    group: str
    executions: int
    successes: int
    failures: int
    retries: int
    p50: float | None
    p95: float | None
    total: float
    slowdown: float | None
    growth: float | None
    rows: int | None
    bytes_read: int | None = None
    queued_p50: float | None = None
    queued_p95: float | None = None
    queued_total: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class DayTrend:
    """The runs of a group that began on one day in UTC; ``queued`` is the median."""

    day: datetime
    group: str
    runs: int
    succeeded: int
    p50: float
    p95: float
    queued: float

    @property
    def rate(self) -> float:
        """Share of runs that succeeded, 0 to 1."""
        return self.succeeded / self.runs


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeDay:
    """One node on one day in UTC; ``p50`` and ``p95`` are seconds of successes, ``rows`` of the last one."""

    day: datetime
    node: NodeTrend


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest of the values that at least ``share`` of them do not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, ceil(share * len(ordered)) - 1)]


def node_trends(executions: Iterable[Execution]) -> list[NodeTrend]:
    """Every node's trend, in the order of its id."""
    by_node: dict[tuple[str, str], list[Execution]] = defaultdict(list)
    for execution in executions:
        by_node[execution.unique_id, execution.group].append(execution)
    return [_trend(sorted(found, key=lambda each: each.at)) for _, found in sorted(by_node.items())]


def node_days(executions: Iterable[Execution]) -> list[NodeDay]:
    """Every node's days, oldest first."""
    by_day: dict[datetime, list[Execution]] = defaultdict(list)
    for execution in executions:
        by_day[day_of(execution.at)].append(execution)
    return [
        NodeDay(day=day, node=node) for day, found in sorted(by_day.items()) for node in node_trends(found)
    ]


def day_of(instant: datetime) -> datetime:
    """Midnight in UTC of the day an instant lies on."""
    return instant.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def day_trends(runs: Iterable[RunSample]) -> list[DayTrend]:
    """Every group's days, oldest first; days without a run are left out."""
    by_day: dict[tuple[datetime, str], list[RunSample]] = defaultdict(list)
    for run in runs:
        by_day[day_of(run.at), run.group].append(run)
    return [
        DayTrend(
            day=day,
            group=group,
            runs=len(found),
            succeeded=sum(run.ok for run in found),
            p50=percentile([run.seconds for run in found], 0.5),
            p95=percentile([run.seconds for run in found], 0.95),
            queued=median(run.queued for run in found),
        )
        for (day, group), found in sorted(by_day.items())
    ]


def slowest(trends: Iterable[NodeTrend]) -> list[NodeTrend]:
    """Those that succeeded, by their p95."""
    return sorted((t for t in trends if t.p95 is not None), key=lambda t: (-(t.p95 or 0), t.unique_id))


def flakiest(trends: Iterable[NodeTrend]) -> list[NodeTrend]:
    """Those that failed or were tried again, by how often in relation to how often they were tried."""
    found = [t for t in trends if t.failures or t.retries]
    return sorted(found, key=lambda t: (-(t.failures + t.retries) / t.executions, -t.failures, t.unique_id))


def waiting(trends: Iterable[NodeTrend]) -> list[NodeTrend]:
    """Those that waited :data:`NOTICEABLE` and more for their turn, by the p95 of that."""
    found = [t for t in trends if (t.queued_p95 or 0) >= NOTICEABLE]
    return sorted(found, key=lambda t: (-(t.queued_p95 or 0), t.unique_id))


def growing(trends: Iterable[NodeTrend]) -> list[NodeTrend]:
    """Those that grow slower or larger by :data:`GROWN` and more, the steepest first."""
    found = [t for t in trends if _steepness(t) >= GROWN]
    return sorted(found, key=lambda t: (-_steepness(t), t.unique_id))


def since(now: datetime, days: int) -> datetime:
    """The beginning of a period of so many days that ends now."""
    return now - timedelta(days=days)


def _trend(found: Sequence[Execution]) -> NodeTrend:
    newest = found[-1]
    fine = [each for each in found if each.outcome.ok]
    rows = [each.rows for each in fine if each.rows is not None]
    seconds = [each.seconds for each in fine]
    queued = [each.queued for each in found if each.queued is not None]
    return NodeTrend(
        unique_id=newest.unique_id,
        name=newest.name,
        kind=newest.kind,
        group=newest.group,
        executions=len(found),
        successes=len(fine),
        failures=sum(_failed(each.outcome) for each in found),
        retries=sum(each.attempt > 1 for each in found),
        p50=percentile(seconds, 0.5) if seconds else None,
        p95=percentile(seconds, 0.95) if seconds else None,
        total=sum(each.seconds for each in found),
        slowdown=_later_by_earlier(seconds),
        growth=_later_by_earlier(rows),
        rows=rows[-1] if rows else None,
        bytes_read=next((one.bytes_read for one in reversed(fine) if one.bytes_read is not None), None),
        queued_p50=percentile(queued, 0.5) if queued else None,
        queued_p95=percentile(queued, 0.95) if queued else None,
        queued_total=sum(queued),
    )


def _steepness(trend: NodeTrend) -> float:
    slower = trend.slowdown if (trend.p50 or 0) >= NOTICEABLE else None
    return max(slower or 0, trend.growth or 0)


def _failed(outcome: Outcome) -> bool:
    return not outcome.ok and outcome is not Outcome.CANCELLED


def _later_by_earlier(values: Sequence[float]) -> float | None:
    if len(values) < LEAST_TO_COMPARE:
        return None
    middle = len(values) // _HALVES
    earlier, later = median(values[:middle]), median(values[middle:])
    return later / earlier if earlier else None

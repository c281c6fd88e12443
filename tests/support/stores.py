"""Small values to fill a store with, and ways to drive its runs."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlorch.domain.history import AttemptRecord, NodeMove, Owner
from sqlorch.domain.interval import Interval
from sqlorch.domain.run import ErrorClass, NodeResult, NodeSpec, NodeState, Outcome, RunSpec, RunState
from sqlorch.domain.scheduling import NewRun, RunKind
from sqlorch.state.store import SqlStore

T0 = datetime(2026, 3, 1, 5, tzinfo=UTC)
NOW = datetime(2026, 6, 1, tzinfo=UTC)
ME = Owner(host="here", boot_id="boot-1", pid=4711, started=99)
OTHER = Owner(host="here", boot_id="boot-1", pid=4712, started=100)
A, B, TEST = "model.shop.a", "model.shop.b", "test.shop.b_is_unique"
_S = NodeState


def day(n: float) -> datetime:
    """``n`` days after the first instant."""
    return T0 + timedelta(days=n)


def slot(n: float, until: float | None = None) -> Interval:
    """The day ``n``, or all days until another."""
    return Interval(day(n), day(n + 1 if until is None else until))


def new_run(
    n: float,
    *,
    group: str = "daily",
    kind: RunKind = RunKind.SCHEDULED,
    until: float | None = None,
    slots: tuple[Interval, ...] | None = None,
    **more: Any,
) -> NewRun:
    """A run of the day ``n``, for that slot unless others are given."""
    interval = slot(n, until)
    values: dict[str, Any] = {
        "run_id": f"sched-{group}-{n:g}",
        "group": group,
        "kind": kind,
        "interval": interval,
        "timezone": "UTC",
        "slots": (interval,) if slots is None else slots,
        "due_at": interval.end,
    }
    return NewRun(**values | more)


def nodes(*unique_ids: str, code: str = "v1") -> list[NodeSpec]:
    """A chain of nodes, each after the one before."""
    return [
        NodeSpec(
            unique_id=uid,
            name=uid.rpartition(".")[2],
            kind=uid.partition(".")[0],
            after=frozenset(unique_ids[:place][-1:]),
            code=code,
        )
        for place, uid in enumerate(unique_ids)
    ]


def spec_of(made: NewRun, *unique_ids: str, code: str = "v1", **more: Any) -> RunSpec:
    """What a worker makes of a queued run."""
    return RunSpec(
        run_id=made.run_id,
        group=made.group,
        interval=made.interval,
        timezone=made.timezone,
        variables={"ds": made.interval.start.date().isoformat()},
        nodes=nodes(*unique_ids, code=code),
        kind=made.kind,
        **more,
    )


def result(unique_id: str, outcome: Outcome = Outcome.SUCCESS) -> NodeResult:
    """The result of one attempt."""
    failed = None if outcome.ok else ErrorClass.PERMANENT
    return NodeResult(
        unique_id=unique_id, outcome=outcome, started_at=NOW, finished_at=NOW, error_class=failed
    )


def begin(store: SqlStore, run_id: str, *unique_ids: str, now: datetime = NOW) -> list[AttemptRecord]:
    """Open attempts at waiting nodes of a running run."""
    ready = [NodeMove(unique_id=uid, before=_S.WAITING, after=_S.READY) for uid in unique_ids]
    return store.step(run_id, now=now, moves=ready, dispatch=unique_ids)


def end(
    store: SqlStore,
    attempts: Iterable[AttemptRecord],
    outcome: Outcome = Outcome.SUCCESS,
    *,
    now: datetime = NOW,
) -> None:
    """Report attempts, and move their nodes to success or failure."""
    after = _S.SUCCESS if outcome.ok else _S.FAILED
    for attempt in attempts:
        move = NodeMove(unique_id=attempt.unique_id, before=_S.RUNNING, after=after)
        store.step(
            attempt.run_id, now=now, results=[(attempt, result(attempt.unique_id, outcome))], moves=[move]
        )


def do(store: SqlStore, run_id: str, *unique_ids: str, fails: bool = False, now: datetime = NOW) -> None:
    """Execute waiting nodes of a running run, one after the other, and end the run."""
    for uid in unique_ids:
        end(store, begin(store, run_id, uid, now=now), Outcome.ERROR if fails else Outcome.SUCCESS, now=now)
    after = RunState.FAILED if fails else RunState.SUCCESS
    assert store.move_run(run_id, RunState.RUNNING, after, now=now)


def manual(store: SqlStore, run_id: str, interval: Interval, *unique_ids: str, **more: Any) -> RunSpec:
    """A running run as the command line makes it."""
    spec = RunSpec(
        run_id=run_id,
        group="daily",
        interval=interval,
        timezone="UTC",
        variables={},
        nodes=nodes(*unique_ids),
        **more,
    )
    store.create_run(spec, now=NOW)
    assert store.move_run(run_id, RunState.QUEUED, RunState.RUNNING, now=NOW, owner=ME)
    return spec


def enrol(store: SqlStore, group: str = "daily", *, cursor: datetime | None = T0) -> None:
    """A group whose slots begin at the cursor."""
    store.schedule.enrol(group, cursor=cursor, spec_hash="1", watched_since=NOW, now=NOW)


def decide(store: SqlStore, *runs: NewRun, skips: tuple[Interval, ...] = (), reason: str = "") -> bool:
    """Decide the next slots of a group."""
    group = runs[0].group if runs else "daily"
    ends = [cut.end for made in runs for cut in made.slots] + [cut.end for cut in skips]
    expected = store.schedule.groups()[group].cursor
    return store.schedule.decide(
        group, expected=expected, cursor=max(ends), runs=runs, skips=skips, reason=reason, now=NOW
    )

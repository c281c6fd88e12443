"""What was executed lately, for trends; and what is usual of a node, for hints."""

from __future__ import annotations

from collections import defaultdict
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import Connection, Row, Select, and_, case, func, select
from sqlalchemy import text as sql

from sqlorch.domain.anomaly import MOST, Sample, alike
from sqlorch.domain.dag import TEST_KINDS
from sqlorch.domain.interval import Interval
from sqlorch.domain.ledger import LedgerMark
from sqlorch.domain.run import Outcome, RunState
from sqlorch.domain.scheduling import RunKind
from sqlorch.domain.sla import CATCHUP, ScheduledRun
from sqlorch.domain.trends import Execution, Fresh, RunSample
from sqlorch.state.codec import (
    bytes_in,
    from_json,
    from_micros,
    from_micros_or_none,
    seconds_between,
    to_micros,
)
from sqlorch.state.outcomes import MARKS
from sqlorch.state.repeating import repeating
from sqlorch.state.tables import attempt, ledger, node_run, run, word

_LOOK_BACK = 3 * MOST  # successes among which those over an interval of a similar length are looked for
_OK = ", ".join(f"'{outcome}'" for outcome in Outcome if outcome.ok)
_TESTS = ", ".join(f"'{kind}'" for kind in sorted(TEST_KINDS))
_FIGURES = ("unique_id", "run_id", "outcome", "n", "started_at", "finished_at", "rows")
# what a node waited is known of its newest generation
_FIRST = and_(attempt.c.n == 1, attempt.c.gen == node_run.c.gen, attempt.c.started_at >= node_run.c.ready_at)
_EXECUTION = (
    *(attempt.c[name] for name in _FIGURES),
    attempt.c.adapter_response,
    case((_FIRST, attempt.c.started_at - node_run.c.ready_at)).label("queued"),
    node_run.c.name,
    node_run.c.kind,
    run.c.group_name,
)
_ENDED = (RunState.SUCCESS, RunState.FAILED)
# Per node of the run a walk down its index from the attempt: the cost does not grow with the history.
_BEFORE = f"""
    SELECT mine.unique_id, past.started_at, past.finished_at, past.rows, run.interval_start, run.interval_end
    FROM node_run AS node
    JOIN attempt AS mine ON mine.attempt_id = node.last_attempt_id
    JOIN attempt AS past ON past.attempt_id IN (
        SELECT earlier.attempt_id FROM attempt AS earlier
        WHERE earlier.unique_id = mine.unique_id AND earlier.attempt_id < mine.attempt_id
            AND earlier.run_id <> mine.run_id AND earlier.state = 'done' AND earlier.outcome IN ({_OK})
        ORDER BY earlier.attempt_id DESC LIMIT {_LOOK_BACK}
    )
    JOIN run ON run.run_id = past.run_id
    WHERE node.run_id = :run AND node.kind NOT IN ({_TESTS})
    ORDER BY past.attempt_id DESC
"""


class Reading(Protocol):
    """Where reading transactions come from."""

    def read(self) -> AbstractContextManager[Connection]:
        """See :class:`sqlorch.state.engine.Database`."""


@repeating
class SqlTrends:
    """Reads what many runs left behind; part of :class:`sqlorch.state.store.SqlStore`."""

    def __init__(self, database: Reading) -> None:
        self._database = database

    def executions(self, since: datetime | None = None, *, group: str | None = None) -> list[Execution]:
        """Attempts that gave an answer, oldest first.

        Args:
            since: those that began before are left out.
            group: of the runs of this group alone.
        """
        statement = (
            select(*_EXECUTION)
            .join_from(attempt, run, run.c.run_id == attempt.c.run_id)
            .join(
                node_run,
                (node_run.c.run_id == attempt.c.run_id) & (node_run.c.unique_id == attempt.c.unique_id),
            )
            .where(attempt.c.state == "done", attempt.c.finished_at.is_not(None))
            .order_by(attempt.c.attempt_id)
        )
        if since is not None:
            statement = statement.where(attempt.c.started_at >= to_micros(since))
        with self._database.read() as connection:
            return [_execution(row) for row in connection.execute(_of_group(statement, group))]

    def runs(self, since: datetime | None = None, *, group: str | None = None) -> list[RunSample]:
        """Runs that succeeded or failed, oldest first; arguments as above."""
        statement = (
            select(run)
            .where(run.c.state.in_(_ENDED), run.c.started_at.is_not(None), run.c.finished_at.is_not(None))
            .order_by(run.c.id)
        )
        if since is not None:
            statement = statement.where(run.c.started_at >= to_micros(since))
        with self._database.read() as connection:
            return [_run(row) for row in connection.execute(_of_group(statement, group))]

    def scheduled(self, since: datetime | None = None, *, group: str | None = None) -> list[ScheduledRun]:
        """Runs for slots of a schedule, made in time and for no backfill, oldest first; arguments as above.

        One that has not started counts as of when it was made.
        """
        began = func.coalesce(run.c.started_at, run.c.created_at)
        statement = (
            select(run).where(run.c.kind == RunKind.SCHEDULED, run.c.backfill_id.is_(None)).order_by(run.c.id)
        )
        if since is not None:
            statement = statement.where(began >= to_micros(since))
        with self._database.read() as connection:
            found = connection.execute(_of_group(statement, group))
            return [_scheduled(row) for row in found if CATCHUP not in from_json(row.invocation)]

    def fresh(self) -> list[Fresh]:
        """How far each node's data reaches: the end of the last interval that is done; by id."""
        last = (
            select(ledger.c.node, func.max(ledger.c.interval_end).label("until"))
            .where(ledger.c.mark == MARKS.index(LedgerMark.DONE))
            .group_by(ledger.c.node)
            .subquery()
        )
        statement = (
            select(word.c.text, last.c.until, func.max(ledger.c.at).label("made_at"))
            .join_from(last, word, word.c.id == last.c.node)
            .join(ledger, (ledger.c.node == last.c.node) & (ledger.c.interval_end == last.c.until))
            .where(ledger.c.mark == MARKS.index(LedgerMark.DONE))
            .group_by(word.c.text, last.c.until)
            .order_by(word.c.text)
        )
        with self._database.read() as connection:
            return [
                Fresh(unique_id=row.text, until=from_micros(row.until), made_at=from_micros(row.made_at))
                for row in connection.execute(statement)
            ]

    def before(self, run_id: str, interval: Interval) -> dict[str, list[Sample]]:
        """The successes of each node of a run before that run, newest first, tests left out.

        Args:
            run_id: the run.
            interval: its interval; only successes over one of a similar length are taken.
        """
        length = interval.end - interval.start
        found: dict[str, list[Sample]] = defaultdict(list)
        with self._database.read() as connection:
            for row in connection.execute(sql(_BEFORE), {"run": run_id}):
                past = from_micros(row.interval_end) - from_micros(row.interval_start)
                seconds = seconds_between(row.started_at, row.finished_at)
                if seconds is not None and alike(past, length) and len(found[row.unique_id]) < MOST:
                    found[row.unique_id].append(Sample(seconds=seconds, rows=row.rows))
        return dict(found)


def _of_group(statement: Select[Any], group: str | None) -> Select[Any]:
    return statement if group is None else statement.where(run.c.group_name == group)


def _execution(row: Row[Any]) -> Execution:
    return Execution(
        unique_id=row.unique_id,
        name=row.name,
        kind=row.kind,
        group=row.group_name,
        run_id=row.run_id,
        outcome=Outcome(row.outcome),
        attempt=row.n,
        at=from_micros(row.started_at),
        seconds=(row.finished_at - row.started_at) / 1_000_000,
        rows=row.rows,
        bytes_read=bytes_in(row.adapter_response),
        queued=None if row.queued is None else row.queued / 1_000_000,
    )


def _scheduled(row: Row[Any]) -> ScheduledRun:
    return ScheduledRun(
        run_id=row.run_id,
        group=row.group_name,
        interval=Interval(from_micros(row.interval_start), from_micros(row.interval_end)),
        gen=row.gen,
        state=RunState(row.state),
        started_at=from_micros_or_none(row.started_at),
        finished_at=from_micros_or_none(row.finished_at),
    )


def _run(row: Row[Any]) -> RunSample:
    return RunSample(
        run_id=row.run_id,
        group=row.group_name,
        ok=row.state == RunState.SUCCESS,
        at=from_micros(row.started_at),
        # a run made again starts after it was made, but waited for that only in its first generation
        queued=(row.started_at - row.created_at) / 1_000_000 if row.gen == 1 else 0.0,
        seconds=(row.finished_at - row.started_at) / 1_000_000,
    )

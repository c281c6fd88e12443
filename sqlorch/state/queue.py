"""Runs that wait and runs under way. Implements :class:`sqlorch.engine.schedule_ports.QueueStore`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select

from sqlorch.domain.history import Owner
from sqlorch.domain.run import RunSpec, RunState
from sqlorch.domain.scheduling import NewRun, OpenRun, Rescue
from sqlorch.state import abandoned, audit, events, queued, rescue, runs, slots
from sqlorch.state.codec import clean_text
from sqlorch.state.engine import Database
from sqlorch.state.repeating import repeating
from sqlorch.state.tables import grp, run

_REASONS = select(run.c.run_id, run.c.reason).where(run.c.state == RunState.QUEUED)
_EXPLAIN = (
    run.update()
    .where(run.c.run_id == bindparam("waiting"), run.c.state == RunState.QUEUED)
    .values(reason=bindparam("why"))
)


@repeating
class SqlQueue:
    """See the port for what each method promises.

    Args:
        database: where it is kept.
        owner: who is written down as the maker of queued runs.
    """

    def __init__(self, database: Database, owner: Owner) -> None:
        self._database = database
        self._owner = owner

    def enqueue(self, run: NewRun, *, now: datetime, consumed: Mapping[str, int] | None = None) -> str:
        """See :meth:`sqlorch.engine.schedule_ports.QueueStore.enqueue`.

        A slot that was skipped becomes this run's.

        Raises:
            StateError: as the port says; or a slot lies across a decided one, or is still the schedule's to
                decide; or the run id exists.
        """
        with self._database.write() as connection:
            known = queued.by_key(connection, run)
            if known is not None:
                return known
            if run.slots:
                cursor = connection.scalar(select(grp.c.cursor).where(grp.c.name == run.group))
                slots.refuse_undecided(run, cursor, now=now)
            slots.take(connection, run, now=now)  # first: the pruned run of a slot may have had the same id
            queued.insert(connection, run, owner=self._owner, now=now)
            events.advance(connection, run.group, consumed or {})
            return run.run_id

    def requeue(
        self,
        run_id: str,
        *,
        now: datetime,
        backfill: str | None = None,
        parameters: Mapping[str, Any] | None = None,
    ) -> int:
        """See :meth:`sqlorch.engine.schedule_ports.QueueStore.requeue`.

        ``parameters`` are laid over those the run has; its backfill stays where none is given.
        """
        with self._database.write() as connection:
            return queued.requeue(
                connection, run_id, owner=self._owner, now=now, backfill=backfill, parameters=parameters
            )

    def open_runs(self) -> list[OpenRun]:
        """See :meth:`sqlorch.engine.schedule_ports.QueueStore.open_runs`."""
        with self._database.read() as connection:
            return queued.opened(connection)

    def explain(self, reasons: Mapping[str, str], *, now: datetime) -> None:
        """See :meth:`sqlorch.engine.schedule_ports.QueueStore.explain`."""
        del now  # a reason is of the moment it is read
        with self._database.read() as connection:
            stored = {row.run_id: row.reason for row in connection.execute(_REASONS)}
        cleaned = {run_id: clean_text(why) for run_id, why in reasons.items() if run_id in stored}
        rows = [{"waiting": run_id, "why": why} for run_id, why in cleaned.items() if stored[run_id] != why]
        if rows:
            with self._database.write() as connection:
                connection.execute(_EXPLAIN, rows)

    def claim(self, spec: RunSpec, *, owner: Owner, now: datetime, max_active: int | None = None) -> bool:
        """See :meth:`sqlorch.engine.schedule_ports.QueueStore.claim`.

        Nodes of earlier generations that are not in ``spec`` stay as they are. The stored parameters stay
        beside the invocation of ``spec``.

        Raises:
            StateError: no such run, or ``spec`` is of another group or interval.
        """
        with self._database.write() as connection:
            return queued.claim(connection, spec, owner=owner, now=now, max_active=max_active)

    def request_cancel(self, run_id: str, *, reason: str, who: str, now: datetime) -> bool:
        """See :meth:`sqlorch.engine.schedule_ports.QueueStore.request_cancel`."""
        why = clean_text(reason or f"cancelled by {who}")
        with self._database.write() as connection:
            row = runs.fetch(connection, run_id)
            before = RunState(row.state)
            if before.terminal:
                return False
            connection.execute(run.update().where(run.c.run_id == run_id).values(cancel_requested=why))
            if before is RunState.QUEUED:
                abandoned.finish(connection, run_id, before, reason=why, now=now)
                slots.tell(connection, run_id, why)
            audit.note(connection, who=who, action="cancel", subject=run_id, detail=reason, now=now)
        return True

    def cancel_requested(self, run_id: str) -> str:
        """See :meth:`sqlorch.engine.schedule_ports.QueueStore.cancel_requested`; ``""`` for no such run."""
        with self._database.read() as connection:
            return connection.scalar(select(run.c.cancel_requested).where(run.c.run_id == run_id)) or ""

    def rescue(
        self,
        run_id: str,
        *,
        gen: int,
        was: Owner | None,
        owner: Owner,
        now: datetime,
        budget: int,
        keep: frozenset[str] = frozenset(),
    ) -> Rescue | None:
        """See :meth:`sqlorch.engine.schedule_ports.QueueStore.rescue`.

        One that was being cancelled is not taken over: ``abandon_dead`` ends it.
        """
        with self._database.write() as connection:
            return rescue.take_over(
                connection, run_id, gen=gen, was=was, owner=owner, now=now, budget=budget, keep=keep
            )

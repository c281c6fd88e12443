"""The run store on a SQL database: what the engine asks of a store, and what is read beside."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sqlorch.domain.expectations import ExpectationResult
from sqlorch.domain.history import AttemptRecord, NodeMove, NodeRecord, Owner, RunRecord
from sqlorch.domain.run import NodeResult, RunSpec, RunState
from sqlorch.state import abandoned, attempts, dashboards, durations, expectations, nodes, runs
from sqlorch.state.alerts import SqlAlerts
from sqlorch.state.aliveness import by_lease
from sqlorch.state.backfills import SqlBackfills
from sqlorch.state.daemon import SqlDaemons
from sqlorch.state.datasets import SqlDatasets
from sqlorch.state.deliveries import SqlDeliveries
from sqlorch.state.engine import Database
from sqlorch.state.freshness import SqlFreshness
from sqlorch.state.leases import SqlLeases
from sqlorch.state.ledger import SqlLedger
from sqlorch.state.lost import SqlLost
from sqlorch.state.moment import Moment
from sqlorch.state.opening import open_state
from sqlorch.state.owner import current_owner, is_alive
from sqlorch.state.queue import SqlQueue
from sqlorch.state.repeating import repeated, repeating
from sqlorch.state.schedule import SqlSchedule
from sqlorch.state.target import SqlTarget
from sqlorch.state.trends import SqlTrends


@repeating
class SqlStore:
    """Implements :class:`sqlorch.engine.ports.RunStore`, whose docstrings say what each method promises.

    Safe to use from many threads and many processes at once. What the scheduler remembers is beside it, in
    the same database, each part an implementation of its protocol in :mod:`sqlorch.engine.schedule_ports`:
    ``schedule``, ``queue``, ``ledger``, ``backfills``, ``alerts``, ``datasets``, ``daemons``,
    ``leases``; and ``deliveries``, of :mod:`sqlorch.engine.alert_ports`. What many runs say together is in
    ``trends``; processes that may have left queries running are in ``lost``, how fresh sources were in
    ``freshness``, whose warehouse it is about in ``target``.

    Attributes:
        is_alive: whether the process that drives a run is there: by the table of processes where the state is
            a file, by its lease where several hosts use it.

    Args:
        database: where it is kept.
        owner: who is written down as the owner of runs created or run again here; such a run ends as
            cancelled when that process dies before it starts it.
    """

    def __init__(self, database: Database, *, owner: Owner) -> None:
        self._database = database
        self._owner = owner
        self.schedule = SqlSchedule(database, owner)
        self.queue = SqlQueue(database, owner)
        self.ledger = SqlLedger(database)
        self.backfills = SqlBackfills(database)
        self.alerts = SqlAlerts(database)
        self.deliveries = SqlDeliveries(database)
        self.datasets = SqlDatasets(database)
        self.daemons = SqlDaemons(database)
        self.leases = SqlLeases(database)
        self.is_alive: Callable[[Owner], bool] = is_alive
        self.trends = SqlTrends(database)
        self.lost = SqlLost(database)
        self.freshness = SqlFreshness(database)
        self.target = SqlTarget(database)

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        url: str | None = None,
        owner: Owner | None = None,
        busy_timeout: float = 30.0,
        patience: float | None = None,
    ) -> Self:
        """Open the state file, or the database at a URL instead, making or upgrading it as needed.

        Args:
            path: of the file.
            url: of PostgreSQL, instead.
            owner: see the class; this process unless it is given.
            busy_timeout: seconds to wait for another process's write transaction on the file.
            patience: seconds for which, once it is open, to wait for a server that is away; a minute and a
                half unless it is given.

        Raises:
            StateError: it cannot be used; says why and what to do.
        """
        database = open_state(path, url=url, busy_timeout=busy_timeout, patience=patience)
        store = cls(database, owner=owner or current_owner())
        if url is not None:
            store.is_alive = by_lease(store.leases)
        return store

    def close(self) -> None:
        """Let go of the file; may be called twice."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def create_run(self, spec: RunSpec, *, now: datetime) -> None:
        """See :meth:`sqlorch.engine.ports.RunStore.create_run`."""
        with self._database.write() as connection:
            runs.insert(connection, spec, owner=self._owner, now=now)

    def move_run(
        self,
        run_id: str,
        before: RunState,
        after: RunState,
        *,
        now: datetime,
        reason: str = "",
        owner: Owner | None = None,
    ) -> bool:
        """See :meth:`sqlorch.engine.ports.RunStore.move_run`.

        Raises:
            StateError: no such run; the table of transitions has no such move; or the run would end while
                an attempt is live.
        """
        with self._database.write() as connection:
            return runs.move(connection, run_id, before, after, now=now, reason=reason, owner=owner)

    def step(
        self,
        run_id: str,
        *,
        now: datetime,
        results: Sequence[tuple[AttemptRecord, NodeResult]] = (),
        moves: Sequence[NodeMove] = (),
        dispatch: Sequence[str] = (),
        limits: Mapping[str, int] | None = None,
    ) -> list[AttemptRecord]:
        """See :meth:`sqlorch.engine.ports.RunStore.step`.

        Moves of a node whose result came too late are dropped with it. A node moved away from running
        without a result gives its attempt up: outcome ``lost``, or ``cancelled`` when the node is.

        Raises:
            StateError: as the port says; or something is dispatched while the run is not running.
        """
        with self._database.write() as connection:
            late = attempts.close(connection, run_id, results)
            reported = {record.unique_id for record, _ in results}
            timely = [change for change in moves if change.unique_id not in late]
            nodes.move(connection, run_id, timely, now=now, reported=reported)
            return nodes.dispatch(connection, run_id, dispatch, now=now, limits=limits)

    def rerun(
        self,
        run_id: str,
        unique_ids: Iterable[str],
        *,
        now: datetime,
        code: Mapping[str, str] | None = None,
    ) -> int:
        """See :meth:`sqlorch.engine.ports.RunStore.rerun`.

        Raises:
            StateError: as the port says; or the run has no such node.
        """
        del now  # the start of a generation is written when it runs
        with self._database.write() as connection:
            return runs.reset(connection, run_id, unique_ids, owner=self._owner, code=code)

    def run(self, run_id: str) -> RunRecord:
        """See :meth:`sqlorch.engine.ports.RunStore.run`."""
        with self._database.read() as connection:
            return runs.records(connection, [runs.fetch(connection, run_id)])[0]

    def runs(
        self, *, group: str | None = None, state: RunState | None = None, limit: int | None = None
    ) -> list[RunRecord]:
        """See :meth:`sqlorch.engine.ports.RunStore.runs`."""
        with self._database.read() as connection:
            return runs.listed(connection, group=group, state=state, limit=limit)

    def nodes(self, run_id: str) -> list[NodeRecord]:
        """See :meth:`sqlorch.engine.ports.RunStore.nodes`; empty for a run that is not there."""
        with self._database.read() as connection:
            return nodes.listed(connection, run_id)

    def attempts(self, run_id: str, unique_id: str | None = None) -> list[AttemptRecord]:
        """See :meth:`sqlorch.engine.ports.RunStore.attempts`; empty for what is not there."""
        with self._database.read() as connection:
            return attempts.listed(connection, run_id, unique_id)

    def expectations(self, run_id: str) -> dict[int, list[ExpectationResult]]:
        """What was found of the expectations of a run, by the id of the attempt."""
        with self._database.read() as connection:
            return expectations.of_run(connection, run_id)

    def durations(self, unique_ids: Iterable[str]) -> dict[str, float]:
        """Median seconds of each node's last five successful attempts, in whatever run.

        Nodes that never succeeded are left out.
        """
        with self._database.read() as connection:
            return durations.recent(connection, list(dict.fromkeys(unique_ids)))

    @contextmanager
    def moment(self) -> Iterator[Moment]:
        """Everything that dashboards read, as it is now and stays until the block ends."""
        with self._database.read() as connection:
            yield Moment(connection)

    def abandon_dead(self, now: datetime, is_alive: Callable[[Owner], bool]) -> list[str]:
        """End every unfinished run whose owner is gone; returns their ids, oldest first.

        Runs the daemon drives (all but manual ones) stay for the next daemon to take up, unless they were
        being cancelled.
        Nodes that were being executed fail, their attempts are closed as lost, nodes that had not started
        are cancelled. A running run fails; one that was queued or being cancelled is cancelled.
        """
        with self._database.read() as connection:
            found = abandoned.orphans(connection, is_alive)
        ended = []
        for run_id, gen, reason in found:
            if self._end_abandoned(run_id, gen, reason, now=now):
                ended.append(run_id)
        return ended

    @repeated
    def _end_abandoned(self, run_id: str, gen: int, reason: str, *, now: datetime) -> bool:
        with self._database.write() as connection:
            return abandoned.end(connection, run_id, gen, reason, now=now)

    def dashboard_rows(self, table: str) -> tuple[dashboards.Columns, Iterator[tuple[Any, ...]]]:
        """Columns ``(name, type)`` and rows of ``runs``, ``node_runs`` or ``test_results``.

        The types are those of :mod:`sqlorch.state.dashboards`. The rows are read as they are taken, all
        from one moment; the connection is free again when they are exhausted or the iterator is closed.

        Raises:
            StateError: there is no such table.
        """
        return dashboards.describe(table), self._dashboard_rows(table)

    def _dashboard_rows(self, table: str) -> Iterator[tuple[Any, ...]]:
        with self._database.read() as connection:
            yield from dashboards.rows(connection, table)

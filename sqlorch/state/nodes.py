"""Statements on the nodes of a run: move, dispatch, read. Inside the caller's transaction.

Every move is checked against :mod:`sqlorch.domain.transitions` and is a compare-and-swap on the stored state.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Connection, Row, bindparam, func, select

from sqlorch.domain.errors import StateError
from sqlorch.domain.history import AttemptRecord, NodeMove, NodeRecord
from sqlorch.domain.run import NodeState, Outcome, RunState
from sqlorch.domain.transitions import may_move_node
from sqlorch.state import attempts, outcomes, room
from sqlorch.state.codec import clean_text, to_micros
from sqlorch.state.rows import node_record
from sqlorch.state.tables import attempt, node_run, run
from sqlorch.state.waited import first_attempt, is_first, queued

_SWAP = (
    node_run.update()
    .where(
        node_run.c.run_id == bindparam("run"),
        node_run.c.unique_id == bindparam("node"),
        node_run.c.state == bindparam("before"),
    )
    .values(
        state=bindparam("after"),
        reason=bindparam("why"),
        ready_at=func.coalesce(bindparam("free_since", type_=BigInteger), node_run.c.ready_at),
    )
)
_BEFORE_DISPATCH = (
    select(
        node_run.c.unique_id,
        node_run.c.state,
        node_run.c.gen,
        node_run.c.gen_tries,
        node_run.c.kind,
        node_run.c.pool,
        run.c.state.label("run_state"),
    )
    .join_from(node_run, run, run.c.run_id == node_run.c.run_id)
    .where(
        node_run.c.run_id == bindparam("run"), node_run.c.unique_id.in_(bindparam("nodes", expanding=True))
    )
)
_DISPATCHED = (
    node_run.update()
    .where(
        node_run.c.run_id == bindparam("run"),
        node_run.c.unique_id == bindparam("node"),
        node_run.c.state == NodeState.READY,
    )
    .values(
        state=NodeState.RUNNING,
        reason="",
        tries=node_run.c.tries + 1,
        gen_tries=bindparam("n"),
        last_attempt_id=bindparam("attempt"),
    )
)
_EXPLAINED = (
    node_run.update()
    .where(node_run.c.run_id == bindparam("run"), node_run.c.unique_id == bindparam("node"))
    .values(reason=bindparam("why"))
)
_STATE = select(node_run.c.state).where(
    node_run.c.run_id == bindparam("run"), node_run.c.unique_id == bindparam("node")
)
_WITH_LATEST = (
    select(
        node_run,
        attempt.c.outcome,
        attempt.c.rows,
        attempt.c.failures,
        attempt.c.started_at,
        attempt.c.finished_at,
        attempt.c.message,
        queued.label("queued"),
    )
    .join_from(node_run, attempt, attempt.c.attempt_id == node_run.c.last_attempt_id, isouter=True)
    .join(first_attempt, is_first, isouter=True)
    .where(node_run.c.run_id == bindparam("run"))
    .order_by(node_run.c.position)
)


def move(
    connection: Connection,
    run_id: str,
    moves: Sequence[NodeMove],
    *,
    now: datetime,
    reported: Collection[str] = (),
) -> None:
    """Apply the moves in order, all or none.

    A node that leaves its live states gives its attempt up, unless it is among the ``reported``: those whose
    result closed it in the same transaction. Success and failure are written to the ledger.
    """
    for change in moves:
        _refuse_illegal(run_id, change)
    if not moves:
        return
    rows = [
        {
            "run": run_id,
            "node": change.unique_id,
            "before": change.before,
            "after": change.after,
            "why": clean_text(change.reason),
            "free_since": to_micros(now) if _frees(change) else None,
        }
        for change in moves
    ]
    if connection.execute(_SWAP, rows).rowcount != len(rows):
        raise _conflict(connection, run_id, moves)
    left = [
        (change.unique_id, _given_up_as(change), change.reason)
        for change in moves
        if change.before.live and not change.after.live and change.unique_id not in reported
    ]
    attempts.give_up(connection, run_id, left, now=now)
    outcomes.record(connection, run_id, [(change.unique_id, change.after) for change in moves], now=now)


def _frees(change: NodeMove) -> bool:
    """Whether all that the node needs is done now; one that is tried again was free before."""
    return change.before is NodeState.WAITING and change.after is NodeState.READY


def _refuse_illegal(run_id: str, change: NodeMove) -> None:
    where = f"{change.unique_id} of run {run_id}"
    if change.after is NodeState.DISPATCHED:
        raise StateError(f"{where} becomes {change.after} only by a dispatch, which opens its attempt")
    if not may_move_node(change.before, change.after):
        raise StateError(f"{where} may not go from {change.before} to {change.after}")


def _given_up_as(change: NodeMove) -> Outcome:
    return Outcome.CANCELLED if change.after is NodeState.CANCELLED else Outcome.LOST


def _conflict(connection: Connection, run_id: str, moves: Sequence[NodeMove]) -> StateError:
    """Say which node was in another state than its first move expects."""
    last = {change.unique_id: change for change in moves}
    first = {change.unique_id: change for change in reversed(moves)}
    for unique_id, change in first.items():
        stored = connection.execute(_STATE, {"run": run_id, "node": unique_id}).scalar()
        if stored is None:
            return StateError(f"run {run_id} has no node {unique_id}")
        if stored != last[unique_id].after:
            return StateError(
                f"{unique_id} of run {run_id} is {stored}, not {change.before}: "
                f"it cannot become {change.after}; nothing was changed"
            )
    return _changed_elsewhere(run_id)


def _changed_elsewhere(run_id: str) -> StateError:
    return StateError(f"nodes of run {run_id} were moved by someone else meanwhile; nothing was changed")


def dispatch(
    connection: Connection,
    run_id: str,
    unique_ids: Sequence[str],
    *,
    now: datetime,
    limits: Mapping[str, int] | None = None,
) -> list[AttemptRecord]:
    """Take ready nodes to running and open their attempts, in the order given.

    With ``limits`` of pools, those that have to wait for another run stay ready, with that as the reason.
    """
    if not unique_ids:
        return []
    found = connection.execute(_BEFORE_DISPATCH, {"run": run_id, "nodes": list(unique_ids)})
    by_id = {row.unique_id: row for row in found}
    _refuse_not_ready(run_id, unique_ids, by_id)
    if limits is not None:
        held = room.held_back(connection, run_id, [by_id[uid] for uid in unique_ids], limits)
        _explain(connection, run_id, held)
        unique_ids = [unique_id for unique_id in unique_ids if unique_id not in held]
    opened = attempts.insert(
        connection,
        run_id,
        [(unique_id, by_id[unique_id].gen, by_id[unique_id].gen_tries + 1) for unique_id in unique_ids],
        now=now,
    )
    rows = [
        {"run": run_id, "node": record.unique_id, "n": record.n, "attempt": record.attempt_id}
        for record in opened
    ]
    if rows and connection.execute(_DISPATCHED, rows).rowcount != len(rows):
        raise _changed_elsewhere(run_id)
    return opened


def _explain(connection: Connection, run_id: str, held: Mapping[str, str]) -> None:
    rows = [{"run": run_id, "node": unique_id, "why": why} for unique_id, why in held.items()]
    if rows:
        connection.execute(_EXPLAINED, rows)


def _refuse_not_ready(run_id: str, unique_ids: Sequence[str], by_id: Mapping[str, Row[Any]]) -> None:
    if len(set(unique_ids)) != len(unique_ids):
        raise StateError(f"a node of run {run_id} was to be started twice at once; nothing was changed")
    for unique_id in unique_ids:
        row = by_id.get(unique_id)
        if row is None:
            raise StateError(f"run {run_id} has no node {unique_id}")
        if row.run_state != RunState.RUNNING:
            raise StateError(f"run {run_id} is {row.run_state}: nothing of it can be started")
        if row.state != NodeState.READY:
            raise StateError(f"{unique_id} of run {run_id} is {row.state}, not ready: it cannot be started")


def listed(connection: Connection, run_id: str) -> list[NodeRecord]:
    """The nodes of a run in topological order, each with what its newest attempt said."""
    return [node_record(row) for row in connection.execute(_WITH_LATEST, {"run": run_id})]

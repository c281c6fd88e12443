"""Ending runs whose process is gone, so that nothing is ``running`` for ever."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, or_, select

from sqlorch.domain.history import NodeMove, Owner
from sqlorch.domain.interval import Interval
from sqlorch.domain.lost import perhaps_unsafe
from sqlorch.domain.run import NodeState, RunState
from sqlorch.domain.scheduling import RunKind
from sqlorch.state import lost, nodes, runs
from sqlorch.state.codec import from_json, from_micros
from sqlorch.state.rows import owner_of
from sqlorch.state.tables import node_run, run

_UNFINISHED = [state for state in RunState if not state.terminal]
_DAEMON_KINDS = [kind for kind in RunKind if kind is not RunKind.MANUAL]
_ENDS_AS = {
    RunState.QUEUED: RunState.CANCELLED,  # nothing of it was started, so nothing failed
    RunState.RUNNING: RunState.FAILED,
    RunState.CANCELLING: RunState.CANCELLED,
}

_NODES = (
    select(
        node_run.c.unique_id,
        node_run.c.state,
        node_run.c.materialized,
        run.c.interval_start,
        run.c.interval_end,
        run.c.timezone,
    )
    .join_from(node_run, run, run.c.run_id == node_run.c.run_id)
    .where(node_run.c.run_id == bindparam("run"))
)


def orphans(connection: Connection, is_alive: Callable[[Owner], bool]) -> list[tuple[str, int, str]]:
    """Unfinished runs without a living owner: run id, generation and the reason to write, oldest first.

    Those the daemon drives are left to it: it takes them up where they were. Only one that was being
    cancelled has nothing left to be taken up.
    """
    ends_here = or_(run.c.kind.not_in(_DAEMON_KINDS), run.c.state == RunState.CANCELLING)
    statement = select(run).where(run.c.state.in_(_UNFINISHED), ends_here).order_by(run.c.id)
    found = []
    for row in connection.execute(statement).all():
        owner = owner_of(row)
        if owner is None or not is_alive(owner):
            found.append((row.run_id, row.gen, _reason(owner)))
    return found


def _reason(owner: Owner | None) -> str:
    who = f" ({owner.host}, pid {owner.pid})" if owner else ""
    return f"the process that ran it is gone{who}"


def end(connection: Connection, run_id: str, gen: int, reason: str, *, now: datetime) -> bool:
    """End one orphan; False when it has ended or started anew since it was seen."""
    row = runs.fetch(connection, run_id)
    before = RunState(row.state)
    if before.terminal or row.gen != gen:
        return False
    owner = owner_of(row)
    if before is not RunState.QUEUED and owner is not None:
        lost.note(connection, owner, target=from_json(row.invocation).get("target"), now=now)
    return finish(connection, run_id, before, reason=reason, now=now)


def finish(connection: Connection, run_id: str, before: RunState, *, reason: str, now: datetime) -> bool:
    """End a run nobody drives, and its nodes: failed what was running, cancelled the rest."""
    nodes.move(connection, run_id, _endings(connection, run_id, reason), now=now)
    return runs.move(connection, run_id, before, _ENDS_AS[before], now=now, reason=reason, owner=None)


def _endings(connection: Connection, run_id: str, reason: str) -> list[NodeMove]:
    moves: list[NodeMove] = []
    for row in connection.execute(_NODES, {"run": run_id}):
        state = NodeState(row.state)
        why = f"{reason}{_harm(row)}" if state.live else reason
        for after in _path_to_end(state):
            moves.append(NodeMove(unique_id=row.unique_id, before=state, after=after, reason=why))
            state = after
    return moves


def _harm(row: Row[Any]) -> str:
    """What a second attempt at a node under way may do, as far as its row tells."""
    interval = Interval(from_micros(row.interval_start), from_micros(row.interval_end))
    said = perhaps_unsafe(row.materialized, interval, row.timezone)
    return f"; {said}" if said else ""


def _path_to_end(state: NodeState) -> tuple[NodeState, ...]:
    if state.terminal:
        return ()
    if state.live:
        return (NodeState.LOST, NodeState.FAILED)
    return (NodeState.FAILED,) if state is NodeState.LOST else (NodeState.CANCELLED,)

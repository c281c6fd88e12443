"""Taking over a run whose driver died, so that it goes on where it was. Inside the caller's transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select

from sqlorch.domain.history import NodeMove, Owner
from sqlorch.domain.interval import Interval
from sqlorch.domain.lost import unsafe
from sqlorch.domain.run import NodeState, RunState
from sqlorch.domain.scheduling import Rescue
from sqlorch.state import lost, nodes, runs
from sqlorch.state.codec import from_json, from_micros
from sqlorch.state.rows import owner_of, owner_values
from sqlorch.state.tables import node_run, run

_STRANDED = (NodeState.DISPATCHED, NodeState.RUNNING, NodeState.LOST)
_FIND = (
    select(node_run.c.unique_id, node_run.c.state, node_run.c.lost)
    .where(node_run.c.run_id == bindparam("run"), node_run.c.state.in_(_STRANDED))
    .order_by(node_run.c.position)
)
_COUNT = (
    node_run.update()
    .where(node_run.c.run_id == bindparam("run"), node_run.c.unique_id == bindparam("node"))
    .values(lost=bindparam("times"))
)


def take_over(
    connection: Connection,
    run_id: str,
    *,
    gen: int,
    was: Owner | None,
    owner: Owner,
    now: datetime,
    budget: int,
    keep: frozenset[str],
) -> Rescue | None:
    """See :meth:`sqlorch.engine.schedule_ports.QueueStore.rescue`."""
    row = runs.fetch(connection, run_id)
    if row.state != RunState.RUNNING or row.gen != gen or owner_of(row) != was:
        return None
    stranded = connection.execute(_FIND, {"run": run_id}).all()
    retried: list[str] = []
    failed: list[str] = []
    moves: list[NodeMove] = []
    interval = Interval(from_micros(row.interval_start), from_micros(row.interval_end))
    for node in stranded:
        harm = unsafe(interval, row.timezone) if node.unique_id in keep else None
        verdict = harm or _one_too_many(node, budget)
        (retried if verdict is None else failed).append(node.unique_id)
        moves += _path(node, verdict, gone=_who(was))
    counts = [{"run": run_id, "node": node.unique_id, "times": node.lost + 1} for node in stranded]
    if counts:
        connection.execute(_COUNT, counts)
    nodes.move(connection, run_id, moves, now=now)
    if was is not None:
        lost.note(connection, was, target=from_json(row.invocation).get("target"), now=now)
    mine = run.update().where(run.c.run_id == run_id)
    connection.execute(mine.values(reason="", **owner_values(owner)))
    return Rescue(run_id=run_id, retried=tuple(retried), failed=tuple(failed))


def _one_too_many(node: Row[Any], budget: int) -> str | None:
    """Why the node fails that could be tried again, None when it is."""
    times = node.lost + 1
    return f"lost {times} times, which is one too many" if times > budget else None


def _path(node: Row[Any], verdict: str | None, *, gone: str) -> Sequence[NodeMove]:
    state, uid = NodeState(node.state), node.unique_id
    why = f"the process that ran it is gone{gone}" + (f"; {verdict}" if verdict else "")
    moves = []
    if state is not NodeState.LOST:
        moves.append(NodeMove(unique_id=uid, before=state, after=NodeState.LOST, reason=why))
    after = NodeState.FAILED if verdict else NodeState.UP_FOR_RETRY
    moves.append(NodeMove(unique_id=uid, before=NodeState.LOST, after=after, reason=why))
    return moves


def _who(owner: Owner | None) -> str:
    return f" ({owner.host}, pid {owner.pid})" if owner else ""

"""Taking over a run whose driver died, so that it goes on where it was. Inside the caller's transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select

from sqlorch.domain.history import NodeMove, Owner
from sqlorch.domain.run import NodeState, RunState
from sqlorch.domain.scheduling import Rescue
from sqlorch.state import lost, nodes, runs
from sqlorch.state.codec import from_json
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
    for node in stranded:
        verdict = _verdict(node, budget, keep)
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


def _verdict(node: Row[Any], budget: int, keep: frozenset[str]) -> str | None:
    """Why the node fails, None when it is tried again."""
    if node.unique_id in keep:
        return "it may have been done in part and is not safe to repeat"
    times = node.lost + 1
    return f"lost {times} times, which is one too many" if times > budget else None


def _path(node: Row[Any], verdict: str | None, *, gone: str) -> Sequence[NodeMove]:
    state, uid = NodeState(node.state), node.unique_id
    why = f"the process that ran it is gone{gone}"
    moves = []
    if state is not NodeState.LOST:
        moves.append(NodeMove(unique_id=uid, before=state, after=NodeState.LOST, reason=why))
    if verdict is None:
        after, reason = NodeState.UP_FOR_RETRY, why
    else:
        after, reason = NodeState.FAILED, f"{why}; {verdict}"
    moves.append(NodeMove(unique_id=uid, before=NodeState.LOST, after=after, reason=reason))
    return moves


def _who(owner: Owner | None) -> str:
    return f" ({owner.host}, pid {owner.pid})" if owner else ""

"""Alerts about how runs end, written with the end itself: none is lost when the process dies just then."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, func, or_, select

from sqlorch.domain.alerts import BY_HAND, CHECK_FAILED, RUN_FAILED, RUN_RECOVERED
from sqlorch.domain.describe import compact
from sqlorch.domain.interval import Interval
from sqlorch.domain.run import NodeState, Outcome, RunState
from sqlorch.domain.scheduling import RunKind
from sqlorch.state import alerts
from sqlorch.state.codec import from_json, from_micros
from sqlorch.state.recovery import recovery
from sqlorch.state.tables import attempt, node_run, run

_MOST_NODES = 100  # a message lists fewer; all of them are in the run

_RUN = select(run).where(run.c.run_id == bindparam("id"))
_NODES = (
    select(
        node_run.c.unique_id,
        node_run.c.name,
        node_run.c.kind,
        node_run.c.state,
        attempt.c.attempt_id,
        attempt.c.outcome,
        attempt.c.failures,
    )
    .outerjoin_from(node_run, attempt, attempt.c.attempt_id == node_run.c.last_attempt_id)
    .where(node_run.c.run_id == bindparam("id"))
    .where(or_(node_run.c.state == NodeState.FAILED, attempt.c.outcome == Outcome.WARN))
    .order_by(node_run.c.position)
)
_NOT_RUN = (
    select(func.count())
    .select_from(node_run)
    .where(
        node_run.c.run_id == bindparam("id"),
        node_run.c.state.in_([NodeState.UPSTREAM_FAILED, NodeState.CANCELLED]),
    )
)


def tell(connection: Connection, run_id: str, *, now: datetime) -> None:
    """A run has failed or succeeded: put into the outbox what people must learn of that.

    Its failure; that its group has recovered with it, when all that failed in the group and was told of has
    succeeded since; and checks that warn. Runs started by hand are told of only where their invocation
    says so.
    """
    row = connection.execute(_RUN, {"id": run_id}).one()
    if row.kind == RunKind.MANUAL and not from_json(row.invocation).get(BY_HAND):
        return
    nodes = connection.execute(_NODES, {"id": run_id}).all()
    failed = [node for node in nodes if node.state == NodeState.FAILED]
    warned = [node for node in nodes if node.state != NodeState.FAILED]
    facts = _facts(row)
    if row.state == RunState.FAILED:
        skipped = connection.scalar(_NOT_RUN, {"id": run_id}) or 0
        _insert(connection, row, RUN_FAILED, facts | _listed(failed) | {"skipped_nodes": skipped}, now)
    elif (well := recovery(connection, row)) is not None:
        _insert(connection, row, RUN_RECOVERED, facts | dict(well), now)
    if warned:
        _insert(connection, row, CHECK_FAILED, facts | _listed(warned), now)


def _insert(connection: Connection, row: Row[Any], kind: str, payload: dict[str, Any], now: datetime) -> None:
    alerts.insert(connection, f"{kind}:{row.run_id}:{row.gen}", kind, payload, now=now)


def _facts(row: Row[Any]) -> dict[str, Any]:
    interval = Interval(from_micros(row.interval_start), from_micros(row.interval_end))
    return {
        "run_id": row.run_id,
        "gen": row.gen,
        "group": row.group_name,
        "interval": compact(interval, row.timezone),
        "reason": row.reason,
    }


def _listed(nodes: list[Row[Any]]) -> dict[str, Any]:
    listed = [
        {
            "unique_id": node.unique_id,
            "name": node.name,
            "kind": node.kind,
            "failures": node.failures,
            "attempt_id": node.attempt_id,
        }
        for node in nodes[:_MOST_NODES]
    ]
    return {"nodes": listed, "more": max(0, len(nodes) - _MOST_NODES)}

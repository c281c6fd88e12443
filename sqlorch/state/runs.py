"""Statements on runs as wholes: create, move, rerun, read. Inside the caller's transaction."""

from __future__ import annotations

import difflib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, func, select

from sqlorch.domain.errors import StateError
from sqlorch.domain.history import Owner, RunRecord
from sqlorch.domain.run import NodeState, RunSpec, RunState
from sqlorch.domain.transitions import may_move_run
from sqlorch.state import attempts, events, outcomes, run_alerts
from sqlorch.state.codec import clean_text, to_micros
from sqlorch.state.faults import ON_A_SERVER
from sqlorch.state.rows import node_values, owner_values, run_record, run_values
from sqlorch.state.tables import node_run, run

_NEAREST_AMONG = 1000  # ids offered for a wrong one come from this many newest runs

_BY_ID = select(run).where(run.c.run_id == bindparam("id"))
_COUNTS = (
    select(node_run.c.run_id, node_run.c.state, func.count().label("nodes"))
    .where(node_run.c.run_id.in_(bindparam("ids", expanding=True)))
    .group_by(node_run.c.run_id, node_run.c.state)
)
_WRITE_CODE = (
    node_run.update()
    .where(node_run.c.run_id == bindparam("run"), node_run.c.unique_id == bindparam("node"))
    .values(code=bindparam("made_by"))
)
_RESET_NODE = (
    node_run.update()
    .where(node_run.c.run_id == bindparam("run"), node_run.c.unique_id == bindparam("node"))
    .values(
        gen=bindparam("next"),
        state=NodeState.WAITING,
        reason="",
        ready_at=None,
        gen_tries=0,
        last_attempt_id=None,
        lost=0,
    )
)


def insert(connection: Connection, spec: RunSpec, *, owner: Owner, now: datetime) -> None:
    """Write a queued run and its waiting nodes."""
    refuse_known(connection, spec.run_id)
    connection.execute(run.insert(), run_values(spec, owner=owner, now=now))
    nodes = [node_values(spec.run_id, place, node) for place, node in enumerate(spec.nodes)]
    if nodes:
        connection.execute(node_run.insert(), nodes)


def refuse_known(connection: Connection, run_id: str) -> None:
    """Raise a StateError when there is a run of that id."""
    if _find(connection, run_id) is not None:
        raise StateError(f"there is already a run {run_id}; nothing was changed")


def move(
    connection: Connection,
    run_id: str,
    before: RunState,
    after: RunState,
    *,
    now: datetime,
    reason: str,
    owner: Owner | None,
) -> bool:
    """Compare-and-swap a run's state within one generation; how it ended is told to who waits for it."""
    if before.terminal or not may_move_run(before, after):
        hint = "; a finished run starts again only by a rerun" if before.terminal else ""
        raise StateError(f"run {run_id} may not go from {before} to {after}{hint}")
    changes: dict[str, Any] = {"state": after, "reason": clean_text(reason)}
    if after is RunState.RUNNING:
        changes |= {"started_at": to_micros(now)} | (owner_values(owner) if owner else {})
    if after.terminal:
        _refuse_live(connection, run_id, after)
        changes["finished_at"] = to_micros(now)
    statement = run.update().where(run.c.run_id == run_id, run.c.state == before).values(**changes)
    moved = connection.execute(statement).rowcount == 1
    if not moved:
        fetch(connection, run_id)
    elif after is RunState.RUNNING:
        outcomes.begin(connection, run_id, now=now)
    elif after is RunState.SUCCESS:
        events.emit(connection, run_id, now=now)
    if moved and after in {RunState.SUCCESS, RunState.FAILED}:
        run_alerts.tell(connection, run_id, now=now)
    return moved


def _refuse_live(connection: Connection, run_id: str, after: RunState) -> None:
    live = attempts.live_nodes(connection, run_id)
    if live:
        raise StateError(f"run {run_id} cannot be {after} while {live[0]} is still being executed")


def reset(
    connection: Connection,
    run_id: str,
    unique_ids: Iterable[str],
    *,
    owner: Owner,
    code: Mapping[str, str] | None = None,
) -> int:
    """Send a terminal run back to queued with the next generation; returns that generation."""
    row = fetch(connection, run_id)
    if not RunState(row.state).terminal:
        raise StateError(f"run {run_id} is {row.state}; only a finished run can be run again")
    gen = int(row.gen) + 1
    wanted = list(dict.fromkeys(unique_ids))
    _refuse_unknown_nodes(connection, run_id, wanted)
    connection.execute(
        run.update()
        .where(run.c.run_id == run_id, run.c.gen == row.gen)
        .values(
            gen=gen,
            state=RunState.QUEUED,
            reason="",
            started_at=None,
            finished_at=None,
            cancel_requested="",
            **owner_values(owner),
        )
    )
    if wanted:
        connection.execute(_RESET_NODE, [{"run": run_id, "node": node, "next": gen} for node in wanted])
    written = [
        {"run": run_id, "node": node, "made_by": code[node]} for node in wanted if code and node in code
    ]
    if written:
        connection.execute(_WRITE_CODE, written)
    return gen


def _refuse_unknown_nodes(connection: Connection, run_id: str, wanted: Sequence[str]) -> None:
    known: set[str] = set(connection.scalars(select(node_run.c.unique_id).where(node_run.c.run_id == run_id)))
    for unique_id in wanted:
        if unique_id not in known:
            near = _nearest(unique_id, known)
            raise StateError(f"run {run_id} has no node {unique_id}{near}")


def fetch(connection: Connection, run_id: str) -> Row[Any]:
    """The row of a run.

    Raises:
        StateError: no such run; offers the nearest ids.
    """
    row = _find(connection, run_id)
    if row is None:
        recent: Iterable[str] = connection.scalars(
            select(run.c.run_id).order_by(run.c.id.desc()).limit(_NEAREST_AMONG)
        )
        near = _nearest(run_id, recent) or _known(connection)
        raise StateError(f"there is no run {run_id}{near}")
    return row


def _known(connection: Connection) -> str:
    """Where to look for a run: a new state file says that the history may be elsewhere."""
    if connection.dialect.name == "sqlite" and connection.scalar(select(run.c.id).limit(1)) is None:
        return f": nothing has been run with this state; {ON_A_SERVER}"
    return "; `sqlorch runs list` shows those there are"


def _find(connection: Connection, run_id: str) -> Row[Any] | None:
    return connection.execute(_BY_ID, {"id": run_id}).first()


def _nearest(wrong: str, names: Iterable[str]) -> str:
    near = difflib.get_close_matches(wrong, list(names), n=3)
    return f"; did you mean {' or '.join(near)}?" if near else ""


def listed(
    connection: Connection, *, group: str | None, state: RunState | None, limit: int | None
) -> list[RunRecord]:
    """Runs, newest created first."""
    statement = select(run).order_by(run.c.id.desc()).limit(limit)
    if group is not None:
        statement = statement.where(run.c.group_name == group)
    if state is not None:
        statement = statement.where(run.c.state == state)
    return records(connection, connection.execute(statement).all())


def records(connection: Connection, rows: Sequence[Row[Any]]) -> list[RunRecord]:
    """Run records from their rows, each with the counts of its nodes by state."""
    counts: dict[str, dict[str, int]] = defaultdict(dict)
    chunk = 1000  # bound values a statement; SQLite takes 32,766
    ids = [row.run_id for row in rows]
    for start in range(0, len(ids), chunk):
        for count in connection.execute(_COUNTS, {"ids": ids[start : start + chunk]}):
            counts[count.run_id][count.state] = count.nodes
    return [run_record(row, counts[row.run_id]) for row in rows]

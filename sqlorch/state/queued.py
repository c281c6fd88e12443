"""Statements on runs that wait for their turn: made without nodes, which they are given when claimed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, and_, func, or_, select

from sqlorch.domain.errors import StateError
from sqlorch.domain.history import Owner
from sqlorch.domain.interval import Interval
from sqlorch.domain.run import RunSpec, RunState
from sqlorch.domain.scheduling import NewRun, OpenRun, RunKind
from sqlorch.state import outcomes, runs, slots
from sqlorch.state.codec import (
    clean_text_or_none,
    from_json,
    from_micros,
    from_micros_or_none,
    to_json,
    to_micros,
)
from sqlorch.state.rows import node_values, owner_of, owner_values
from sqlorch.state.tables import node_run, run

UNDER_WAY = (RunState.RUNNING, RunState.CANCELLING)
OPEN = (RunState.QUEUED, *UNDER_WAY)


def insert(connection: Connection, made: NewRun, *, owner: Owner, now: datetime) -> None:
    """Write a queued run without nodes.

    Raises:
        StateError: the run id exists.
    """
    runs.refuse_known(connection, made.run_id)
    values = {
        "run_id": made.run_id,
        "group_name": made.group,
        "kind": made.kind,
        "interval_start": to_micros(made.interval.start),
        "interval_end": to_micros(made.interval.end),
        "timezone": made.timezone,
        "gen": 1,
        "state": RunState.QUEUED,
        "reason": "",
        "created_at": to_micros(now),
        "variables": "{}",
        "invocation": _parameters(made.run_id, made.parameters),
        "due_at": to_micros(made.due_at),
        "trigger_key": clean_text_or_none(made.trigger_key),
        "backfill_id": made.backfill,
        "spec_hash": made.spec_hash,
        **owner_values(owner),
    }
    connection.execute(run.insert(), values)


def _parameters(run_id: str, parameters: Mapping[str, Any]) -> str:
    return to_json(parameters, what=f"the parameters of run {run_id}")


def by_key(connection: Connection, made: NewRun) -> str | None:
    """The id of the run its group has for its trigger key already."""
    if made.trigger_key is None:
        return None
    statement = select(run.c.run_id).where(
        run.c.group_name == made.group, run.c.trigger_key == clean_text_or_none(made.trigger_key)
    )
    found: str | None = connection.scalar(statement)
    return found


def requeue(
    connection: Connection,
    run_id: str,
    *,
    owner: Owner,
    now: datetime,
    backfill: str | None,
    parameters: Mapping[str, Any] | None,
) -> int:
    """Send a terminal run back to the queue; its nodes stay as they are until it is claimed."""
    gen = runs.reset(connection, run_id, (), owner=owner)
    slots.tell(connection, run_id, "")
    changes: dict[str, Any] = {"due_at": to_micros(now)}
    if backfill is not None:
        changes["backfill_id"] = backfill
    if parameters is not None:
        stored = from_json(runs.fetch(connection, run_id).invocation)
        changes["invocation"] = _parameters(run_id, stored | dict(parameters))
    connection.execute(run.update().where(run.c.run_id == run_id).values(**changes))
    return gen


def claim(
    connection: Connection, spec: RunSpec, *, owner: Owner, now: datetime, max_active: int | None
) -> bool:
    """Take a queued run, unless its group has too much under way."""
    row = runs.fetch(connection, spec.run_id)
    _refuse_another(row, spec)
    if row.state != RunState.QUEUED or _is_barred(connection, row, max_active):
        return False
    changes = {
        "state": RunState.RUNNING,
        "reason": "",
        "started_at": to_micros(now),
        "variables": to_json(spec.variables, what=f"the variables of run {spec.run_id}"),
        "invocation": _parameters(spec.run_id, from_json(row.invocation) | dict(spec.invocation)),
        **owner_values(owner),
    }
    mine = (run.c.run_id == spec.run_id, run.c.state == RunState.QUEUED, run.c.gen == row.gen)
    if connection.execute(run.update().where(*mine).values(**changes)).rowcount != 1:
        return False
    _write_nodes(connection, spec, row.gen)
    outcomes.begin(connection, spec.run_id, now=now)
    return True


def _refuse_another(row: Row[Any], spec: RunSpec) -> None:
    stored = (row.group_name, row.interval_start, row.interval_end)
    if stored != (spec.group, to_micros(spec.interval.start), to_micros(spec.interval.end)):
        raise StateError(
            f"run {spec.run_id} is of {row.group_name} over {_interval(row)}, "
            f"not of {spec.group} over {spec.interval}; nothing was changed"
        )


def _is_barred(connection: Connection, row: Row[Any], max_active: int | None) -> bool:
    others = (run.c.group_name == row.group_name, run.c.state.in_(UNDER_WAY), run.c.run_id != row.run_id)
    overlaps = or_(
        and_(run.c.interval_start < row.interval_end, run.c.interval_end > row.interval_start),
        run.c.interval_start == row.interval_start,
    )
    if connection.execute(select(run.c.id).where(*others, overlaps).limit(1)).first() is not None:
        return True
    under_way = connection.scalar(select(func.count()).select_from(run).where(*others)) or 0
    return max_active is not None and under_way >= max_active


def _write_nodes(connection: Connection, spec: RunSpec, gen: int) -> None:
    """The nodes of this generation wait; those of earlier ones that are not among them keep their place."""
    statement = select(node_run.c.unique_id, node_run.c.position).where(node_run.c.run_id == spec.run_id)
    known: dict[str, int] = {row.unique_id: row.position for row in connection.execute(statement)}
    wanted = {node.unique_id for node in spec.nodes}
    kept = [position for unique_id, position in known.items() if unique_id not in wanted]
    # what is kept is done, so nothing of it comes after what is to be done: the order stays topological
    first = max(kept, default=-1) + 1
    values = [
        node_values(spec.run_id, place, node) | {"gen": gen} for place, node in enumerate(spec.nodes, first)
    ]
    new = [row for row in values if row["unique_id"] not in known]
    if new:
        connection.execute(node_run.insert(), new)
    again = {"ready_at": None, "last_attempt_id": None, "lost": 0}
    for row in values:
        if row["unique_id"] in known:
            changes = {name: value for name, value in row.items() if name not in _KEPT} | again
            mine = (node_run.c.run_id == spec.run_id, node_run.c.unique_id == row["unique_id"])
            connection.execute(node_run.update().where(*mine).values(**changes))


_KEPT = frozenset({"run_id", "unique_id", "tries"})


def opened(connection: Connection) -> list[OpenRun]:
    """Runs that have not ended, oldest due first."""
    due = func.coalesce(run.c.due_at, run.c.created_at)
    statement = select(run).where(run.c.state.in_(OPEN)).order_by(due, run.c.id)
    return [_open_run(row) for row in connection.execute(statement)]


def _open_run(row: Row[Any]) -> OpenRun:
    return OpenRun(
        run_id=row.run_id,
        group=row.group_name,
        kind=RunKind(row.kind),
        interval=_interval(row),
        timezone=row.timezone,
        gen=row.gen,
        state=RunState(row.state),
        reason=row.reason,
        created_at=from_micros(row.created_at),
        started_at=from_micros_or_none(row.started_at),
        due_at=from_micros_or_none(row.due_at),
        owner=owner_of(row),
        backfill=row.backfill_id,
        cancel_requested=row.cancel_requested,
        parameters=from_json(row.invocation),
    )


def _interval(row: Row[Any]) -> Interval:
    return Interval(from_micros(row.interval_start), from_micros(row.interval_end))

"""Statements on dataset events and on how far consumers have read. Inside the caller's transaction.

A dataset is a group, by its name, or a model, seed or snapshot, by its unique id (which has dots, as a
group's name never has).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection, bindparam, select
from sqlalchemy import text as sql

from sqlorch.domain.dag import TEST_KINDS
from sqlorch.domain.run import NodeState
from sqlorch.state.codec import from_json, to_micros
from sqlorch.state.tables import node_run, run

PARTIAL = "partial"  # key of an invocation: only some of the group's nodes were asked for

_RUN = select(run).where(run.c.run_id == bindparam("id"))
_MADE = select(node_run.c.unique_id, node_run.c.gen).where(
    node_run.c.run_id == bindparam("id"),
    node_run.c.state == NodeState.SUCCESS,
    node_run.c.kind.not_in(sorted(TEST_KINDS)),
)
_EMIT = sql(
    "INSERT INTO dataset_event (dataset, run_id, gen, interval_start, interval_end, at) "
    "VALUES (:dataset, :run, :gen, :start, :end, :at) ON CONFLICT (dataset, run_id, gen) DO NOTHING"
)
_ADVANCE = sql(
    "INSERT INTO dataset_cursor (group_name, dataset, event_id) VALUES (:consumer, :dataset, :event) "
    "ON CONFLICT (group_name, dataset) DO UPDATE SET event_id = excluded.event_id "
    "WHERE excluded.event_id > dataset_cursor.event_id"
)


def emit(connection: Connection, run_id: str, *, now: datetime) -> None:
    """Tell that a run has succeeded: an event of its group and of each table it made.

    A table made in an earlier generation, and told of then, is not told of again. A run of some of the
    group's nodes tells of its tables alone.
    """
    row = connection.execute(_RUN, {"id": run_id}).one()
    made = [(node.unique_id, node.gen) for node in connection.execute(_MADE, {"id": run_id})]
    if not from_json(row.invocation).get(PARTIAL):
        made.append((row.group_name, row.gen))
    told = {"run": run_id, "start": row.interval_start, "end": row.interval_end, "at": to_micros(now)}
    rows = [told | {"dataset": dataset, "gen": gen} for dataset, gen in made]
    if rows:
        connection.execute(_EMIT, rows)


def advance(connection: Connection, group: str, consumed: Mapping[str, int]) -> None:
    """Remember the last event of each dataset that a group has consumed; never back."""
    rows = [
        {"consumer": group, "dataset": dataset, "event": event} for dataset, event in sorted(consumed.items())
    ]
    if rows:
        connection.execute(_ADVANCE, rows)

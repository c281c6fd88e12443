"""What other runs execute now and what therefore cannot be started yet. Inside the caller's transaction.

Two processes that drive runs see each other only here: a relation is written by one run at a time, and a pool
counts over all of them. Writes are one after the other, so nothing can slip in between looking and starting.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, Row, bindparam, literal_column, select

from sqlorch.domain.dag import TEST_KINDS
from sqlorch.state.owner import is_alive
from sqlorch.state.rows import owner_of
from sqlorch.state.tables import attempt, node_run, run

_LIVE_ELSEWHERE = (
    select(
        attempt.c.unique_id,
        attempt.c.run_id,
        node_run.c.pool,
        run.c.owner_host,
        run.c.owner_boot_id,
        run.c.owner_pid,
        run.c.owner_started,
    )
    .join_from(
        attempt,
        node_run,
        (node_run.c.run_id == attempt.c.run_id) & (node_run.c.unique_id == attempt.c.unique_id),
    )
    .join(run, run.c.run_id == attempt.c.run_id)
    # spelled out, so that SQLite may use the partial index of live attempts
    .where(attempt.c.state == literal_column("'running'"), attempt.c.run_id != bindparam("run"))
    .order_by(attempt.c.attempt_id)
)
_OURS = select(node_run.c.pool).join_from(
    node_run,
    attempt,
    (node_run.c.run_id == attempt.c.run_id) & (node_run.c.unique_id == attempt.c.unique_id),
)


def held_back(
    connection: Connection, run_id: str, nodes: Iterable[Row[Any]], limits: Mapping[str, int]
) -> dict[str, str]:
    """Of the nodes to be started, those that must wait, with the reason.

    Args:
        connection: in a writing transaction.
        run_id: the run they are of.
        nodes: ``unique_id``, ``kind`` and ``pool`` of each, the one to start first in front.
        limits: how many nodes of each pool may be executed at once.
    """
    elsewhere = [row for row in connection.execute(_LIVE_ELSEWHERE, {"run": run_id}) if _counts(row)]
    if not elsewhere:
        return {}
    writers = {row.unique_id: row.run_id for row in elsewhere}
    used = Counter(row.pool for row in elsewhere) + _own(connection, run_id)
    waiting: dict[str, str] = {}
    for node in nodes:
        limit = limits.get(node.pool)
        if node.kind not in TEST_KINDS and node.unique_id in writers:
            waiting[node.unique_id] = f"waiting for {writers[node.unique_id]}, which builds it now"
        elif limit is not None and used[node.pool] >= limit:
            waiting[node.unique_id] = (
                f"waiting for the pool {node.pool} ({used[node.pool]} of {limit} in use)"
            )
        else:
            used[node.pool] += 1
    return waiting


def _own(connection: Connection, run_id: str) -> Counter[str]:
    live = attempt.c.state == literal_column("'running'")
    return Counter(connection.scalars(_OURS.where(live, attempt.c.run_id == run_id)))


def _counts(row: Row[Any]) -> bool:
    """Whether the run's process may still be at work: of one that is dead, only the record is left."""
    owner = owner_of(row)
    return owner is not None and is_alive(owner)

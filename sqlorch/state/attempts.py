"""Statements on attempts: open, close by a result, close without one. Inside the caller's transaction.

An attempt is ``running`` until it is ``done`` (a result was reported), ``lost`` (it ended without one) or
``fenced`` (its result came after it had been given up: kept to be read, never applied).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Connection, Text, bindparam, cast, literal_column, select

from sqlorch.domain.errors import StateError
from sqlorch.domain.history import AttemptRecord
from sqlorch.domain.run import ErrorClass, NodeResult, Outcome
from sqlorch.state import expectations
from sqlorch.state.codec import clean_text, to_micros
from sqlorch.state.rows import attempt_record, result_values
from sqlorch.state.tables import attempt, meta

LIVE = "running"
DONE = "done"
LOST = "lost"
FENCED = "fenced"
# Spelled out in the statement, not bound: only so may SQLite use the partial index of live attempts.
_IS_LIVE = attempt.c.state == literal_column(f"'{LIVE}'")

_RESULT_COLUMNS = (
    "outcome",
    "error_class",
    "started_at",
    "finished_at",
    "rows",
    "failures",
    "message",
    "file",
    "line",
    "compiled_path",
    "log_path",
    "adapter_response",
    "timing",
)
_WRITE_RESULT = (
    attempt.update()
    .where(
        attempt.c.attempt_id == bindparam("id"),
        attempt.c.fence == bindparam("expected_fence"),
        attempt.c.state == bindparam("before"),
    )
    .values({name: bindparam(name) for name in (*_RESULT_COLUMNS, "state")})
)
_GIVE_UP = (
    attempt.update()
    .where(
        attempt.c.run_id == bindparam("run"),
        attempt.c.unique_id == bindparam("node"),
        _IS_LIVE,
    )
    .values(
        state=LOST,
        outcome=bindparam("how"),
        error_class=ErrorClass.INFRA,
        finished_at=bindparam("now"),
        message=bindparam("why"),
    )
)
_LIVE_NODES = select(attempt.c.unique_id).where(attempt.c.run_id == bindparam("run"), _IS_LIVE)
# one statement, so that no two transactions can be given the same numbers
_TAKE_FENCES = (
    meta.update()
    .where(meta.c.key == "fence_seq")
    .values(value=cast(cast(meta.c.value, BigInteger) + bindparam("count"), Text))
    .returning(meta.c.value)
)


def close(
    connection: Connection, run_id: str, results: Sequence[tuple[AttemptRecord, NodeResult]]
) -> set[str]:
    """Write results to their attempts; returns the nodes whose result came too late to count."""
    late = set()
    for record, result in results:
        if record.run_id != run_id or record.unique_id != result.unique_id:
            raise StateError(
                f"the result of {result.unique_id} was reported for {record.unique_id} of run {record.run_id}"
            )
        values = result_values(result) | {"id": record.attempt_id, "expected_fence": record.fence}
        closed = LOST if result.outcome is Outcome.LOST else DONE
        if _swap(connection, values, LIVE, closed):
            expectations.write(connection, record.attempt_id, result)
            continue
        # Given up before: keep the result beside. Reported before: the first report stands.
        _swap(connection, values, LOST, FENCED)
        late.add(record.unique_id)
    return late


def _swap(connection: Connection, values: dict[str, Any], before: str, after: str) -> bool:
    return connection.execute(_WRITE_RESULT, values | {"before": before, "state": after}).rowcount == 1


def give_up(
    connection: Connection, run_id: str, nodes: Iterable[tuple[str, Outcome, str]], *, now: datetime
) -> None:
    """Close what is still live of these nodes, each with an outcome and the reason a person reads."""
    rows = [
        {"run": run_id, "node": node, "how": how, "why": clean_text(why), "now": to_micros(now)}
        for node, how, why in nodes
    ]
    if rows:
        connection.execute(_GIVE_UP, rows)


def live_nodes(connection: Connection, run_id: str) -> list[str]:
    """The nodes of a run that have a live attempt."""
    return list(connection.scalars(_LIVE_NODES, {"run": run_id}))


def insert(
    connection: Connection, run_id: str, nodes: Sequence[tuple[str, int, int]], *, now: datetime
) -> list[AttemptRecord]:
    """Open an attempt for each ``(unique_id, generation, n)``, with the next fences."""
    if not nodes:
        return []
    last = int(connection.execute(_TAKE_FENCES, {"count": len(nodes)}).scalar_one())
    first = last - len(nodes) + 1
    opened = [
        AttemptRecord(
            # one counter for both: a fence is already unique over the whole store
            attempt_id=fence,
            run_id=run_id,
            unique_id=unique_id,
            gen=gen,
            n=n,
            fence=fence,
            state=LIVE,
            outcome=None,
            error_class=None,
            started_at=now,
            finished_at=None,
            rows=None,
            failures=None,
            message="",
            file=None,
            line=None,
            compiled_path=None,
            log_path=None,
            adapter_response={},
            timing={},
        )
        for fence, (unique_id, gen, n) in enumerate(nodes, first)
    ]
    connection.execute(attempt.insert(), [_new_row(record) for record in opened])
    return opened


def _new_row(record: AttemptRecord) -> dict[str, Any]:
    return {
        "attempt_id": record.attempt_id,
        "run_id": record.run_id,
        "unique_id": record.unique_id,
        "gen": record.gen,
        "n": record.n,
        "fence": record.fence,
        "state": record.state,
        "started_at": to_micros(record.started_at),
        "message": "",
        "adapter_response": "{}",
        "timing": "{}",
    }


def listed(connection: Connection, run_id: str, unique_id: str | None) -> list[AttemptRecord]:
    """Attempts of a run, or of one of its nodes, oldest first."""
    statement = select(attempt).where(attempt.c.run_id == run_id).order_by(attempt.c.attempt_id)
    if unique_id is not None:
        statement = statement.where(attempt.c.unique_id == unique_id)
    return [attempt_record(row) for row in connection.execute(statement)]

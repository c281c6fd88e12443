"""Statements on the interval ledger. Inside the caller's transaction."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, bindparam, or_, select
from sqlalchemy import text as sql

from sqlorch.domain.ledger import LedgerEntry, LedgerMark
from sqlorch.domain.reprocess import INTERVAL_FREE_KINDS
from sqlorch.domain.run import NodeState
from sqlorch.domain.scheduling import RunKind
from sqlorch.state import words
from sqlorch.state.codec import to_micros
from sqlorch.state.tables import ledger, node_run, run


def touching(start: Any, end: Any) -> ColumnElement[bool]:
    """Whether an entry overlaps a span or only meets it."""
    return and_(ledger.c.interval_end >= start, ledger.c.interval_start <= end)


_ENDED = (
    select(
        node_run.c.unique_id,
        node_run.c.kind,
        node_run.c.code,
        node_run.c.gen,
        run.c.kind.label("why"),
        run.c.interval_start.label("start"),
        run.c.interval_end.label("end"),
    )
    .join_from(node_run, run, run.c.run_id == node_run.c.run_id)
    .where(
        node_run.c.run_id == bindparam("run"), node_run.c.unique_id.in_(bindparam("nodes", expanding=True))
    )
)
_CHUNK = 1000  # bound values a statement; SQLite takes 32,766
MARKS = tuple(LedgerMark)
_MARK_OF = {
    NodeState.SUCCESS: LedgerMark.DONE,
    NodeState.FAILED: LedgerMark.FAILED,
    NodeState.SKIPPED: LedgerMark.SKIPPED,
}
_BY_PEOPLE = frozenset({RunKind.MANUAL, RunKind.TRIGGERED})
_WAITING = (
    select(
        node_run.c.unique_id,
        node_run.c.gen,
        run.c.interval_start.label("start"),
        run.c.interval_end.label("end"),
    )
    .join_from(node_run, run, run.c.run_id == node_run.c.run_id)
    .where(node_run.c.run_id == bindparam("run"), node_run.c.state == NodeState.WAITING)
)
_KNOWN_OF = (
    select(ledger.c.node)
    .where(ledger.c.node.in_(bindparam("nodes", expanding=True)))
    .where(
        or_(
            and_(ledger.c.interval_end > bindparam("start"), ledger.c.interval_start < bindparam("end")),
            ledger.c.interval_start == bindparam("start"),
        )
    )
    .distinct()
)
_WRITE = sql(
    "INSERT INTO ledger (node, interval_end, interval_start, mark, code, run, gen, at) "
    "VALUES (:node, :end, :start, :mark, :code, :run, :gen, :at) "
    "ON CONFLICT (node, interval_end, interval_start) DO UPDATE SET "
    "mark = excluded.mark, code = excluded.code, run = excluded.run, gen = excluded.gen, at = excluded.at"
)


def record(
    connection: Connection, run_id: str, ended: Sequence[tuple[str, NodeState]], *, now: datetime
) -> None:
    """Write what became of nodes of a run: done, failed, or passed over by a condition.

    What was made of an interval before it had ended is done up to that moment; the rest of it is missing.
    """
    marks = {uid: _MARK_OF[state] for uid, state in ended if state in _MARK_OF}
    nodes = list(marks)
    at = to_micros(now)
    for first in range(0, len(nodes), _CHUNK):
        rows = connection.execute(_ENDED, {"run": run_id, "nodes": nodes[first : first + _CHUNK]})
        _write(
            connection,
            [
                {
                    "node": row.unique_id,
                    "start": start,
                    "end": end,
                    "mark": MARKS.index(mark),
                    "code": "" if mark is LedgerMark.MISSING else row.code,
                    "run": run_id,
                    "gen": row.gen,
                    "at": at,
                }
                for row in rows
                for start, end, mark in _pieces(row, marks[row.unique_id], at)
            ],
        )


def _pieces(row: Any, mark: LedgerMark, at: int) -> Iterator[tuple[int, int, LedgerMark]]:
    """A row's interval as it is marked: what comes after the moment it was made cannot be in it.

    The scheduler makes a run when its interval has ended; that another host's clock is behind is no matter.
    """
    whole = mark is not LedgerMark.DONE or row.kind in INTERVAL_FREE_KINDS or row.why not in _BY_PEOPLE
    if whole or at >= row.end:
        yield row.start, row.end, mark
        return
    if at > row.start:
        yield row.start, at, mark
    yield max(row.start, at), row.end, LedgerMark.MISSING


def begin(connection: Connection, run_id: str, *, now: datetime) -> None:
    """A run begins: what it is to make again is missing until it is made.

    Else a run that makes a table anew and dies would leave what is downstream of it done, with old data.
    """
    rows = {row.unique_id: row for row in connection.execute(_WAITING, {"run": run_id})}
    numbers: dict[int, str] = {number: uid for uid, number in words.known(connection, rows).items()}
    again: list[str] = []
    nodes = list(numbers)
    for first in range(0, len(nodes), _CHUNK):
        span = rows[numbers[nodes[first]]]
        bound = {"nodes": nodes[first : first + _CHUNK], "start": span.start, "end": span.end}
        known: list[int] = list(connection.scalars(_KNOWN_OF, bound))
        again += [numbers[number] for number in known]
    _write(
        connection,
        [
            {
                "node": uid,
                "start": rows[uid].start,
                "end": rows[uid].end,
                "mark": MARKS.index(LedgerMark.MISSING),
                "code": "",
                "run": run_id,
                "gen": rows[uid].gen,
                "at": to_micros(now),
            }
            for uid in again
        ],
    )


def mark(connection: Connection, entries: Iterable[LedgerEntry]) -> None:
    """Write entries as they are."""
    _write(
        connection,
        [
            {
                "node": entry.unique_id,
                "start": to_micros(entry.interval.start),
                "end": to_micros(entry.interval.end),
                "mark": MARKS.index(entry.mark),
                "code": entry.code,
                "run": entry.run_id,
                "gen": entry.gen,
                "at": to_micros(entry.at),
            }
            for entry in entries
        ],
    )


def _write(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    if not rows:
        return
    texts = [row[column] for row in rows for column in ("node", "code", "run")]
    number = words.learn(connection, texts)
    connection.execute(
        _WRITE, [row | {name: number[row[name]] for name in ("node", "code", "run")} for row in rows]
    )

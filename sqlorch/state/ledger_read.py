"""Reading the ledger fast: a year of a thousand nodes is 365,000 entries.

Rows stay plain tuples of numbers until they are entries, and there are as few entries as the reader needs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import groupby
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, Select, bindparam, select

from sqlorch.domain.interval import Interval
from sqlorch.domain.ledger import LedgerEntry, LedgerMark
from sqlorch.state import words
from sqlorch.state.codec import from_micros, to_micros
from sqlorch.state.ledger_islands import islands
from sqlorch.state.outcomes import MARKS, touching
from sqlorch.state.tables import ledger

_CHUNK = 1000  # bound values a statement; SQLite takes 32,766
_DONE = MARKS.index(LedgerMark.DONE)
_Row = tuple[int, int, int, int, int, int, int, int]
_ROWS = select(
    ledger.c.node,
    ledger.c.interval_start,
    ledger.c.interval_end,
    ledger.c.mark,
    ledger.c.code,
    ledger.c.run,
    ledger.c.gen,
    ledger.c.at,
).order_by(ledger.c.node, ledger.c.interval_end, ledger.c.interval_start)


def entries(
    connection: Connection, unique_ids: Iterable[str] | None, span: Interval | None, *, merged: bool
) -> Mapping[str, Sequence[LedgerEntry]]:
    """See :meth:`sqlorch.state.ledger.SqlLedger.entries`."""
    texts: Mapping[int, str] = words.all_texts(connection)
    cached = lru_cache(maxsize=4096)(_interval)  # the nodes of a run have their interval in common
    found = {}
    for node, ordered in _by_node(connection, unique_ids, span, merged=merged):
        found[texts[node]] = [
            LedgerEntry(
                unique_id=texts[node],
                interval=cached(start, end),
                mark=MARKS[mark],
                code=texts[code],
                run_id=texts[run],
                gen=gen,
                at=from_micros(at),
            )
            for _, start, end, mark, code, run, gen, at in ordered
        ]
    return found


def _by_node(
    connection: Connection, unique_ids: Iterable[str] | None, span: Interval | None, *, merged: bool
) -> Iterator[tuple[int, Sequence[_Row]]]:
    if merged and unique_ids is None and span is None:
        sound, others = islands(connection, _DONE)
        yield from sound.items()
        rows = _rows_of(connection, _ROWS, others)
    else:
        rows = _rows(connection, unique_ids, span)
    for node, some in groupby(rows, key=itemgetter(0)):
        ordered = sorted(some, key=itemgetter(1, 2))
        yield node, _merge(ordered) if merged else ordered


def _interval(start: int, end: int) -> Interval:
    return Interval(from_micros(start), from_micros(end))


def _rows(connection: Connection, unique_ids: Iterable[str] | None, span: Interval | None) -> Iterator[_Row]:
    statement = _ROWS
    if span is not None:
        statement = statement.where(touching(to_micros(span.start), to_micros(span.end)))
    if unique_ids is None:
        yield from _fetched(connection, statement, {})
        return
    yield from _rows_of(connection, statement, list(words.known(connection, unique_ids).values()))


def _rows_of(connection: Connection, statement: Select[Any], nodes: Sequence[int]) -> Iterator[_Row]:
    some = statement.where(ledger.c.node.in_(bindparam("nodes", expanding=True)))
    for first in range(0, len(nodes), _CHUNK):
        yield from _fetched(connection, some, {"nodes": nodes[first : first + _CHUNK]})


def _fetched(connection: Connection, statement: Select[Any], bound: Mapping[str, Any]) -> Sequence[_Row]:
    """The driver's own tuples; wrapped ones would take twice as long."""
    cursor = connection.execute(statement, bound).cursor
    return cursor.fetchall() if cursor is not None else ()


def _merge(rows: Sequence[_Row]) -> Sequence[_Row]:
    """Neighbouring windows done with the same code as one, with run and instant of the newest of them.

    Where entries lie over one another which is the newest decides, so nothing is merged.
    """
    kept: list[_Row] = []
    for row in rows:
        last = kept[-1] if kept else None
        if last is None or last[2] < row[1]:
            kept.append(row)
            continue
        if last[2] > row[1] or last[1] == row[1]:
            return rows
        if last[3] == row[3] == _DONE and last[4] == row[4] and row[2] > row[1] and last[2] > last[1]:
            newest = max(last, row, key=itemgetter(7))
            kept[-1] = (row[0], last[1], row[2], _DONE, row[4], *newest[5:])
        else:
            kept.append(row)
    return kept

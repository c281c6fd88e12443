"""The whole ledger merged inside the database: a year of a thousand nodes in a few hundred milliseconds.

An *island* is a row of windows that follow one another, done with the same code. Its first window is one
that no other such window ends at; it reaches to the last one before the next first. That is right only where
no two entries of a node lie over one another, which the sum of the lengths proves: for those nodes alone the
answer is used.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby, pairwise
from operator import itemgetter

from sqlalchemy import Connection
from sqlalchemy import text as sql

Row = tuple[int, int, int, int, int, int, int, int]
"""Node, start, end, mark, code, run, generation and instant, as in the table."""

_ISLANDS = sql("""
WITH opening AS (
  SELECT e.node, e.interval_start, e.interval_end, e.mark, e.code
  FROM ledger e LEFT JOIN ledger p
    ON p.node = e.node AND p.interval_end = e.interval_start AND p.mark = e.mark AND p.code = e.code
      AND p.interval_start < p.interval_end
  WHERE p.node IS NULL OR e.mark <> :done OR e.interval_start = e.interval_end
), bounded AS (
  SELECT opening.*,
    lead(interval_end) OVER (PARTITION BY node ORDER BY interval_end, interval_start) AS following
  FROM opening
), island AS (
  SELECT bounded.*,
    CASE WHEN following IS NULL
      THEN (SELECT max(e.interval_end) FROM ledger e WHERE e.node = bounded.node)
      ELSE (SELECT max(e.interval_end) FROM ledger e
            WHERE e.node = bounded.node AND e.interval_end < bounded.following)
    END AS reached
  FROM bounded
), dated AS (
  SELECT island.*,
    (SELECT e.interval_end FROM ledger e
     WHERE e.node = island.node AND e.interval_end BETWEEN island.interval_end AND island.reached
     ORDER BY e.at DESC, e.interval_end LIMIT 1) AS newest
  FROM island
)
SELECT d.node, d.interval_start, d.reached, d.mark, d.code, e.run, e.gen, e.at
FROM dated d JOIN ledger e ON e.node = d.node AND e.interval_end = d.newest
ORDER BY d.node, d.interval_start, d.reached
""")
_LENGTHS = sql("SELECT node, sum(interval_end - interval_start) AS length FROM ledger GROUP BY node")


def islands(connection: Connection, done: int) -> tuple[dict[int, Sequence[Row]], list[int]]:
    """The ledger's islands by node, and the nodes whose entries have to be looked at one by one.

    Args:
        connection: to read on.
        done: the number that stands for done.
    """
    lengths: dict[int, int] = {row.node: int(row.length) for row in connection.execute(_LENGTHS)}
    cursor = connection.execute(_ISLANDS, {"done": done}).cursor
    rows: Sequence[Row] = cursor.fetchall() if cursor is not None else ()
    found: dict[int, list[Row]] = {node: list(some) for node, some in groupby(rows, key=itemgetter(0))}
    sound: dict[int, Sequence[Row]] = {
        node: some for node, some in found.items() if _is_sound(some, lengths[node])
    }
    return sound, [node for node in lengths if node not in sound]


def _is_sound(rows: Sequence[Row], length: int) -> bool:
    apart = all(before[2] <= after[1] and before[1] < after[1] for before, after in pairwise(rows))
    return apart and sum(row[2] - row[1] for row in rows) == length

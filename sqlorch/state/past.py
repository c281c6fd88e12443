"""What became of nodes lately, whatever run they were in: their newest attempt and their last successes.

Per node it is a walk down its index from the newest attempt, so the cost does not grow with the history.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import text as sql

from sqlorch.domain.history import AttemptRecord
from sqlorch.domain.run import Outcome
from sqlorch.state.engine import Database
from sqlorch.state.opening import open_state
from sqlorch.state.rows import attempt_record

_CHUNK = 1000  # bound values a statement; SQLite takes 32,766
_OK = ", ".join(f"'{outcome}'" for outcome in Outcome if outcome.ok)


class Past:
    """Attempts by node; made by :func:`open_past`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def newest(self, unique_ids: Iterable[str]) -> dict[str, AttemptRecord]:
        """The newest attempt at each node, whatever came of it; one whose result came too late is none."""
        found = self._attempts(unique_ids, "past.state <> 'fenced'", limit=1)
        return {unique_id: attempts[0] for unique_id, attempts in found.items()}

    def successes(self, unique_ids: Iterable[str], *, limit: int) -> dict[str, list[AttemptRecord]]:
        """The last successful attempts at each node, newest first; nodes without one are left out."""
        return self._attempts(unique_ids, f"past.state = 'done' AND past.outcome IN ({_OK})", limit=limit)

    def _attempts(
        self, unique_ids: Iterable[str], which: str, *, limit: int
    ) -> dict[str, list[AttemptRecord]]:
        wanted = list(dict.fromkeys(unique_ids))
        found: dict[str, list[AttemptRecord]] = defaultdict(list)
        with self._database.read() as connection:
            for start in range(0, len(wanted), _CHUNK):
                chunk = wanted[start : start + _CHUNK]
                bound = {f"id{place}": unique_id for place, unique_id in enumerate(chunk)}
                for row in connection.execute(sql(_statement(len(chunk), which, limit)), bound):
                    found[row.unique_id].append(attempt_record(row))
        return dict(found)


@contextmanager
def open_past(file: Path, *, url: str | None = None) -> Iterator[Past]:
    """Look into a state file that exists, or into the database at a URL instead.

    Raises:
        StateError: it cannot be used; says why and what to do.
    """
    database = open_state(file, url=url)
    try:
        yield Past(database)
    finally:
        database.close()


def _statement(count: int, which: str, limit: int) -> str:
    wanted = ", ".join(f"(CAST(:id{place} AS TEXT))" for place in range(count))
    return f"""
        WITH wanted (unique_id) AS (VALUES {wanted})
        SELECT attempt.*
        FROM wanted JOIN attempt ON attempt.attempt_id IN (
            SELECT past.attempt_id FROM attempt AS past
            WHERE past.unique_id = wanted.unique_id AND {which}
            ORDER BY past.attempt_id DESC LIMIT {limit}
        )
        ORDER BY attempt.attempt_id DESC
    """

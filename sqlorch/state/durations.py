"""How long nodes took lately, for estimates and priorities."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from statistics import median

from sqlalchemy import Connection
from sqlalchemy import text as sql

from sqlorch.domain.run import Outcome
from sqlorch.state.codec import seconds_between

_SAMPLES = 5  # a median of five ignores two outliers
_CHUNK = 1000  # bound values a statement; SQLite takes 32,766
_OK = ", ".join(f"'{outcome}'" for outcome in Outcome if outcome.ok)


def recent(connection: Connection, unique_ids: Sequence[str]) -> dict[str, float]:
    """Median seconds of each node's last successful attempts; nodes without one are left out."""
    samples: dict[str, list[float]] = defaultdict(list)
    for start in range(0, len(unique_ids), _CHUNK):
        chunk = unique_ids[start : start + _CHUNK]
        bound = {f"id{place}": unique_id for place, unique_id in enumerate(chunk)}
        for row in connection.execute(sql(_statement(len(chunk))), bound):
            seconds = seconds_between(row.started_at, row.finished_at)
            if seconds is not None:
                samples[row.unique_id].append(seconds)
    return {unique_id: median(values) for unique_id, values in samples.items()}


def _statement(count: int) -> str:
    """Per node a walk down its index from the newest attempt: the cost does not grow with the history."""
    wanted = ", ".join(f"(CAST(:id{place} AS TEXT))" for place in range(count))
    return f"""
        WITH wanted (unique_id) AS (VALUES {wanted})
        SELECT wanted.unique_id, attempt.started_at, attempt.finished_at
        FROM wanted JOIN attempt ON attempt.attempt_id IN (
            SELECT past.attempt_id FROM attempt AS past
            WHERE past.unique_id = wanted.unique_id AND past.state = 'done' AND past.outcome IN ({_OK})
            ORDER BY past.attempt_id DESC LIMIT {_SAMPLES}
        )
    """

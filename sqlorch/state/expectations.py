"""Statements on what expectations found. Inside the caller's transaction."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Connection, Row, select

from sqlorch.domain.expectations import Expectation, ExpectationResult
from sqlorch.domain.run import NodeResult
from sqlorch.state.codec import clean_text, to_loose_json
from sqlorch.state.tables import attempt, expectation_result

_MOST = 2000  # characters of one observed value or of all samples of an expectation


def write(connection: Connection, attempt_id: int, result: NodeResult) -> None:
    """Keep what an attempt found, in the order of its suite."""
    rows = [
        {"attempt_id": attempt_id, "position": position} | _values(found)
        for position, found in enumerate(result.checks)
    ]
    if rows:
        connection.execute(expectation_result.insert(), rows)


def of_run(connection: Connection, run_id: str) -> dict[int, list[ExpectationResult]]:
    """What was found in a run, by attempt."""
    statement = (
        select(expectation_result)
        .join(attempt, attempt.c.attempt_id == expectation_result.c.attempt_id)
        .where(attempt.c.run_id == run_id)
        .order_by(expectation_result.c.attempt_id, expectation_result.c.position)
    )
    found: dict[int, list[ExpectationResult]] = {}
    for row in connection.execute(statement):
        found.setdefault(row.attempt_id, []).append(_result(row))
    return found


def _values(found: ExpectationResult) -> dict[str, Any]:
    one = found.expectation
    return {
        "expectation": clean_text(one.type),
        "column_name": clean_text(one.column),
        "arguments": to_loose_json(one.arguments),
        "severity": one.severity,
        "ok": int(found.ok),
        "observed": None if found.observed is None else _json(found.observed),
        "checked": found.checked,
        "unexpected": found.unexpected,
        "samples": _samples(found),
        "error": clean_text(found.error),
        "origin": clean_text(one.origin),
    }


def _json(value: object) -> str:
    """JSON, or the beginning of it as text where it is too long to keep."""
    text = json.dumps(value, default=str)
    return text if len(text) <= _MOST else json.dumps(text[:_MOST])


def _samples(found: ExpectationResult) -> str:
    samples = list(found.samples)
    while len(text := json.dumps(samples, default=str)) > _MOST:
        samples.pop()
    return text


def _result(row: Row[Any]) -> ExpectationResult:
    return ExpectationResult(
        expectation=Expectation(
            type=row.expectation,
            arguments=json.loads(row.arguments),
            severity=row.severity,
            origin=row.origin,
        ),
        ok=bool(row.ok),
        observed=None if row.observed is None else json.loads(row.observed),
        checked=row.checked,
        unexpected=row.unexpected,
        samples=tuple(json.loads(row.samples)),
        error=row.error,
    )

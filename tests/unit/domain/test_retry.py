"""What is worth another attempt, and when."""

from __future__ import annotations

import pytest

from sqlorch.domain.errors import TransientError
from sqlorch.domain.retry import classify, classify_driver_error, classify_sqlstate, retry_delay
from sqlorch.domain.run import ErrorClass, RetryPolicy


@pytest.mark.parametrize("code", ["08006", "08001", "40001", "40P01", "53300", "53200", "55P03", "57P01"])
def test_transient_states(code: str) -> None:
    assert classify_sqlstate(code) is ErrorClass.TRANSIENT


@pytest.mark.parametrize("code", ["42P01", "42601", "22012", "23505", "57014", "40002", "XX000"])
def test_permanent_states(code: str) -> None:
    assert classify_sqlstate(code) is ErrorClass.PERMANENT


@pytest.mark.parametrize(
    ("module", "name", "message", "expected"),
    [
        ("_duckdb", "IOException", 'Could not set lock on file "x": held in PID 7', ErrorClass.TRANSIENT),
        ("_duckdb", "IOException", "No files found that match the pattern", ErrorClass.PERMANENT),
        ("duckdb", "TransactionException", "Conflict on update!", ErrorClass.TRANSIENT),
        ("_duckdb", "BinderException", "no column", ErrorClass.PERMANENT),
        ("psycopg2", "OperationalError", "server closed the connection", ErrorClass.TRANSIENT),
        ("psycopg2", "DatabaseError", "server closed the connection unexpectedly", ErrorClass.TRANSIENT),
        ("psycopg2", "ProgrammingError", "no results to fetch", None),
        ("sqlite3", "OperationalError", "database is locked", ErrorClass.TRANSIENT),
        ("sqlite3", "OperationalError", "no such table: t", None),
        ("builtins", "ValueError", "whatever", None),
    ],
)
def test_drivers_without_a_state(module: str, name: str, message: str, expected: ErrorClass | None) -> None:
    assert classify_driver_error(module, name, message) is expected


class _DriverError(Exception):
    """As psycopg2's say it."""

    def __init__(self, pgcode: str) -> None:
        super().__init__(pgcode)
        self.pgcode = pgcode


def _wrapped(cause: Exception) -> Exception:
    """As a library raises it that knows nothing of states."""
    error = ValueError("a metric could not be computed")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (_DriverError("40P01"), ErrorClass.TRANSIENT),
        (_wrapped(_DriverError("55P03")), ErrorClass.TRANSIENT),
        (_wrapped(_DriverError("42P01")), ErrorClass.PERMANENT),
        (_wrapped(TransientError("not now")), ErrorClass.TRANSIENT),
        (ValueError("whatever"), ErrorClass.PERMANENT),
    ],
)
def test_an_error_is_judged_by_what_it_was_raised_from(error: Exception, expected: ErrorClass) -> None:
    assert classify(error) is expected


def test_the_delay_doubles_to_its_bound_within_a_fifth_and_is_always_the_same() -> None:
    policy = RetryPolicy(retries=9, delay=2.0, max_delay=20.0)
    delays = [retry_delay(policy, key="run/node", failures=n) for n in range(1, 8)]
    for delay, base in zip(delays, [2, 4, 8, 16, 20, 20, 20], strict=True):
        assert 0.8 * base <= delay <= 1.2 * base
    assert delays == [retry_delay(policy, key="run/node", failures=n) for n in range(1, 8)]
    assert retry_delay(policy, key="run/other", failures=1) != delays[0]

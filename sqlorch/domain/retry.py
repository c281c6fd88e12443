"""Which failures are worth another attempt, and when (scheduling specification 2.6)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from sqlorch.domain.errors import TransientError
from sqlorch.domain.run import ErrorClass, RetryPolicy

_TRANSIENT_CODES = frozenset({"40001", "40P01", "55P03", "57P01", "57P02", "57P03"})
_TRANSIENT_CLASSES = ("08", "53")
# DatabaseError itself is what psycopg2 raises when libpq has read a connection's end but not marked it yet.
_WITHOUT_STATE = frozenset({"OperationalError", "InterfaceError", "DatabaseError"})
_UNREACHABLE = frozenset({"FailedToConnectError"})  # dbt's, where an adapter says so itself
_JITTER = 0.2


def classify(error: BaseException) -> ErrorClass:
    """Whether trying again can help, from SQLSTATE where the driver gives one, else from the error's type."""
    for cause in causes(error):
        if isinstance(cause, TransientError):
            return ErrorClass.TRANSIENT
        state = getattr(cause, "pgcode", None) or getattr(cause, "sqlstate", None)
        if isinstance(state, str) and len(state) == 5:  # noqa: PLR2004 - the length of every SQLSTATE
            return classify_sqlstate(state)
        if type(cause).__name__ in _UNREACHABLE:
            return ErrorClass.TRANSIENT
        found = classify_driver_error(type(cause).__module__, type(cause).__name__, str(cause))
        if found is not None:
            return found
    return ErrorClass.PERMANENT


def causes(error: BaseException) -> Iterator[BaseException]:
    """An error, what it was raised from, and so on."""
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        current = current.__cause__ or current.__context__


def classify_sqlstate(code: str) -> ErrorClass:
    """Class of a five-character SQLSTATE.

    Transient: connection exceptions (08*), serialization failures and deadlocks (40001, 40P01), insufficient
    resources (53*), lock not available (55P03), server shutting down or starting up (57P01 to 57P03).
    Everything else is permanent: the same statement would fail again.
    """
    if code in _TRANSIENT_CODES or code.startswith(_TRANSIENT_CLASSES):
        return ErrorClass.TRANSIENT
    return ErrorClass.PERMANENT


def classify_driver_error(module: str, name: str, message: str) -> ErrorClass | None:
    """Class of an error of a driver that knows no SQLSTATE; None when it says nothing.

    Args:
        module: module of the exception's type, ``_duckdb`` or ``psycopg2.errors``.
        name: name of the exception's type.
        message: its text.
    """
    if "duckdb" in module:
        locked = name == "IOException" and "lock" in message.lower()
        conflict = name == "TransactionException" and "conflict" in message.lower()
        return ErrorClass.TRANSIENT if locked or conflict else ErrorClass.PERMANENT
    if module == "sqlite3" and name == "OperationalError" and "locked" in message:
        return ErrorClass.TRANSIENT
    if module.startswith("psycopg") and name in _WITHOUT_STATE:
        return ErrorClass.TRANSIENT  # the connection broke before the server could name a state
    return None


def retry_delay(policy: RetryPolicy, *, key: str, failures: int) -> float:
    """Seconds to wait after the n-th failed attempt.

    ``min(max_delay, delay * 2**(n-1))`` with a jitter of 20 % either way. The jitter is a hash of ``key``, so
    that the same failure always waits the same time.

    Args:
        policy: the node's policy.
        key: what makes the node's jitter its own, ``run_id/unique_id``.
        failures: how many attempts have failed, at least 1.
    """
    base = min(policy.max_delay, policy.delay * 2 ** (failures - 1))
    digest = hashlib.sha256(f"{key}/{failures}".encode()).digest()
    share = int.from_bytes(digest[:8], "big") / 2**64
    return float(base * (1 - _JITTER + 2 * _JITTER * share))

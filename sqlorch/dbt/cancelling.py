"""Stop the queries of open connections from another thread."""

from __future__ import annotations

from contextlib import suppress
from typing import Any


def open_connections(adapter: Any) -> list[Any]:
    """The connections of all threads that may have a query under way."""
    connections = adapter.connections
    with connections.lock:
        return [c for c in connections.thread_connections.values() if c.state == "open" and c.handle]


def interrupt(adapter: Any, connection: Any) -> None:
    """Stop what a connection does; one that has just ended has nothing to stop."""
    ask = getattr(connection.handle, "cancel", None)
    if ask is None:  # DuckDB
        with adapter.connection_named("sqlorch_cancel"):
            adapter.connections.cancel(connection)
        return
    with suppress(Exception):  # it has just been closed: its query is over
        ask()  # psycopg2: the connection lives on, and nobody needs the right to end a backend

"""Stop the queries of open connections from another thread."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

_QUICK = 2.0  # seconds within which a server that can be reached refuses another connection
_CANCEL = "SELECT pg_cancel_backend(pid) FROM unnest(%s) AS pid"


def open_connections(adapter: Any) -> list[Any]:
    """The connections of all threads that may have a query under way."""
    connections = adapter.connections
    with connections.lock:
        return [c for c in connections.thread_connections.values() if c.state == "open" and c.handle]


def interrupt(adapter: Any, connections: Sequence[Any], retire: Callable[[Any], object]) -> None:
    """Stop what connections do; one that has just ended has nothing to stop.

    Args:
        adapter: dbt's.
        connections: dbt's, of threads that have one open.
        retire: told the driver's connections, which another node must not use from then on.
    """
    if not connections:
        return
    if adapter.type() == "postgres":
        _cancel_backends(adapter, connections, retire)
        return
    for connection in connections:
        with suppress(Exception):  # it has just been closed: its query is over; else we are asked again
            _stop(adapter, connection)


def _stop(adapter: Any, connection: Any) -> None:
    """By the driver where it can, else as the adapter does; one that has no way goes on to its end."""
    ask = getattr(connection.handle, "cancel", None) or getattr(connection.handle, "interrupt", None)
    if ask is not None:
        ask()
    elif hasattr(adapter.connections, "cancel"):
        with adapter.connection_named("sqlorch_cancel"):
            adapter.connections.cancel(connection)


def _cancel_backends(adapter: Any, connections: Sequence[Any], retire: Callable[[Any], object]) -> None:
    """Cancel on a connection of its own; those that are cancelled end with their nodes.

    Not by ``connection.cancel()`` of psycopg2: it waits for the server without a limit and holds Python's
    global lock meanwhile, so that a network that answers nothing would freeze the whole process. It needs no
    free connection, though, so it is asked where the server is there and refuses another.
    """
    named = [(connection, connection.name, connection.handle) for connection in connections]
    for _, _, handle in named:
        retire(handle)
    began = time.monotonic()
    try:
        with adapter.connection_named("sqlorch_cancel"):
            canceller = adapter.connections.get_thread_connection()
            with canceller.handle.cursor() as cursor:
                cursor.execute("RESET ROLE")  # the role of a profile need not be a member of who logs in
                if pids := [pid for one in named if (pid := _pid_of(*one)) is not None]:
                    cursor.execute(_CANCEL, [pids])
            adapter.connections.close(canceller)
    except Exception:  # noqa: BLE001 - dbt's or the driver's: who asked asks again in a moment
        if time.monotonic() - began < _QUICK:
            for connection, name, handle in named:
                with suppress(Exception):  # as above
                    if _pid_of(connection, name, handle) is not None:
                        handle.cancel()


def _pid_of(connection: Any, name: str, handle: Any) -> int | None:
    """The backend's process id, None when the connection is used for something else by now."""
    if connection.handle is not handle or connection.name != name or handle.closed:
        return None
    pid: int = handle.info.backend_pid
    return pid

"""Connections of nodes that have ended, kept for the nodes to come.

dbt closes a node's connection and opens another for the next one: a process of the server's own each time,
whose caches are empty. A kept connection is as good as new (``DISCARD ALL``: temporary tables, settings,
prepared statements and advisory locks are gone when the node ends, as they would be with its connection).

What ``DISCARD ALL`` cannot take back makes a connection end with its node as before: a setting of one's own
(``set app.name = ...``), which would read as ``''`` instead of unknown from then on, and a loaded library.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from weakref import WeakSet

from dbt.adapters.contracts.connection import ConnectionState

_LEAVES_TRACES = re.compile(
    r"""\bset_config\s*\( | \bset\s+(?:session\s+|local\s+)?["\w]+\s*\. | \bload\s+'""",
    re.IGNORECASE | re.VERBOSE,
)
NO_TRANSACTION = 0  # libpq's PQTRANS_IDLE
_BEGUN = 2  # psycopg2.extensions.STATUS_BEGIN


class KeptConnections:
    """The idle connections of one adapter of dbt-postgres, as many as nodes were executed at once.

    Args:
        rollback: ends what a connection of dbt has begun, as dbt does before it closes one.
    """

    def __init__(self, rollback: Callable[[Any], object]) -> None:
        self._rollback = rollback
        self._handles: list[Any] = []
        self._retired: WeakSet[Any] = WeakSet()
        self._possible = True
        self._lock = threading.Lock()

    def note(self, handle: Any, sql: str) -> None:
        """Look at a statement that was sent."""
        if _LEAVES_TRACES.search(sql):
            self.retire(handle)

    def retire(self, handle: Any) -> None:
        """Let this driver's connection end with its node: it is about to be cancelled, or changed for good.

        Once this has returned, the connection is either still that of the node it was, until it is closed,
        or no node's any more by ``connection.handle``.
        """
        with self._lock, suppress(TypeError):  # not a driver's own connection, but a recording of one
            self._retired.add(handle)

    def keep(self, connection: Any) -> bool:
        """Take over the driver's connection of a node that has ended; False when it has to be closed.

        Args:
            connection: dbt's, open; closed for dbt when it was taken over.
        """
        handle = connection.handle
        if not self._possible or connection.name is None or "." not in connection.name:
            return False  # not a node's: they are named by unique id
        if getattr(handle, "closed", 1) or handle in self._retired:
            return False
        try:
            if connection.transaction_open:
                self._rollback(connection)
            self._renew(handle)
        except handle.Error:
            self._possible = bool(handle.closed)  # what only speaks as PostgreSQL does is not asked again
            return False
        with self._lock:
            if handle in self._retired:
                return False
            self._handles.append(handle)
            connection.handle, connection.state = None, ConnectionState.CLOSED
        return True

    def take(self) -> Any | None:
        """A connection that was kept, the one used last; whether it still lives is to be seen."""
        with self._lock:
            return self._handles.pop() if self._handles else None

    def drop(self) -> None:
        """Close all that are kept."""
        while (handle := self.take()) is not None:
            handle.close()

    def _renew(self, handle: Any) -> None:
        if handle.status == _BEGUN and handle.info.transaction_status == NO_TRANSACTION:
            # dbt has committed by a statement, of which the driver knows nothing; what it is about to end
            # would not be there, of which the server would warn in its log, node by node
            with handle.cursor() as cursor:
                cursor.execute("BEGIN")
        before = handle.autocommit
        handle.reset()  # ends the transaction, then DISCARD ALL; and turns off what the profile may turn on
        handle.autocommit = before

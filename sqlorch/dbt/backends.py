"""Connections of PostgreSQL: named after the process that owns them, and gone when that is gone.

A process that is killed says nothing to the server, which executes its statement to the end and keeps its
locks meanwhile. So each connection asks the server to look now and then whether its client is still there,
which ends a query within seconds where the network tells; and it has a name by which whoever comes after can
have it ended before it builds the same tables (:meth:`Backends.reap`). The same is done for a connection of
this process that broke, before another is used: its backend may not have noticed.
"""

from __future__ import annotations

import copy
import os
import socket
import threading
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from weakref import WeakKeyDictionary

from dbt.adapters.contracts.connection import ConnectionState
from dbt.adapters.exceptions import FailedToConnectError

from sqlorch.dbt.kept_connections import NO_TRANSACTION, KeptConnections
from sqlorch.domain.backends import application_name, pattern_of
from sqlorch.domain.errors import ExecutionError

_KNOWS_CHECKS = 140_000  # PostgreSQL 14: client_connection_check_interval
_IDLE, _INTERVAL, _COUNT = 30, 10, 3  # seconds, seconds, probes: who is silent is given up after a minute
# Version 14 can look after its client on Linux alone, and refuses the setting elsewhere.
_LOOK_AFTER_US = f"""SELECT set_config('client_connection_check_interval', '2s', false),
    set_config('tcp_keepalives_idle', '{_IDLE}', false),
    set_config('tcp_keepalives_interval', '{_INTERVAL}', false),
    set_config('tcp_keepalives_count', '{_COUNT}', false)
    WHERE version() ~* 'linux'"""
# Who may not end a backend is not told its type either.
_FIND = """SELECT pid, coalesce(usename, '?') FROM pg_stat_activity
    WHERE application_name ~ %(name)s AND coalesce(backend_type, 'client backend') = 'client backend'
    AND pid <> pg_backend_pid() ORDER BY pid"""
_FIND_BROKEN = _FIND.replace("ORDER BY", "AND pid = ANY(%(pids)s) ORDER BY")
_END = "SELECT pg_terminate_backend(%s)"
_MAY_NOT = "42501"
_PATIENCE = 10.0  # seconds for backends to end: rolling back is quick, waiting for a disk may not be
_POLL = 0.05
_BROKEN = 2  # what psycopg2 says of a connection that was not closed by us
_PING = "SELECT 1"


class Backends:
    """The server's processes that serve one adapter of dbt-postgres.

    Args:
        adapter: whose connections are named from now on.
        tag: what their names begin with.
    """

    def __init__(self, adapter: Any, tag: str) -> None:
        self._adapter = adapter
        self._manager = adapter.connections
        self._connect = self._manager.open
        self._credentials: Any = None
        self._tag = ""
        self._looks = True
        self._pids: WeakKeyDictionary[Any, int] = WeakKeyDictionary()
        self._broken: set[int] = set()
        self._lock = threading.Lock()
        self._handle_exceptions = self._manager.exception_handler
        self._close, self._cleanup = self._manager.close, self._manager.cleanup_all
        self._kept = KeptConnections(self._manager._rollback)  # noqa: SLF001 - with dbt's event
        self._manager.open = self._open
        self._manager.close = self._keep_or_close
        self._manager.cleanup_all = self._close_all
        self._manager.exception_handler = self._noticing
        self.rename(tag)

    def rename(self, tag: str) -> None:
        """Name connections that are opened from now on by another tag: a forked child's own."""
        self._tag = tag
        ours = copy.copy(self._manager.profile.credentials)
        ours.application_name = application_name(tag, ours.application_name)
        ours.keepalives_idle = ours.keepalives_idle or _IDLE
        self._credentials = ours

    def _open(self, connection: Any) -> Any:
        """As ``PostgresConnectionManager.open``. The profile stays as it is: templates may read it."""
        if connection.state == "open":
            return connection
        connection.credentials = self._credentials
        opened = self._kept_before(connection) or self._prepared(connection)
        with self._lock:
            self._pids[opened.handle] = opened.handle.info.backend_pid
            broken, self._broken = self._broken, set()
        if broken:
            self._end_broken(opened, broken)
        return opened

    def retire(self, handle: Any) -> None:
        """Not to be used for another node: see :meth:`KeptConnections.retire`."""
        self._kept.retire(handle)

    def _keep_or_close(self, connection: Any) -> Any:
        """As ``PostgresConnectionManager.close``, but for connections that are kept."""
        own = connection is self._manager.get_if_exists()  # what another thread uses is not touched
        if own and connection.state == "open" and self._kept.keep(connection):
            return connection
        return self._close(connection)

    def _close_all(self) -> None:
        """As ``PostgresConnectionManager.cleanup_all``: nothing is left open, kept or not."""
        try:
            self._cleanup()
        finally:
            self._kept.drop()

    def _kept_before(self, connection: Any) -> Any | None:
        """The connection with what was kept of an earlier one, None where there is nothing or it broke."""
        handle = self._kept.take()
        if handle is None:
            return None
        try:
            self._greet(handle)
        except handle.Error:
            handle.close()
            self._kept.drop()  # a server that was started anew has ended them all
            return None
        connection.handle, connection.state = handle, ConnectionState.OPEN
        return connection

    def _greet(self, handle: Any) -> None:
        """Ask a kept connection to be as a new one is made; fails when it does not live any more."""
        if self._looks and handle.server_version >= _KNOWS_CHECKS:
            _ask_to_look_after(handle)
        else:
            with _each_statement_by_itself(handle), handle.cursor() as cursor:
                cursor.execute(_PING)
        if role := self._credentials.role:
            handle.cursor().execute(f"set role {role}")  # as dbt does, in a transaction

    def _prepared(self, connection: Any) -> Any:
        opened = self._connect(connection)
        if not self._manager.profile.credentials.keepalives_idle:
            _keep_alive(opened.handle)
        if self._looks and opened.handle.server_version >= _KNOWS_CHECKS:
            try:
                _ask_to_look_after(opened.handle)
            except opened.handle.Error:  # what only speaks as PostgreSQL does: it has to do without
                self._looks = False
                self._manager.close(opened)
                return self._connect(connection)
        return opened

    @contextmanager
    def _noticing(self, sql: str) -> Iterator[None]:
        """As ``PostgresConnectionManager.exception_handler``; remembers whose connection broke."""
        try:
            with self._handle_exceptions(sql):
                yield
        finally:
            connection = self._manager.get_if_exists()
            handle = connection.handle if connection is not None and connection.state == "open" else None
            self._kept.note(handle, sql)
            with self._lock:
                if getattr(handle, "closed", 0) == _BROKEN and handle in self._pids:
                    self._broken.add(self._pids[handle])

    def _end_broken(self, opened: Any, pids: set[int]) -> None:
        handle, left = opened.handle, {"pids": sorted(pids), "name": pattern_of(frozenset([self._tag]))}
        try:
            with _each_statement_by_itself(handle), handle.cursor() as cursor:
                _reap(cursor, handle.Error, _FIND_BROKEN, left)
        except ExecutionError as error:
            with self._lock:
                self._broken |= pids
            self._manager.close(opened)
            raise FailedToConnectError(str(error)) from error

    def reap(self, tags: Collection[str]) -> int:
        """End the backends of processes that are gone, and wait until they have ended.

        They are terminated at once and not cancelled first: nobody is left to hear of it.

        Args:
            tags: of processes; that of one with children means them too.

        Returns:
            How many there were.

        Raises:
            ExecutionError: some are still there; says which and why.
        """
        if not tags:
            return 0
        with self._adapter.connection_named("sqlorch_reaper"):
            connection = self._manager.get_thread_connection()
            handle = connection.handle
            handle.rollback()  # what is read of backends within one transaction stays as it was first read
            try:
                with _each_statement_by_itself(handle), handle.cursor() as cursor:
                    cursor.execute("RESET ROLE")  # the role of a profile need not be a member of who logs in
                    return _reap(cursor, handle.Error, _FIND, {"name": pattern_of(frozenset(tags))})
            finally:
                self._manager.close(connection)  # nobody else is to have it without its role


def _reap(cursor: Any, driver_error: type[Exception], find: str, values: Mapping[str, object]) -> int:
    deadline = time.monotonic() + _PATIENCE
    ended: set[int] = set()
    while found := _listed(cursor, find, values):
        refused = [(pid, user) for pid, user in found if not _end(cursor, driver_error, pid)]
        ended |= {pid for pid, _ in found}
        if time.monotonic() >= deadline:
            raise ExecutionError(_left_over(found, refused))
        time.sleep(_POLL)
    return len(ended)


def _listed(cursor: Any, find: str, values: Mapping[str, object]) -> list[tuple[int, str]]:
    cursor.execute(find, values)
    found: list[tuple[int, str]] = cursor.fetchall()
    return found


def _end(cursor: Any, driver_error: type[Exception], pid: int) -> bool:
    """Whether it may be ended."""
    try:
        cursor.execute(_END, [pid])
    except driver_error as error:
        if getattr(error, "pgcode", None) != _MAY_NOT:
            raise
        return False
    return True


def _left_over(found: Collection[tuple[int, str]], refused: Collection[tuple[int, str]]) -> str:
    who = ", ".join(f"{pid} (user {user})" for pid, user in refused or found)
    why = (
        "this user may not end them; grant it pg_signal_backend, or end them"
        if refused
        else f"they have not ended within {_PATIENCE:g} s of being told to; see what keeps them"
    )
    return (
        f"backends {who} of a sqlorch process that is gone still work in the warehouse, and {why} "
        "(select pg_terminate_backend(PID)). Nothing is begun beside them"
    )


def _ask_to_look_after(handle: Any) -> None:
    with _each_statement_by_itself(handle), handle.cursor() as cursor:
        cursor.execute(_LOOK_AFTER_US)


@contextmanager
def _each_statement_by_itself(handle: Any) -> Iterator[None]:
    """Without a transaction around it, unless one is under way: a role that was set would go with it."""
    if handle.info.transaction_status != NO_TRANSACTION:
        yield
        return
    before, handle.autocommit = handle.autocommit, True
    try:
        yield
    finally:
        if not handle.closed:
            handle.autocommit = before


def _keep_alive(handle: Any) -> None:
    """Notice a server that fell silent; how soon it is asked is in the credentials already."""
    if not hasattr(socket, "TCP_KEEPINTVL"):
        return
    with socket.socket(fileno=os.dup(handle.fileno())) as ours:
        if ours.family in {socket.AF_INET, socket.AF_INET6}:
            ours.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, _INTERVAL)
            ours.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, _COUNT)

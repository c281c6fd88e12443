"""Connections to SQLite, and how transactions begin; to PostgreSQL: :mod:`sqlorch.state.engine_postgres`.

SQLAlchemy's defaults for SQLite lose updates without an error: no BEGIN is sent before a SELECT, so two
readers-then-writers overwrite each other. Here the driver's own transaction handling is switched off and
every write transaction starts with ``BEGIN IMMEDIATE``: it holds the write lock before it reads.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import weakref
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy import text as sql
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import ConnectionPoolEntry

from sqlorch.domain.errors import StateError
from sqlorch.state.faults import explain
from sqlorch.state.watcher import Watcher

_OLDEST_SQLITE = (3, 37, 0)  # RETURNING, and fixes to WAL recovery
_WRITE = "sqlorch_write"
_NOW = sql("SELECT CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER)")


class Database(Protocol):
    """Where the state is kept: a SQLite file, or a schema of PostgreSQL."""

    @property
    def where(self) -> str:
        """The file, or the URL without its password."""

    def read(self) -> AbstractContextManager[Connection]:
        """A transaction that sees one state of the database from its first statement to its last."""

    def write(self) -> AbstractContextManager[Connection]:
        """A transaction beside which nobody else writes; committed at the end, or all of it undone."""

    def lease(self) -> AbstractContextManager[Connection]:
        """A short transaction on leases, beside which there is no other on leases.

        It waits for no other writes where that can be had, and does not count as a change.
        """

    def now(self, connection: Connection) -> int:
        """This database's clock, in microseconds since 1970 UTC."""

    def version(self) -> int:
        """A number that differs once anybody has committed since the last call, this process included."""

    def close(self) -> None:
        """Close every connection."""


class SqliteDatabase:
    """One SQLite file, opened; safe to use from many threads, one connection each.

    Args:
        path: the file. Its folder exists.
        busy_timeout: seconds to wait for another process's write transaction.
        foreign_keys: off only while a migration rebuilds tables.

    Raises:
        StateError: the SQLite library is too old.
    """

    def __init__(self, path: Path, *, busy_timeout: float = 30.0, foreign_keys: bool = True) -> None:
        self.path = path
        self._busy_timeout = busy_timeout
        self._engine = _build_engine(path, busy_timeout=busy_timeout, foreign_keys=foreign_keys)
        self._writer = self._engine.execution_options(**{_WRITE: True})
        # Threads of one process queue here, in order, instead of polling SQLite's lock.
        self._turn = threading.Lock()
        self._pinned: tuple[int, int] | None = None
        self._watcher = Watcher(path)

    @property
    def where(self) -> str:
        """The file."""
        return str(self.path)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that sees one state of the database from its first statement to its last.

        Raises:
            StateError: the database cannot be used; says why.
        """
        with self._explained(), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that holds the write lock; committed at the end, rolled back on any exception.

        Raises:
            StateError: the database cannot be used; says why. Nothing of the transaction remains.
        """
        if not self._turn.acquire(timeout=self._busy_timeout):
            raise StateError(
                f"another thread has been writing to {self.path} for {self._busy_timeout:g} seconds"
            )
        try:
            self._refuse_replaced_file()
            with self._explained(), self._writer.begin() as connection:
                yield connection
        finally:
            self._turn.release()

    def lease(self) -> AbstractContextManager[Connection]:
        """A file has one kind of write transaction."""
        return self.write()

    def now(self, connection: Connection) -> int:
        """The clock of this machine, in microseconds since 1970 UTC."""
        return int(connection.execute(_NOW).scalar_one())

    def pin(self) -> None:
        """From now on refuse to write when another file, or none, is at the path.

        SQLite goes on committing to a deleted file without an error; those runs would be lost.
        """
        self._pinned = _identity(self.path)

    def version(self) -> int:
        """A number that differs once anybody has committed since the last call, this process included.

        Raises:
            StateError: the database cannot be used; says why.
        """
        return self._watcher.version()

    def close(self) -> None:
        """Close every connection; the last one folds the write-ahead log into the file."""
        self._watcher.close()
        self._engine.dispose()

    def _refuse_replaced_file(self) -> None:
        if self._pinned is not None and _identity(self.path) != self._pinned:
            raise StateError(
                f"the state file {self.path} was deleted or replaced while in use; "
                "put the original back, or start the command again"
            )

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            raise explain(error, self.path) from error


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _build_engine(path: Path, *, busy_timeout: float, foreign_keys: bool) -> Engine:
    if sqlite3.sqlite_version_info < _OLDEST_SQLITE:
        raise StateError(
            f"SQLite {sqlite3.sqlite_version} is too old; "
            f"this Python needs one with SQLite {'.'.join(map(str, _OLDEST_SQLITE))} or newer"
        )
    engine = create_engine(
        URL.create("sqlite+pysqlite", database=str(path)),
        # isolation_level None: the driver sends no BEGIN of its own
        connect_args={"isolation_level": None, "timeout": busy_timeout},
    )

    def configure(connection: sqlite3.Connection, _entry: ConnectionPoolEntry) -> None:
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",  # NORMAL may lose the last commits when the power fails
            f"foreign_keys={'ON' if foreign_keys else 'OFF'}",
        ):
            connection.execute(f"PRAGMA {pragma}").close()

    event.listen(engine, "connect", configure)
    event.listen(engine, "begin", _begin)
    _forget_in_forked_child(engine)
    return engine


def _begin(connection: Connection) -> None:
    options: Any = connection.get_execution_options()
    connection.exec_driver_sql("BEGIN IMMEDIATE" if options.get(_WRITE) else "BEGIN")


def _forget_in_forked_child(engine: Engine) -> None:
    """A SQLite connection must not be used across a fork: the child starts with an empty pool."""
    if not hasattr(os, "register_at_fork"):
        return
    reference = weakref.ref(engine)

    def forget() -> None:
        if (alive := reference()) is not None:
            alive.dispose(close=False)

    os.register_at_fork(after_in_child=forget)

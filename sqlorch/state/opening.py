"""Opening the state where it is kept: a file, or a database on a server."""

from __future__ import annotations

from pathlib import Path

from sqlorch.state.engine import Database
from sqlorch.state.schema import open_database


def open_state(
    path: Path, *, url: str | None = None, busy_timeout: float = 30.0, patience: float | None = None
) -> Database:
    """The state file at ``path``, or the database at a URL of PostgreSQL instead, made or upgraded as needed.

    Args:
        path: the file; beside it is remembered which store belongs to the project, wherever it is.
        url: of PostgreSQL.
        busy_timeout: seconds to wait for another process's write transaction on the file.
        patience: seconds to wait for a server that is away, once it is open; None for the usual.

    Raises:
        StateError: it cannot be used; says why and what to do.
    """
    if url is None:
        return open_database(path, busy_timeout=busy_timeout)
    from sqlorch.state.schema_postgres import open_postgres  # noqa: PLC0415 - only where it is wanted

    database = open_postgres(url, path)
    database.patience = database.patience if patience is None else patience
    return database

"""Opening the state file: made when new, upgraded when old, refused when newer, damaged or not ours.

Alembic costs half a second to import, so a file that is already current, and a new one, do without it; a
test holds that a new file equals a migrated one.
"""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import Connection, inspect, select
from sqlalchemy import text as sql

from sqlorch.domain.errors import StateError
from sqlorch.state.engine import SqliteDatabase
from sqlorch.state.faults import ON_A_SERVER, damaged, explain_os, uuid_file
from sqlorch.state.lock import FileLock
from sqlorch.state.sides import refuse_elsewhere, write_side_file
from sqlorch.state.tables import meta, metadata

HEAD = "0006"
NEEDS_SQLORCH = "0.1.0"  # the oldest version that reads HEAD; raise it together with HEAD
_CHECK_ALWAYS_BELOW = 32 * 1024 * 1024  # bytes; quick_check reads about 1 MB a millisecond
_CHECK_EVERY = 24 * 3600.0
_LOCK_TIMEOUT = 30.0


def open_database(path: Path, *, busy_timeout: float = 30.0, moved: bool = False) -> SqliteDatabase:
    """The database at ``path``, with the schema of this version.

    A new file gets mode 0600 and, when its folder is new too, the folder 0700.

    Args:
        path: the file.
        busy_timeout: seconds to wait for another process's write transaction.
        moved: also where the history is said to be kept on a server.

    Raises:
        StateError: a folder is in the way, the file cannot be read or written, is damaged, emptied, of
            another store or of a newer sqlorch, or the history is kept on a server; says what to do.
    """
    make_private_folder(path.parent)
    try:
        if not moved:
            refuse_elsewhere(path)
        _refuse_unusable(path)
        return _opened(path, busy_timeout)
    except OSError as error:  # the folder may not even be looked into
        raise explain_os(error, path) from error


def _opened(path: Path, busy_timeout: float) -> SqliteDatabase:
    database = SqliteDatabase(path, busy_timeout=busy_timeout)
    try:
        if not path.exists() or _stored_version(database) != HEAD:
            _prepare(database)
        _verify(database)
    except BaseException:
        database.close()
        raise
    database.pin()
    return database


def make_private_folder(folder: Path, *, within: Sequence[str] = ()) -> None:
    """Make a folder only its owner can enter, and that git passes over; one that exists is left as it is.

    Args:
        folder: the folder.
        within: folders to make in it for its owner alone, also where the folder itself is open to all.

    Raises:
        StateError: it cannot be made, or is not a folder.
    """
    try:
        if not folder.is_dir():
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            ignore = folder / ".gitignore"
            ignore.touch(mode=0o600)
            ignore.write_text("*\n", encoding="utf-8")
        for name in within:
            (folder / name).mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise explain_os(error, folder) from error


def _refuse_unusable(path: Path) -> None:
    if path.is_dir():
        raise StateError(f"the state file {path} is a folder; move it away or choose another state file")
    known = uuid_file(path)
    if not known.exists():
        return
    if not path.exists():
        raise StateError(
            f"the state file {path} is gone, with the history of runs it held; put a copy back "
            f"and delete {path}-wal if there is one, "
            f"or delete {known} to start with an empty history; {ON_A_SERVER}"
        )
    if path.stat().st_size == 0:
        raise damaged(path, "it has been emptied")


def _stored_version(database: SqliteDatabase) -> str | None:
    """The revision the file is at; None for a database without any table."""
    with database.read() as connection:
        tables = set(inspect(connection).get_table_names())
        if not tables:
            if uuid_file(database.path).exists():
                raise damaged(database.path, "its tables are gone")
            return None
        if not {"alembic_version", meta.name} <= tables:
            raise StateError(
                f"{database.path} is a database of another program, not a state file of sqlorch; "
                "choose another state file"
            )
        version = connection.scalar(sql("SELECT version_num FROM alembic_version"))
    if version is None:
        raise damaged(database.path, "it does not say its version")
    return str(version)


def _prepare(database: SqliteDatabase) -> None:
    """Create or upgrade, alone: whoever came second finds it done."""
    path = database.path
    lock = path.with_suffix(".lock")
    with FileLock(lock, doing=f"is preparing {path}", command="sqlorch", timeout=_LOCK_TIMEOUT):
        if not path.exists():
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        version = _stored_version(database)
        if version is None:
            _create(database)
        elif version < HEAD:
            from sqlorch.state.upgrade import upgrade  # noqa: PLC0415 - imports Alembic

            upgrade(path)
        elif version > HEAD:
            raise StateError(_newer(database))


def _create(database: SqliteDatabase) -> None:
    with database.write() as connection:
        create_tables(connection)


def create_tables(connection: Connection) -> None:
    """Make every table, and write down which store and version it is; in the caller's transaction."""
    metadata.create_all(connection, checkfirst=False)
    connection.execute(
        sql(
            "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, "
            "CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"
        )
    )
    connection.execute(sql("INSERT INTO alembic_version VALUES (:head)"), {"head": HEAD})
    seed_meta(connection)


def seed_meta(connection: Connection) -> None:
    """Write the first rows of ``meta``; the first migration does the same."""
    rows = {"store_uuid": str(uuid.uuid4()), "fence_seq": "0", "needs_sqlorch": NEEDS_SQLORCH}
    connection.execute(meta.insert(), [{"key": key, "value": value} for key, value in rows.items()])


def _newer(database: SqliteDatabase) -> str:
    with database.read() as connection:
        needs = connection.scalar(select(meta.c.value).where(meta.c.key == "needs_sqlorch"))
    return (
        f"the state file {database.path} was written by a newer sqlorch; "
        f"install sqlorch {needs or 'of a later version'} or newer (pip install -U sqlorch)"
    )


def _verify(database: SqliteDatabase) -> None:
    """Compare the store's identity with the side file, and look for damage SQLite can see."""
    path, side = database.path, uuid_file(database.path)
    check = _check_is_due(path, side)
    with database.read() as connection:
        stored = connection.scalar(select(meta.c.value).where(meta.c.key == "store_uuid"))
        verdict = connection.scalar(sql("PRAGMA quick_check(1)")) if check else "ok"
    if verdict != "ok":
        raise damaged(path, str(verdict))
    if stored is None:
        raise damaged(path, "it does not say which store it is")
    if not side.exists():
        write_side_file(side, stored)
    elif side.read_text(errors="replace").strip() != stored:
        raise StateError(
            f"the state file {path} is not the one that was here before; put that one back, "
            f"or delete {side} to go on with this one"
        )
    if check:
        os.utime(side)


def _check_is_due(path: Path, side: Path) -> bool:
    if path.stat().st_size <= _CHECK_ALWAYS_BELOW or not side.exists():
        return True
    return time.time() - side.stat().st_mtime > _CHECK_EVERY

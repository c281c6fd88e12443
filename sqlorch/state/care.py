"""Looking after a state file: what is in it, is it sound, copies of it, and putting a copy back."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection
from sqlalchemy import text as sql

from sqlorch.domain.errors import StateError
from sqlorch.state import schema
from sqlorch.state.engine import SqliteDatabase
from sqlorch.state.faults import ON_A_SERVER, explain_os, explain_sqlite, uuid_file
from sqlorch.state.invariants import Finding, audit_state
from sqlorch.state.tables import metadata

_SIDES = ("-wal", "-shm")
_SOUND = "the file is sound"


class NoStateError(StateError):
    """There is no state yet, or none any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """A state file: its size in bytes, the version of its schema and how many rows its tables have."""

    path: Path | str  # or the URL of a database, without its password
    size: int
    version: str
    newest: str
    rows: dict[str, int]


def status(path: Path) -> Status:
    """What is in a state file; nothing is changed, and an older one is not upgraded.

    Raises:
        NoStateError: there is none.
        StateError: it cannot be read.
    """
    with _reading(path) as connection:
        version = str(connection.scalar(sql("SELECT version_num FROM alembic_version")))
        tables = connection.scalars(sql("SELECT name FROM sqlite_master WHERE type = 'table'")).all()
        wanted = [name for name in metadata.tables if name in tables]
        rows = {name: connection.scalar(sql(f"SELECT COUNT(*) FROM {name}")) or 0 for name in wanted}
    return Status(path=path, size=path.stat().st_size, version=version, newest=schema.HEAD, rows=rows)


def check(path: Path) -> Iterator[Finding]:
    """Hold a state file against everything that must be true of it.

    Raises:
        StateError: there is none, or its schema is not this version's.
    """
    try:
        found = status(path)
    except StateError as error:
        if not path.is_file():
            raise
        yield Finding(invariant=_SOUND, broken=1, cases=(str(error),))
        return
    if found.version != found.newest:
        raise StateError(
            f"the state file {path} has the schema {found.version}, this sqlorch checks {found.newest}; "
            "upgrade it first: sqlorch db upgrade"
        )
    with _reading(path) as connection:
        yield from audit_state(connection)


def backup(path: Path, target: Path) -> int:
    """Copy a state file, consistent and compact, while others go on using it; returns the copy's bytes.

    Raises:
        StateError: there is no state file, the target exists or cannot be written.
    """
    if not path.is_file():
        raise StateError(_missing(path))
    if target.exists():
        raise StateError(f"{target} exists; a backup replaces nothing: choose another name")
    draft = target.with_name(f"{target.name}.part-{os.getpid()}")
    try:
        # made first, so that nobody else may read it while it grows
        os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        with closing(_raw(path)) as connection:
            connection.execute("VACUUM INTO ?", [str(draft)])
        _flush(draft)
        draft.replace(target)
    except sqlite3.Error as error:
        raise explain_sqlite(error, draft) from error
    except OSError as error:
        raise explain_os(error, target) from error
    finally:
        draft.unlink(missing_ok=True)
    return target.stat().st_size


def recover(path: Path, source: Path, *, now: datetime) -> Path | None:
    """Put a backup in the place of the state file; what is there now is moved aside, not deleted.

    The caller holds every lock under which the file is used.

    Returns:
        Where the file that was there is now, None when there was none.

    Raises:
        StateError: the backup is not sound, of a newer version, or of another store.
    """
    if not source.is_file():
        raise StateError(f"there is no backup {source}")
    broken = [finding for finding in check_copy(source) if finding.broken]
    if broken:
        raise StateError(f"the backup {source} is not sound: {broken[0].invariant} ({broken[0].cases[0]})")
    _refuse_other_store(path, source)
    draft = path.with_name(f"{path.name}.part-{os.getpid()}")
    try:
        draft.unlink(missing_ok=True)
        backup(source, draft)
        aside = _move_aside(path, now)
        draft.replace(path)
    except OSError as error:
        raise explain_os(error, path) from error
    schema.open_database(path).close()  # upgrades an older one, and writes down which store it is
    return aside


def check_copy(source: Path) -> Iterator[Finding]:
    """Hold a backup against what must be true; of one with an older schema, only that SQLite finds it sound.

    Raises:
        StateError: it is missing, cannot be read, or is of a newer sqlorch.
    """
    found = status(source)
    if found.version > found.newest:
        raise StateError(f"{source} was written by a newer sqlorch; upgrade sqlorch first")
    if found.version == found.newest:
        yield from check(source)
        return
    with _reading(source) as connection:
        lines = connection.scalars(sql("PRAGMA quick_check")).all()
    bad = tuple(str(line) for line in lines if line != "ok")
    yield Finding(invariant=_SOUND, broken=len(bad), cases=bad[:3])


@contextmanager
def _reading(path: Path) -> Iterator[Connection]:
    if not path.is_file():
        raise NoStateError(_missing(path))
    if path.stat().st_size == 0:
        raise StateError(f"{path} is empty: it has been emptied, or never was a state file")
    database = SqliteDatabase(path)
    try:
        with database.read() as connection:
            tables = set(connection.scalars(sql("SELECT name FROM sqlite_master")))
            if not {"alembic_version", "meta"} <= tables:
                raise StateError(f"{path} is not a state file of sqlorch")
            yield connection
    finally:
        database.close()


def _missing(path: Path) -> str:
    return (
        f"there is no state file {path}: nothing has been run here yet, or it was taken away; {ON_A_SERVER}"
    )


def _refuse_other_store(path: Path, source: Path) -> None:
    known = uuid_file(path)
    with _reading(source) as connection:
        stored = connection.scalar(sql("SELECT value FROM meta WHERE key = 'store_uuid'"))
    if known.exists() and known.read_text(errors="replace").strip() != stored:
        raise StateError(
            f"the backup {source} is of another state file than the one that belongs at {path}; "
            f"if it is to take its place, delete {known} first"
        )


def _move_aside(path: Path, now: datetime) -> Path | None:
    if not path.exists():
        return None
    aside = path.with_name(f"{path.name}.before-{now:%Y%m%dT%H%M%SZ}")
    for suffix in ("", *_SIDES):
        side = path.with_name(path.name + suffix)
        if side.exists():
            side.replace(aside.with_name(aside.name + suffix))
    return aside


def _raw(path: Path) -> sqlite3.Connection:
    """Outside of any transaction, as VACUUM has to be."""
    return sqlite3.connect(f"{path.resolve().as_uri()}?mode=rw", uri=True, isolation_level=None)


def _flush(path: Path) -> None:
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)

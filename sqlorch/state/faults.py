"""What a database error means for the person who meets it: one sentence, what, where, what to do."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from sqlalchemy.exc import DBAPIError, IntegrityError

from sqlorch.domain.errors import StateError

_KEPT = "everything recorded before is kept"

# by SQLite's primary result code (https://www.sqlite.org/rescode.html)
_SENTENCES = {
    sqlite3.SQLITE_FULL: f"cannot grow: the disk is full; free some space and repeat ({_KEPT})",
    sqlite3.SQLITE_READONLY: "is read-only; make it and its folder {folder} writable for you",
    sqlite3.SQLITE_CANTOPEN: (
        "cannot be opened; it and its folder {folder} must be readable and writable for you"
    ),
    sqlite3.SQLITE_PERM: "may not be opened; give yourself the right to read and write it",
    sqlite3.SQLITE_BUSY: f"is locked by another process; wait until it has finished or end it ({_KEPT})",
    sqlite3.SQLITE_IOERR: (
        f"could not be read or written ({{detail}}); check the disk's space and health, then repeat ({_KEPT})"
    ),
}
_SENTENCES[sqlite3.SQLITE_LOCKED] = _SENTENCES[sqlite3.SQLITE_BUSY]

DAMAGED = (
    "the state file {path} is damaged ({detail}); put a good copy in its place and delete {path}-wal "
    "if there is one, or move it and {uuid} away to start with an empty history"
)
ON_A_SERVER = (
    "if it is kept on a server, SQLORCH_STATE_URL or 'state: {url: env:NAME}' in sqlorch.yml has to name it"
)
_DAMAGE_CODES = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT}


def uuid_file(path: Path) -> Path:
    """The side file that remembers which store lives at ``path``."""
    return path.with_suffix(".uuid")


def damaged(path: Path, detail: str) -> StateError:
    """The error for a file whose content is not what was written."""
    return StateError(DAMAGED.format(path=path, detail=detail, uuid=uuid_file(path)))


def explain(error: DBAPIError, path: Path) -> StateError:
    """The :class:`StateError` to raise instead of a driver's error."""
    if isinstance(error, IntegrityError):
        return StateError(
            f"the state file {path} refused a contradiction ({error.orig}); nothing was changed"
        )
    return explain_sqlite(error.orig, path)


def explain_sqlite(origin: BaseException | None, path: Path) -> StateError:
    """The :class:`StateError` to raise instead of what SQLite's own driver raised."""
    detail = str(origin)
    # the low byte is the primary code, the rest says more precisely which one
    code = getattr(origin, "sqlite_errorcode", 0) & 0xFF
    if code in _DAMAGE_CODES:
        return damaged(path, detail)
    sentence = _SENTENCES.get(code, "could not be used: {detail}")
    return StateError(f"the state file {path} {sentence.format(folder=path.parent, detail=detail)}")


def explain_os(error: OSError, path: Path) -> StateError:
    """The :class:`StateError` for a folder or file the operating system refuses."""
    return StateError(
        f"the state cannot be kept at {path}: {error.strerror or error}; "
        f"{path.parent} must be a folder you can write to, with free space"
    )

import sqlite3
from pathlib import Path

import pytest
from sqlalchemy.exc import IntegrityError, OperationalError

from sqlorch.state.faults import explain, explain_os

PATH = Path("/shop/.sqlorch/state.db")


def sqlite_error(code: int, text: str = "what SQLite says") -> OperationalError:
    error = sqlite3.OperationalError(text)
    error.sqlite_errorcode = code
    return OperationalError("INSERT ...", {}, error)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (sqlite3.SQLITE_FULL, "the disk is full; free some space"),
        (sqlite3.SQLITE_READONLY, "is read-only; make it and its folder /shop/.sqlorch writable"),
        (sqlite3.SQLITE_READONLY_DIRECTORY, "is read-only"),
        (sqlite3.SQLITE_CANTOPEN, "cannot be opened"),
        (sqlite3.SQLITE_CANTOPEN_ISDIR, "cannot be opened"),
        (sqlite3.SQLITE_PERM, "may not be opened"),
        (sqlite3.SQLITE_BUSY, "locked by another process; wait"),
        (sqlite3.SQLITE_BUSY_SNAPSHOT, "locked by another process; wait"),
        (sqlite3.SQLITE_LOCKED, "locked by another process; wait"),
        (sqlite3.SQLITE_IOERR_WRITE, r"could not be read or written \(what SQLite says\)"),
        (sqlite3.SQLITE_CORRUPT, r"is damaged \(what SQLite says\); put a good copy"),
        (sqlite3.SQLITE_NOTADB, r"is damaged .* move it and /shop/.sqlorch/state.uuid away"),
        (sqlite3.SQLITE_ERROR, "could not be used: what SQLite says"),
    ],
)
def test_each_code_has_its_sentence(code: int, words: str):
    message = str(explain(sqlite_error(code), PATH))
    assert message.startswith(f"the state file {PATH} ")
    assert "\n" not in message
    with pytest.raises(Exception, match=words):
        raise explain(sqlite_error(code), PATH)


def test_a_contradiction_says_that_nothing_changed():
    error = IntegrityError("INSERT", {}, sqlite3.IntegrityError("UNIQUE constraint failed: attempt.fence"))
    assert "refused a contradiction (UNIQUE constraint failed: attempt.fence); nothing was changed" in str(
        explain(error, PATH)
    )


def test_an_operating_system_error_names_the_place():
    message = str(explain_os(OSError(28, "No space left on device", str(PATH)), PATH))
    assert message == (
        "the state cannot be kept at /shop/.sqlorch/state.db: No space left on device; "
        "/shop/.sqlorch must be a folder you can write to, with free space"
    )

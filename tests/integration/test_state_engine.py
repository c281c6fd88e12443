"""How transactions reach SQLite, and what is set on every connection."""

import os
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import event
from sqlalchemy import text as sql

from sqlorch.domain.errors import StateError
from sqlorch.state import engine as engine_module
from sqlorch.state.engine import SqliteDatabase


@pytest.fixture
def database(tmp_path: Path) -> Iterator[SqliteDatabase]:
    database = SqliteDatabase(tmp_path / "state.db", busy_timeout=0.2)
    with database.write() as connection:
        connection.execute(sql("CREATE TABLE parent (id INTEGER PRIMARY KEY)"))
        connection.execute(sql("CREATE TABLE child (parent INTEGER REFERENCES parent (id))"))
    yield database
    database.close()


def insert(database: SqliteDatabase, table: str, value: object) -> None:
    with database.write() as connection:
        connection.execute(sql(f"INSERT INTO {table} VALUES ({value})"))


@pytest.fixture
def wire(database: SqliteDatabase) -> Iterator[list[str]]:
    """Every statement SQLite itself says it was given."""
    statements: list[str] = []

    def trace(connection: sqlite3.Connection, *_: object) -> None:
        connection.set_trace_callback(statements.append)

    event.listen(database._engine, "checkout", trace)
    return statements


def test_a_write_begins_immediately_and_ends_with_one_commit(database: SqliteDatabase, wire: list[str]):
    with database.write() as connection:
        connection.execute(sql("SELECT count(*) FROM parent"))
        connection.execute(sql("INSERT INTO parent VALUES (1), (2)"))
    assert wire == [
        "BEGIN IMMEDIATE",
        "SELECT count(*) FROM parent",
        "INSERT INTO parent VALUES (1), (2)",
        "COMMIT",
    ]


def test_a_read_begins_plainly(database: SqliteDatabase, wire: list[str]):
    with database.read() as connection:
        connection.execute(sql("SELECT count(*) FROM parent"))
    assert wire == ["BEGIN", "SELECT count(*) FROM parent", "COMMIT"]


def test_an_exception_undoes_the_whole_transaction(database: SqliteDatabase, wire: list[str]):
    with pytest.raises(StateError, match="UNIQUE constraint failed"):
        insert(database, "parent", "1), (2), (2")
    assert wire[-1] == "ROLLBACK"
    with database.read() as connection:
        assert connection.scalar(sql("SELECT count(*) FROM parent")) == 0


@pytest.mark.parametrize(
    ("pragma", "value"),
    [("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1), ("busy_timeout", 30_000)],
)
def test_every_connection_is_set_up(tmp_path: Path, pragma: str, value: object):
    database = SqliteDatabase(tmp_path / "state.db")
    with database.read() as one, database.read() as two:
        for connection in (one, two):
            assert connection.scalar(sql(f"PRAGMA {pragma}")) == value
    database.close()


def test_a_row_that_refers_to_nothing_is_refused(database: SqliteDatabase):
    with pytest.raises(StateError, match="FOREIGN KEY constraint failed"):
        insert(database, "child", 7)


def test_a_read_sees_one_moment_and_is_not_blocked_by_a_writer(database: SqliteDatabase):
    with database.read() as reader:
        before = reader.scalar(sql("SELECT count(*) FROM parent"))
        with database.write() as writer:
            writer.execute(sql("INSERT INTO parent VALUES (1)"))
        assert reader.scalar(sql("SELECT count(*) FROM parent")) == before
    with database.read() as reader:
        assert reader.scalar(sql("SELECT count(*) FROM parent")) == before + 1


def test_another_process_that_holds_the_lock_is_one_sentence(database: SqliteDatabase):
    other = sqlite3.connect(database.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StateError, match="locked by another process; wait"), database.write():
        pytest.fail("two writers at once")
    with database.read() as connection:
        assert connection.scalar(sql("SELECT count(*) FROM parent")) == 0
    other.rollback()
    other.close()
    with database.write() as connection:
        connection.execute(sql("INSERT INTO parent VALUES (1)"))


def test_a_thread_that_waits_too_long_for_its_turn_is_told(database: SqliteDatabase):
    raised: list[StateError] = []

    def wait() -> None:
        try:
            with database.write():
                pass
        except StateError as error:
            raised.append(error)

    with database.write():
        thread = threading.Thread(target=wait)
        thread.start()
        thread.join()
    assert "another thread has been writing" in str(raised[0])


def test_a_deleted_or_replaced_file_is_not_written_to(database: SqliteDatabase):
    database.pin()
    moved = database.path.rename(database.path.with_suffix(".moved"))
    with pytest.raises(StateError, match="was deleted or replaced while in use"), database.write():
        pytest.fail("wrote to a file that is gone")
    database.path.write_bytes(moved.read_bytes())
    with pytest.raises(StateError, match="was deleted or replaced while in use"), database.write():
        pytest.fail("wrote to a file that is gone")
    moved.replace(database.path)
    with database.write() as connection:
        connection.execute(sql("INSERT INTO parent VALUES (1)"))


def test_a_sqlite_too_old_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(engine_module.sqlite3, "sqlite_version_info", (3, 31, 1))
    with pytest.raises(StateError, match=r"needs one with SQLite 3\.37\.0 or newer"):
        SqliteDatabase(tmp_path / "state.db")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on this system")
def test_a_forked_child_uses_a_connection_of_its_own(database: SqliteDatabase):
    with database.write() as connection:
        connection.execute(sql("INSERT INTO parent VALUES (1)"))
    inherited = database._engine.pool
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            with database.write() as connection:
                connection.execute(sql("INSERT INTO parent VALUES (2)"))
            code = 0 if database._engine.pool is not inherited else 2
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    with database.write() as connection:
        connection.execute(sql("INSERT INTO parent VALUES (3)"))
    with database.read() as connection:
        assert connection.scalar(sql("SELECT count(*) FROM parent")) == 3

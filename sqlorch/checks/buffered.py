"""DuckDB's driver as SQLAlchemy wants one (PEP 249), on a cursor of the warehouse's own connection.

DuckDB refuses a second connection with another configuration, so Great Expectations gets a cursor of the one
dbt has open. It reads results after it has ended the transaction, which empties a DuckDB cursor: rows are
fetched as soon as a statement was executed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

paramstyle = "qmark"
apilevel = "2.0"
threadsafety = 1


class Error(Exception):
    """Whatever DuckDB raised, with its words."""


@contextmanager
def _in_words_of_pep_249() -> Iterator[None]:
    try:
        yield
    except Exception as error:
        raise Error(str(error)) from error


class BufferedConnection:
    """PEP 249, as far as SQLAlchemy's dialect for DuckDB asks for it.

    Args:
        cursor: a ``duckdb.DuckDBPyConnection`` that nobody else uses; it is not closed here.
    """

    def __init__(self, cursor: Any) -> None:
        self._cursor = cursor
        self._under_way = False  # DuckDB refuses to end a transaction that was not begun

    def cursor(self) -> BufferedCursor:
        """A cursor with rows of its own."""
        return BufferedCursor(self, self._cursor)

    def begin(self) -> None:
        """Start a transaction."""
        with _in_words_of_pep_249():
            self._cursor.begin()
        self._under_way = True

    def commit(self) -> None:
        """Commit it, if there is one."""
        if self._under_way:
            self._under_way = False
            with _in_words_of_pep_249():
                self._cursor.commit()

    def rollback(self) -> None:
        """Roll it back, if there is one."""
        if self._under_way:
            self._under_way = False
            with _in_words_of_pep_249():
                self._cursor.rollback()

    def close(self) -> None:
        """Nothing: whoever gave the cursor closes it."""


class BufferedCursor:
    """The rows of one statement, fetched when it was executed."""

    arraysize = 1

    def __init__(self, connection: BufferedConnection, cursor: Any) -> None:
        self.connection = connection
        self.description: Any = None
        self.rowcount = -1
        self._cursor = cursor
        self._rows: Iterator[Any] = iter(())

    def execute(self, statement: str, parameters: Sequence[Any] | None = None) -> BufferedCursor:
        """Execute and fetch all of it."""
        with _in_words_of_pep_249():
            self._cursor.execute(statement, parameters or None)
            self.description = self._cursor.description
            rows = self._cursor.fetchall() if self.description else []
        self.rowcount = len(rows)
        self._rows = iter(rows)
        return self

    def executemany(self, statement: str, parameters: Sequence[Sequence[Any]]) -> BufferedCursor:
        """Execute once for each set of parameters."""
        with _in_words_of_pep_249():
            self._cursor.executemany(statement, parameters)
        return self

    def fetchone(self) -> Any:
        """The next row, or None."""
        return next(self._rows, None)

    def fetchmany(self, size: int | None = None) -> list[Any]:
        """Some of the rows that are left."""
        found = []
        for _ in range(size or self.arraysize):
            row = self.fetchone()
            if row is None:
                break
            found.append(row)
        return found

    def fetchall(self) -> list[Any]:
        """All the rows that are left."""
        return list(self._rows)

    def close(self) -> None:
        """Forget the rows."""
        self._rows = iter(())

"""Publishes to one SQLite file."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import duckdb

from sqlorch.engine.ports import ExportTable, Publication
from sqlorch.exporters.landing import Landing, landing
from sqlorch.exporters.refusal import refusing, unpublishable
from sqlorch.exporters.sql import quoted
from sqlorch.exporters.sqlite_types import TEXT, Form, form_of
from sqlorch.exporters.swap import replacing

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

_BATCH_ROWS = 10_000


class SQLiteFile:
    """Replaces an SQLite file by one that holds the tables given (docs/dashboards.md has the types).

    Each table passes through a DuckDB file beside the new one: there its values can be looked at before its
    columns are declared, and DuckDB turns them into text faster than Python would.
    """

    def __init__(self, target: Path) -> None:
        self._target = target

    def publish(self, tables: Iterable[ExportTable]) -> Publication:
        """See :meth:`sqlorch.engine.ports.Exporter.publish`."""
        with replacing(self._target) as file:
            between = file.with_name("landing.duckdb")
            with (
                refusing(self._target, duckdb.Error, sqlite3.Error),
                landing(between, target=self._target) as landed,
                closing(_new_database(file)) as database,
            ):
                database.execute("BEGIN")
                rows = {table.name: self._add(table, landed, database) for table in tables}
                database.execute("COMMIT")
            size = file.stat().st_size
        return Publication(path=self._target, rows=rows, size=size)

    def _add(self, table: ExportTable, landed: Landing, database: sqlite3.Connection) -> int:
        if table.name.lower().startswith("sqlite_"):
            raise unpublishable(
                self._target, f"table {table.name}: SQLite reserves names that start with sqlite_"
            )
        rows = landed.add(table)
        with refusing(self._target, duckdb.Error, sqlite3.Error, about=f"table {table.name}"):
            _copy(table.name, landed, database)
            landed.drop(table.name)
        return rows


def _new_database(file: Path) -> sqlite3.Connection:
    """A database without a journal: until it is swapped in, a failure throws the whole file away."""
    database = sqlite3.connect(file, isolation_level=None)
    for setting in ("journal_mode = OFF", "synchronous = OFF", "locking_mode = EXCLUSIVE"):
        database.execute(f"PRAGMA {setting}")
    return database


def _copy(name: str, landed: Landing, database: sqlite3.Connection) -> None:
    columns = landed.columns(name)
    forms = _forms(name, columns, landed.connection)
    declarations = [f"{quoted(c)} {form.declared}" for (c, _), form in zip(columns, forms, strict=True)]
    expressions = [form.expression.format(c=quoted(c)) for (c, _), form in zip(columns, forms, strict=True)]
    database.execute(f"CREATE TABLE {quoted(name)} ({', '.join(declarations)})")
    landed.connection.execute(f"SELECT {', '.join(expressions)} FROM {quoted(name)}")
    marks = ", ".join("?" * len(columns))
    database.executemany(f"INSERT INTO {quoted(name)} VALUES ({marks})", _fetched(landed.connection))


def _forms(
    name: str, columns: Sequence[tuple[str, str]], connection: duckdb.DuckDBPyConnection
) -> list[Form]:
    """The form of every column; text where a value would lose digits, in one pass over the table."""
    forms = [form_of(kind) for _, kind in columns]
    checks = [
        f"bool_and({form.fits.format(c=quoted(column))} OR {quoted(column)} IS NULL)" if form.fits else "true"
        for (column, _), form in zip(columns, forms, strict=True)
    ]
    if all(check == "true" for check in checks):
        return forms
    verdicts = connection.execute(f"SELECT {', '.join(checks)} FROM {quoted(name)}").fetchall()[0]
    # An empty table has no verdict (null) and loses nothing.
    return [TEXT if fits is False else form for form, fits in zip(forms, verdicts, strict=True)]


def _fetched(connection: duckdb.DuckDBPyConnection) -> Iterator[tuple[Any, ...]]:
    while rows := connection.fetchmany(_BATCH_ROWS):
        yield from rows

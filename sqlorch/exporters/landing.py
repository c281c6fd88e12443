"""Arrow streams become typed tables of a DuckDB file, batch by batch.

Both exporters land here: one ships the file, the other reads its tables back as what SQLite can hold. So
there is one place that knows which Arrow types exist and how they are kept.
"""

from __future__ import annotations

from contextlib import contextmanager
from string import ascii_lowercase, ascii_uppercase
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa

from sqlorch.exporters.arrow import readable
from sqlorch.exporters.refusal import in_one_line, unpublishable
from sqlorch.exporters.sql import literal, quoted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from sqlorch.engine.ports import ArrowStream, ExportTable

# The oldest format that today's DuckDB writes: every DuckDB since 0.10 reads it. Left to itself, DuckDB 2.0
# writes files that no 1.x opens, and the drivers of dashboards are often older than the warehouse.
STORAGE_VERSION = "v1.0.0"

# A field of the Arrow schema may carry the DuckDB type that Arrow cannot express (enumerations).
DUCKDB_TYPE = b"duckdb.type"

_ASCII_LOWER = str.maketrans(ascii_uppercase, ascii_lowercase)


class Landing:
    """A DuckDB file that takes tables in. Made by :func:`landing`."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, target: Path) -> None:
        self._connection = connection
        self._target = target
        self._seen: dict[str, str] = {}

    @property
    def connection(self) -> duckdb.DuckDBPyConnection:
        """The connection on which the landed tables are read; the file is its default database."""
        return self._connection

    def add(self, table: ExportTable) -> int:
        """Take in one table.

        Returns:
            Its number of rows.

        Raises:
            IntegrationError: its name or a column's name cannot be used, a type or value cannot be kept, its
                rows cannot be read, the disk is full.
        """
        self._refuse_name(table.name)
        failures: list[Exception] = []
        try:
            with table.open() as stream:
                return self._create(table, stream, failures)
        except Exception as error:  # noqa: BLE001 the source is any code, see below
            # The rows come from the user's database through code we do not know: anything may be raised. What
            # the source said is worth more than DuckDB's account of it, which passed through a C interface.
            cause = failures[0] if failures else error
            raise unpublishable(self._target, f"table {table.name}: {in_one_line(cause)}") from cause

    def columns(self, name: str) -> list[tuple[str, str]]:
        """Names and DuckDB types of a landed table's columns."""
        rows = self._connection.execute(f"DESCRIBE {quoted(name)}").fetchall()
        return [(column, kind) for column, kind, *_ in rows]

    def drop(self, name: str) -> None:
        """Forget a landed table, its space to be used again."""
        self._connection.execute(f"DROP TABLE {quoted(name)}").fetchall()

    def _create(self, table: ExportTable, stream: ArrowStream, failures: list[Exception]) -> int:
        # A reader made in Python is read as it is: through the C interface its exceptions would be mere text.
        arrived = (
            stream if isinstance(stream, pa.RecordBatchReader) else pa.RecordBatchReader.from_stream(stream)
        )
        reader = readable(arrived)
        _check_names(reader.schema.names)
        watched = pa.RecordBatchReader.from_batches(reader.schema, _watched(reader, failures))
        self._connection.register("arriving", watched)
        try:
            kinds = [kind for _, kind, *_ in self._connection.execute("DESCRIBE arriving").fetchall()]
            chosen = ", ".join(map(_projection, reader.schema, kinds))
            statement = f"CREATE TABLE {quoted(table.name)} AS SELECT {chosen} FROM arriving"
            (rows,) = self._connection.execute(statement).fetchall()[0]
        finally:
            self._connection.unregister("arriving")
        if table.description:
            comment = f"COMMENT ON TABLE {quoted(table.name)} IS {literal(table.description)}"
            self._connection.execute(comment).fetchall()
        return int(rows)

    def _refuse_name(self, name: str) -> None:
        if not name:
            raise unpublishable(self._target, "a table has no name")
        if (twin := self._seen.get(_folded(name))) is not None:
            raise unpublishable(self._target, f"two tables are named {twin} and {name}; leave one out")
        self._seen[_folded(name)] = name


@contextmanager
def landing(file: Path, *, target: Path) -> Iterator[Landing]:
    """Make a DuckDB file and take tables into it; complete and closed when the block ends.

    Args:
        file: the file to make, alone in its folder (what does not fit memory spills beside it).
        target: the published file, for messages.
    """
    connection = duckdb.connect()
    try:
        _configure(connection, file)
        yield Landing(connection, target)
        # Detaching writes the log back, so that one file is all there is.
        connection.execute("USE memory").fetchall()
        connection.execute("CHECKPOINT out").fetchall()
        connection.execute("DETACH out").fetchall()
    finally:
        connection.close()


def _configure(connection: duckdb.DuckDBPyConnection, file: Path) -> None:
    for statement in (
        f"SET temp_directory = {literal(str(file.parent / 'spill'))}",
        # Types are built in; nothing is ever fetched from a network for an export.
        "SET autoinstall_known_extensions = false",
        "SET autoload_known_extensions = false",
        # Instants become text in the SQLite file, in UTC and not in the zone of this machine.
        "SET TimeZone = 'UTC'",
        f"ATTACH {literal(str(file))} AS out (STORAGE_VERSION '{STORAGE_VERSION}')",
        "USE out",
    ):
        connection.execute(statement).fetchall()


def _projection(field: pa.Field, kind: str) -> str:
    """How a column is kept: as it arrives, unless its type has no values or only DuckDB knows the type."""
    name = quoted(field.name)
    wanted = (field.metadata or {}).get(DUCKDB_TYPE, b"").decode()
    if kind in {'"NULL"', "NULL"}:
        # A column of nothing but nulls; DuckDB itself gave it this type before it knew one of its own.
        wanted = "INTEGER"
    return f"CAST({name} AS {wanted}) AS {name}" if wanted and wanted != kind else name


def _watched(reader: pa.RecordBatchReader, failures: list[Exception]) -> Iterator[pa.RecordBatch]:
    """The batches, and a note of the exception that ended them."""
    try:
        yield from reader
    except Exception as error:
        failures.append(error)
        raise


def _check_names(names: Sequence[str]) -> None:
    """Refuse columns that neither format can hold."""
    if not names:
        raise ValueError("it has no columns")
    seen: dict[str, str] = {}
    for name in names:
        if not name:
            raise ValueError("a column has no name; name it in the model")
        if (twin := seen.get(_folded(name))) is not None:
            both = f"the columns {twin} and {name} are one name to DuckDB and SQLite"
            raise ValueError(f"{both}, which ignore case; rename one in the model")
        seen[_folded(name)] = name


def _folded(name: str) -> str:
    """A name as DuckDB and SQLite compare it: they ignore the case of A to Z alone."""
    return name.translate(_ASCII_LOWER)

"""The columns of files that DuckDB reads, asked of DuckDB itself."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sqlorch.lineage.columns.values import Column, KnownColumns, SchemaOrigin

if TYPE_CHECKING:
    import duckdb

# A file in quotes, or a reader of files over one; never a statement of another shape, never an address.
_FILE = re.compile(r"'(?!\w+://)[^']+'\Z|read_(parquet|csv|csv_auto|json|json_auto)\(", re.IGNORECASE)
_ADDRESS = re.compile(r"['\"]\s*\w{2,}://")


class FileColumns:
    """Describes local files by their SQL text; remote ones are left alone: nothing waits for a network.

    One in-memory DuckDB serves all questions of a command; it is opened with the first.
    """

    def __init__(self) -> None:
        self._connection: duckdb.DuckDBPyConnection | None = None
        self._known: dict[str, KnownColumns | None] = {}

    def __call__(self, text: str) -> KnownColumns | None:
        """The columns of a file or file reader as written after FROM; None when it is no such thing."""
        if text not in self._known:
            local = _FILE.match(text) and not _ADDRESS.search(text)
            self._known[text] = self._ask(text) if local else None
        return self._known[text]

    def _ask(self, text: str) -> KnownColumns | None:
        import duckdb  # noqa: PLC0415 - takes a while, and most projects read no files

        if self._connection is None:
            settings = {"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"}
            self._connection = duckdb.connect(":memory:", config=settings)
        try:
            # Parsed first: what is not exactly one statement is not executed.
            (statement,) = self._connection.extract_statements(f"describe select * from {text}")
            found = self._connection.execute(statement).fetchall()
        except (duckdb.Error, ValueError):
            # The file is not there or is no such file: its columns stay unknown, which coverage counts.
            return None
        columns = tuple(Column(name=str(row[0]), type=str(row[1])) for row in found)
        return KnownColumns(columns=columns, origin=SchemaOrigin.DESCRIBED)

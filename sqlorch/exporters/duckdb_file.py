"""Publishes to one DuckDB file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb

from sqlorch.engine.ports import ExportTable, Publication
from sqlorch.exporters.landing import landing
from sqlorch.exporters.refusal import refusing
from sqlorch.exporters.swap import replacing

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


class DuckDBFile:
    """Replaces a DuckDB file by one that holds the tables given, every type kept.

    The file can be opened by DuckDB 0.10 and later, unless a column has a type that is younger
    (docs/dashboards.md lists them).
    """

    def __init__(self, target: Path) -> None:
        self._target = target

    def publish(self, tables: Iterable[ExportTable]) -> Publication:
        """See :meth:`sqlorch.engine.ports.Exporter.publish`."""
        with replacing(self._target) as file:
            with refusing(self._target, duckdb.Error), landing(file, target=self._target) as landed:
                rows = {table.name: landed.add(table) for table in tables}
            size = file.stat().st_size
        return Publication(path=self._target, rows=rows, size=size)

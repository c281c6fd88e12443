"""What is published together is read at one moment, while others go on writing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection

from sqlorch.state import dashboards
from sqlorch.state.trends import SqlTrends


class Moment:
    """The state as it was when a transaction began. Made by :meth:`sqlorch.state.store.SqlStore.moment`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.trends = SqlTrends(self)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """The transaction; it goes on afterwards."""
        yield self._connection

    def dashboard_rows(self, table: str) -> tuple[dashboards.Columns, Iterator[tuple[Any, ...]]]:
        """See :meth:`sqlorch.state.store.SqlStore.dashboard_rows`."""
        return dashboards.describe(table), dashboards.rows(self._connection, table)
